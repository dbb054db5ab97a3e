"""Takes points of a run away again: those from a step on, or whole metrics.

Chunks are planned on a snapshot, beside the writers; blocks, MLflow's own rows and what is derived
follow in one transaction, which is void where a series has changed since it was planned.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.entities.metric import Points, Series
from headwater.errors import StaleCompactionError
from headwater.storage.metadata.base import Connection, Row
from headwater.storage.metrics import chunk, series
from headwater.storage.metrics.blocks import blocks_after
from headwater.storage.metrics.compaction import SeriesPlan
from headwater.storage.metrics.latest import UPSERT, latest_points
from headwater.storage.metrics.summary import Point, Summary, combined, summarise
from headwater.wire import metric_block

_KEYS = "SELECT key FROM latest_metrics WHERE run_uuid = ? ORDER BY key"

_UPDATE_BLOCK = "UPDATE headwater_metric_blocks SET points = ?, payload = ? WHERE block_id = ?"

_DELETE_BLOCK = "DELETE FROM headwater_metric_blocks WHERE block_id = ?"

_DELETE_ROWS = "DELETE FROM metrics WHERE run_uuid = ? AND key = ? AND step >= ?"

_DELETE_MODEL_ROWS = """
DELETE FROM logged_model_metrics WHERE run_id = ? AND metric_name = ? AND metric_step >= ?
"""

_LATEST_ROW = """
SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? AND key = ?
ORDER BY step DESC, timestamp DESC, value DESC LIMIT 1
"""

_DELETE_LATEST = "DELETE FROM latest_metrics WHERE run_uuid = ? AND key = ?"

FIRST_STEP = -(1 << 63)
"""Every step is this or a later one."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """What a rewind did to a metric that it changed."""

    key: str
    deleted: int
    """Stored points; one that was logged twice may have been stored twice."""

    last_step: int | None
    """The greatest step that is left; None where the metric is gone."""


@dataclass(frozen=True)
class _Cut:
    """A series as it was found, and what becomes of its chunks; no plan where all of them go."""

    key: str
    found: series.StoredSeries
    deleted: int
    plan: SeriesPlan | None
    chunks: Sequence[series.NewRow]


@dataclass(frozen=True)
class RewindPlan:
    """Which points of a run go: of the metrics in `keys` those at step `since` and later."""

    run_id: str
    keys: frozenset[str]
    since: int
    cuts: Sequence[_Cut]
    """Of every series among the metrics, changed or not."""


def plan_rewind(
    connection: Connection, run_id: str, keys: Collection[str] | None, since: int
) -> RewindPlan:
    """Plan on a snapshot; `keys` None is every metric of the run.

    Memory: what is left of the one chunk of each series that is cut, and one chunk at a time.

    Raises:
        CorruptBlockError: a chunk of one of the metrics cannot be read.
    """
    if keys is None:
        keys = [key for (key,) in connection.execute(_KEYS, (run_id,))]
    wanted = frozenset(keys)
    stored = series.keys(connection, run_id)
    cuts = [_cut(connection, run_id, key, since) for key in stored if key in wanted]
    return RewindPlan(run_id, wanted, since, cuts)


def apply_rewind(connection: Connection, plan: RewindPlan) -> list[Rewound]:
    """Put a plan into effect, or raise: the caller's transaction then leaves nothing behind.

    The caller has locked the run's row.

    Raises:
        StaleCompactionError: a series has changed since it was planned.
        CorruptBlockError: a block that may have points of the metrics cannot be read.
    """
    deleted = dict.fromkeys(plan.keys, 0)
    last: dict[str, Point] = {}
    _rewind_blocks(connection, plan, deleted, last)
    _rewind_rows(connection, plan, deleted, last)
    _require_unchanged(connection, plan)
    for cut in plan.cuts:
        deleted[cut.key] += cut.deleted
        _rewind_series(connection, plan.run_id, cut)
        if cut.plan is not None:
            _raise(last, cut.key, cut.plan.summary.last)
    changed = sorted(key for key, count in deleted.items() if count)
    for key in changed:
        connection.execute(_DELETE_LATEST, (plan.run_id, key))
        if key in last:
            connection.execute(UPSERT, (plan.run_id, key, *_row(last[key])))
    return [Rewound(key, deleted[key], last[key].step if key in last else None) for key in changed]


def _cut(connection: Connection, run_id: str, key: str, since: int) -> _Cut:
    found = series.find(connection, run_id, key)
    assert found is not None
    removed: list[int] = []
    added: list[Series] = []
    summary: Summary | None = None
    left = 0
    for row, payload in series.chunk_rows(connection, found.series_id):
        points = chunk.decode(payload)
        kept = points.take(np.flatnonzero(points.steps < since))
        if len(kept) < len(points):
            removed.append(row[0])
            added += [kept] if len(kept) else []
        if len(kept):
            left += len(kept)
            summary = _with(summary, kept)
    deleted = found.summary.points - left
    if summary is None:
        return _Cut(key, found, deleted, None, ())
    plan = SeriesPlan(removed, added, summary)
    return _Cut(key, found, deleted, plan, [series.new_row(kept) for kept in added])


def _with(summary: Summary | None, points: Series) -> Summary:
    found = summarise(points)
    return found if summary is None else combined(summary, found)


def _rewind_blocks(
    connection: Connection, plan: RewindPlan, deleted: dict[str, int], last: dict[str, Point]
) -> None:
    # Locked before the series are looked at: a compaction has either moved a block into a series
    # that has changed then, or waits, and finds that the block is not what it was.
    for block_id, payload in blocks_after(connection, plan.run_id, lock=True):
        points = metric_block.decode(payload)
        concerned = np.array([key in plan.keys for key in points.keys], bool)[points.key_index]
        gone = concerned & (points.steps >= plan.since)
        kept = points
        if gone.any():
            kept = _take(points, ~gone)
            _count(deleted, points, gone)
            if len(kept):
                parameters = (len(kept), metric_block.encode(kept), block_id)
                connection.execute(_UPDATE_BLOCK, parameters)
            else:
                connection.execute(_DELETE_BLOCK, (block_id,))
        if len(kept):
            for key, step, timestamp, value, is_nan in latest_points(kept).rows():
                if key in plan.keys:
                    _raise(last, key, Point(step, timestamp, value, is_nan))


def _take(points: Points, mask: NDArray[np.bool_]) -> Points:
    """Return the points under the mask, and only the keys that they have."""
    used, key_index = np.unique(points.key_index[mask], return_inverse=True)
    keys = tuple(points.keys[key] for key in used.tolist())
    return Points(keys, key_index, points.steps[mask], points.timestamps[mask], points.values[mask])


def _count(deleted: dict[str, int], points: Points, gone: NDArray[np.bool_]) -> None:
    counts = np.bincount(points.key_index[gone], minlength=len(points.keys)).tolist()
    for key, count in zip(points.keys, counts, strict=True):
        if count:
            deleted[key] += count


def _rewind_rows(
    connection: Connection, plan: RewindPlan, deleted: dict[str, int], last: dict[str, Point]
) -> None:
    """Delete MLflow's own rows, and those of the points that are attributed to models."""
    for key in sorted(plan.keys):
        gone = (plan.run_id, key, plan.since)
        deleted[key] += connection.execute(_DELETE_ROWS, gone).rowcount
        connection.execute(_DELETE_MODEL_ROWS, gone)
        row = connection.execute(_LATEST_ROW, (plan.run_id, key)).fetchone()
        if row is not None:
            step, timestamp, value, is_nan = row
            _raise(last, key, Point(step, timestamp, value, bool(is_nan)))


def _require_unchanged(connection: Connection, plan: RewindPlan) -> None:
    planned = {cut.key for cut in plan.cuts}
    for key in series.keys(connection, plan.run_id):
        if key in plan.keys and key not in planned:
            raise StaleCompactionError(f"metric {key!r} was compacted for the first time")
    for cut in plan.cuts:
        found = series.find(connection, plan.run_id, cut.key)
        if found is None or found.revision != cut.found.revision:
            raise StaleCompactionError(f"metric {cut.key!r} was compacted")


def _rewind_series(connection: Connection, run_id: str, cut: _Cut) -> None:
    if cut.plan is None:
        if connection.execute(*series.forget(cut.found)).rowcount != 1:
            raise StaleCompactionError(f"metric {cut.key!r} was compacted")
    elif cut.deleted:
        series.store(connection, run_id, cut.key, cut.found, cut.plan, cut.chunks)


def _raise(last: dict[str, Point], key: str, point: Point) -> None:
    if key not in last or last[key].order() < point.order():
        last[key] = point


def _row(point: Point) -> Row:
    return point.step, point.timestamp, point.value, point.is_nan
