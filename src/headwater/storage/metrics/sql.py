"""What metric engines on SQL databases share: chunks, blocks, MLflow's rows, merged on reading."""

import time
from collections.abc import Iterable, Sequence

import numpy as np

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Points, Series
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import series
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.latest import UPSERT, LatestPoints, latest_points
from headwater.storage.metrics.merge import merged
from headwater.storage.metrics.outline import draw
from headwater.wire import metric_block

_INSERT_BLOCK = "INSERT INTO headwater_metric_blocks (run_uuid, points, payload) VALUES (?, ?, ?)"

_SELECT_BLOCKS = "SELECT payload FROM headwater_metric_blocks WHERE run_uuid = ? ORDER BY block_id"

_SELECT_ROWS = "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? AND key = ?"


class SqlMetricEngine(MetricEngine):
    """Portable statements; what a database does better in its own way is a method to override.

    What it stores is noted in `activity`, if any.
    """

    def __init__(self, activity: Activity | None = None) -> None:
        self._activity = activity

    def run_ended(self, run_id: str) -> None:
        """See `MetricEngine.run_ended`."""
        if self._activity is not None:
            self._activity.ended(run_id)

    def append(self, connection: Connection, run_id: str, points: Points) -> None:
        """See `MetricEngine.append`."""
        if len(points) == 0:
            return
        self.append_block(connection, run_id, points, metric_block.encode(points))

    def append_block(
        self, connection: Connection, run_id: str, points: Points, block: bytes
    ) -> None:
        """See `MetricEngine.append_block`."""
        connection.execute(_INSERT_BLOCK, (run_id, len(points), block))
        self._note(run_id, len(points))
        self._update_latest(connection, run_id, latest_points(points))

    def append_point(
        self,
        connection: Connection,
        run_id: str,
        key: str,
        step: int,
        timestamp: int,
        value: float,
    ) -> None:
        """See `MetricEngine.append_point`."""
        payload = metric_block.encode_point(key, step, timestamp, value)
        connection.execute(_INSERT_BLOCK, (run_id, 1, payload))
        self._note(run_id, 1)
        is_nan = value != value  # only NaN differs from itself
        stored = 0.0 if is_nan else value
        connection.execute(UPSERT, (run_id, key, step, timestamp, stored, is_nan))

    def histories(
        self, connection: Connection, run_ids: Sequence[str], key: str
    ) -> dict[str, Series]:
        """See `MetricEngine.histories`."""
        found = {}
        for run_id in run_ids:
            pieces = [
                *series.load_all(connection, run_id, key),
                *_loose(connection, run_id, key),
            ]
            if pieces:
                found[run_id] = merged(pieces)
        return found

    def drawn(self, connection: Connection, run_id: str, key: str, cut: Cut) -> Drawing | None:
        """See `MetricEngine.drawn`."""
        return draw(connection, run_id, key, cut, _loose(connection, run_id, key))

    def _update_latest(self, connection: Connection, run_id: str, latest: LatestPoints) -> None:
        """Make `latest` the run's latest metrics, but for keys that have later ones."""
        rows = zip([run_id] * len(latest.keys), *latest.columns, strict=True)
        connection.executemany(UPSERT, rows)

    def _note(self, run_id: str, points: int) -> None:
        if self._activity is not None:
            self._activity.logged(run_id, 1, points, time.monotonic())


def _loose(connection: Connection, run_id: str, key: str) -> list[Series]:
    """Read the points that are in no chunk."""
    rows = _rows(connection, run_id, key)
    return [*_blocks(connection, run_id, key), *([] if rows is None else [rows])]


def _blocks(connection: Connection, run_id: str, key: str) -> list[Series]:
    pieces = []
    for (payload,) in connection.execute(_SELECT_BLOCKS, (run_id,)):
        if not metric_block.holds_key(payload, key):
            continue
        try:
            points = metric_block.decode(payload)
        except CorruptBlockError as error:
            raise CorruptBlockError(f"{error}; run {run_id}, metric {key!r}") from error
        if (piece := of_key(points, key)) is not None:
            pieces.append(piece)
    return pieces


def of_key(points: Points, key: str) -> Series | None:
    """Return the points of one metric, or None where there are none."""
    whole = Series(points.steps, points.timestamps, points.values)
    if points.keys == (key,):
        return whole
    if key not in points.keys:
        return None
    return whole.take(np.flatnonzero(points.key_index == points.keys.index(key)))


def _rows(connection: Connection, run_id: str, key: str) -> Series | None:
    rows: Iterable[tuple[int, int, float, int]] = connection.execute(_SELECT_ROWS, (run_id, key))
    columns = list(zip(*rows, strict=True))
    if not columns:
        return None
    steps, timestamps, values, is_nan = columns
    return Series(
        np.array(steps, np.int64),
        np.array(timestamps, np.int64),
        np.where(np.array(is_nan, bool), np.nan, np.array(values, np.float64)),
    )
