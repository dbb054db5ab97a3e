"""Verifies what is stored of metrics: checksums, and everything that is derived from points.

One run at a time; what is held in memory is one block or chunk, and a point for each metric.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Series
from headwater.errors import CorruptBlockError
from headwater.storage.metadata.base import Connection, Row
from headwater.storage.metrics import chunk, envelope, series
from headwater.storage.metrics.blocks import blocks_after
from headwater.storage.metrics.latest import UPSERT, latest_points
from headwater.storage.metrics.summary import Summary, combined, summarise
from headwater.wire import metric_block

_RUNS = """
SELECT run_uuid FROM headwater_metric_blocks UNION SELECT run_uuid FROM headwater_metric_series
ORDER BY 1
"""

_ROWS = "SELECT key, step, timestamp, value FROM metrics WHERE run_uuid = ?"

_LATEST = "SELECT key, step, timestamp, value FROM latest_metrics WHERE run_uuid = ?"

Latest = tuple[int, int, float, bool]
"""(step, timestamp, value with NaN as 0, is NaN)."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written, or does not agree."""

    run_id: str
    key: str | None
    """The metric; None where it is of several."""

    text: str
    repair: tuple[str, Row] | None = None
    """A statement that puts it right and does no harm where it is right already."""


def runs_with_points(connection: Connection) -> list[str]:
    """Return the ids of the runs that have blocks or chunks."""
    return [run_id for (run_id,) in connection.execute(_RUNS)]


def check_run(connection: Connection, run_id: str) -> Iterator[Problem]:
    """Verify everything that is stored of a run's metrics, changing nothing."""
    latest: dict[str, Latest] = {}
    damaged = 0
    for problem in _blocks(connection, run_id, latest):
        damaged += 1
        yield problem
    for key in series.keys(connection, run_id):
        for problem in _series(connection, run_id, key, latest):
            damaged += problem.repair is None
            yield problem
    for key, step, timestamp, value in connection.execute(_ROWS, (run_id,)):
        _raise(latest, key, (step, timestamp, value, False))
    yield from _latest_metrics(connection, run_id, latest, complete=damaged == 0)


def _blocks(connection: Connection, run_id: str, latest: dict[str, Latest]) -> Iterator[Problem]:
    for block_id, payload in blocks_after(connection, run_id):
        try:
            points = metric_block.decode(payload)
        except CorruptBlockError as error:
            yield Problem(run_id, None, f"block {block_id}: {error}")
            continue
        for key, step, timestamp, value, is_nan in latest_points(points).rows():
            _raise(latest, key, (step, timestamp, value, is_nan))


def _series(
    connection: Connection, run_id: str, key: str, latest: dict[str, Latest]
) -> Iterator[Problem]:
    found = series.find(connection, run_id, key)
    assert found is not None
    whole: Summary | None = None
    readable = True
    last: tuple[int, int] | None = None
    for row, payload in series.chunk_rows(connection, found.series_id):
        try:
            points = chunk.decode(payload)
        except CorruptBlockError as error:
            readable = False
            yield Problem(run_id, key, f"chunk {row[0]}: {error}")
            continue
        if series.describe(points) != row[1:]:
            yield Problem(
                run_id,
                key,
                f"chunk {row[0]}: its row does not tell what it holds",
                series.redescribe(row[0], payload, points),
            )
        yield from _envelope(connection, run_id, key, row[0], payload, points)
        if last is not None and _first(points) <= last:
            yield Problem(run_id, key, f"chunk {row[0]} overlaps the one before it")
        last = (int(points.timestamps[-1]), int(points.steps[-1]))
        summary = summarise(points)
        whole = summary if whole is None else combined(whole, summary)
    if whole is None:
        if readable:
            yield Problem(run_id, key, "a summary without points", series.forget(found))
        return
    end = whole.last
    _raise(latest, key, (end.step, end.timestamp, end.value, end.is_nan))
    if readable and not _agree(whole, found.summary):
        yield Problem(
            run_id, key, "its summary does not agree with its points", series.resume(found, whole)
        )


def _envelope(
    connection: Connection, run_id: str, key: str, chunk_id: int, payload: bytes, points: Series
) -> Iterator[Problem]:
    stored = series.stored_envelope(connection, chunk_id)
    expected = series.new_envelope(points) if stored is None else envelope.encode(points)
    if expected is None or stored == expected:
        return
    text = (
        "has no envelope, which makes its charts slow"
        if stored is None
        else "its envelope does not tell what it holds"
    )
    yield Problem(
        run_id,
        key,
        f"chunk {chunk_id}: {text}",
        series.reenvelop(chunk_id, payload, expected),
    )


def _latest_metrics(
    connection: Connection, run_id: str, latest: dict[str, Latest], *, complete: bool
) -> Iterator[Problem]:
    rows = connection.execute(_LATEST, (run_id,))
    stored = {key: (step, timestamp, value) for key, step, timestamp, value in rows}
    for key, point in latest.items():
        if key not in stored or stored[key] < point[:3]:
            yield Problem(
                run_id,
                key,
                "MLflow's latest metrics lack the latest point",
                (UPSERT, (run_id, key, *point)),
            )
        elif complete and stored[key] > point[:3]:
            yield Problem(run_id, key, "MLflow's latest metrics hold a point that is not there")


def _first(points: Series) -> tuple[int, int]:
    return int(points.timestamps[0]), int(points.steps[0])


def _raise(latest: dict[str, Latest], key: str, point: Latest) -> None:
    if key not in latest or latest[key][:3] < point[:3]:
        latest[key] = point


def _agree(one: Summary, other: Summary) -> bool:
    """Compare all but the total, which depends on the order of adding, exactly."""
    return series.exact(one) == series.exact(other) and bool(
        np.isclose(one.total, other.total, rtol=1e-9, atol=1e-9, equal_nan=True)
    )
