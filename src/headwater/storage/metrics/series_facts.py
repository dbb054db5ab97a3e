"""What a search must know of series beyond their summary rows: points not yet compacted."""

from collections.abc import Sequence
from functools import partial

from headwater.entities.expression import (
    Field,
    Related,
    SeriesFacts,
    Statistics,
    comparisons,
    leaves,
)
from headwater.entities.metric import Series
from headwater.entities.search import RunSearch
from headwater.errors import CorruptBlockError, InvalidParameterError
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics import series
from headwater.storage.metrics.blocks import blocks_after
from headwater.storage.metrics.compaction import plan_series
from headwater.storage.metrics.merge import merged
from headwater.storage.metrics.mlflow_rows import columns
from headwater.storage.metrics.sql import of_key
from headwater.storage.metrics.summary import Summary
from headwater.wire import metric_block

_MOST_BLOCKS = 200_000
_MOST_POINTS = 10_000_000
_MOST_ROWS = 1_000_000

_IS_METRIC = 'SELECT 1 FROM latest_metrics WHERE "key" = ? LIMIT 1'

# Blocks first, for few runs have any; CROSS JOIN says so to SQLite.
_RUNS_WITH_BLOCKS = """
SELECT b.run_uuid, count(*), sum(b.points)
FROM headwater_metric_blocks AS b CROSS JOIN runs
WHERE runs.run_uuid = b.run_uuid {} GROUP BY b.run_uuid
"""

_ROWS_OF_KEY = """
SELECT m.run_uuid, m.timestamp, m.step, m.value, m.is_nan
FROM metrics AS m CROSS JOIN runs
WHERE m."key" = ? AND runs.run_uuid = m.run_uuid {} LIMIT ?
"""

_Pieces = dict[str, dict[str, list[Series]]]
"""By metric and run."""


def series_facts(connection: Connection, search: RunSearch) -> SeriesFacts:
    """Return what the summary rows do not tell of the series that a search names.

    Raises:
        InvalidParameterError: too many points are not yet compacted.
        CorruptBlockError: points that must be read are damaged.
    """
    expression = search.expression
    fields = [Field(o.source, o.key, o.statistic, o.shadowed_by) for o in search.orderings]
    if expression is not None:
        fields += [comparison.field for comparison in comparisons(expression)]
    names = {field.shadowed_by for field in fields if field.shadowed_by is not None}
    metrics = frozenset(
        name for name in names if connection.execute(_IS_METRIC, (name,)).fetchone() is not None
    )
    keys = {
        field.key
        for field in fields
        if field.statistic not in (None, "last") and field.shadowed_by not in metrics
    }
    if not keys:
        return SeriesFacts(metrics)
    # Parents and children may be in any experiment.
    relatives = expression is not None and any(isinstance(t, Related) for t in leaves(expression))
    experiments = () if relatives else search.experiment_ids
    return SeriesFacts(metrics, _loose(connection, sorted(keys), experiments))


def _loose(
    connection: Connection, keys: Sequence[str], experiments: Sequence[int]
) -> dict[str, dict[str, Statistics]]:
    """Return the statistics of series that have points outside of chunks.

    No `experiments` stand for all.
    """
    among = f"AND runs.experiment_id IN ({', '.join('?' * len(experiments))})" * bool(experiments)
    pieces: _Pieces = {key: {} for key in keys}
    runs = connection.execute(_RUNS_WITH_BLOCKS.format(among), experiments).fetchall()
    blocks, points = sum(row[1] for row in runs), sum(row[2] for row in runs)
    if blocks > _MOST_BLOCKS or points > _MOST_POINTS:
        raise InvalidParameterError(
            f"A search by summaries of metrics would read {int(points):,} points that are not yet "
            "compacted; wait for the server to compact them, or run: headwater compact"
        )
    for run_id, *_ in runs:
        _read_blocks(connection, run_id, pieces)
    for key in keys:
        _read_rows(connection, key, experiments, among, pieces[key])
    return {
        key: {
            run_id: _statistics(connection, run_id, key, merged(found))
            for run_id, found in of_runs.items()
        }
        for key, of_runs in pieces.items()
    }


def _read_blocks(connection: Connection, run_id: str, pieces: _Pieces) -> None:
    for _, payload in blocks_after(connection, run_id):
        held = [key for key in pieces if metric_block.holds_key(payload, key)]
        if not held:
            continue
        try:
            points = metric_block.decode(payload)
        except CorruptBlockError as error:
            raise CorruptBlockError(f"{error}; run {run_id}") from error
        for key in held:
            if (piece := of_key(points, key)) is not None:
                pieces[key].setdefault(run_id, []).append(piece)


def _read_rows(
    connection: Connection,
    key: str,
    experiments: Sequence[int],
    among: str,
    pieces: dict[str, list[Series]],
) -> None:
    """Read the points of a metric that are rows of MLflow's table."""
    rows = columns(
        connection.execute(_ROWS_OF_KEY.format(among), (key, *experiments, _MOST_ROWS + 1))
    )
    if len(rows) > _MOST_ROWS:
        raise InvalidParameterError(
            f"A search by summaries of {key!r} would read over {_MOST_ROWS:,} rows of MLflow's "
            "metrics table; move them into chunks first: headwater migrate"
        )
    points = rows.points
    for run_id in points.keys:
        piece = of_key(points, run_id)
        assert piece is not None
        pieces.setdefault(run_id, []).append(piece)


def _statistics(connection: Connection, run_id: str, key: str, loose: Series) -> Statistics:
    """Summarise a whole series; of its chunks, only those that the points fall in are read."""
    found = series.find(connection, run_id, key)
    chunks = [] if found is None else series.chunks_around(connection, found.series_id, loose)
    summary = None if found is None else found.summary
    plan = plan_series(chunks, summary, loose, partial(series.load_chunk, connection))
    return statistics_of(plan.summary)


def statistics_of(summary: Summary) -> Statistics:
    """Return what searches compare of a summary."""
    finite = summary.points - summary.nans - summary.infinities
    return Statistics(
        min=None if summary.minimum is None else summary.minimum.value,
        max=None if summary.maximum is None else summary.maximum.value,
        first=float("nan") if summary.first.is_nan else summary.first.value,
        mean=summary.total / finite if finite else None,
        count=summary.points,
    )
