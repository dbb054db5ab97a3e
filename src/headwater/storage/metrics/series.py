"""The rows of compacted series and their chunks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.entities.metric import Series
from headwater.errors import CorruptBlockError, StaleCompactionError
from headwater.storage.metadata.base import Connection, Row
from headwater.storage.metrics import chunk, envelope
from headwater.storage.metrics.compaction import SeriesPlan, StoredChunk
from headwater.storage.metrics.summary import Extreme, Point, Summary, summarise

_COLUMNS = """
points, nans, infinities, total,
minimum_value, minimum_step, minimum_timestamp,
maximum_value, maximum_step, maximum_timestamp,
first_step, first_timestamp, first_value, first_is_nan,
last_step, last_timestamp, last_value, last_is_nan
"""

_SELECT = f"""
SELECT series_id, revision, {_COLUMNS} FROM headwater_metric_series WHERE run_uuid = ? AND key = ?
"""  # noqa: S608  # constants

_SELECT_KEYS = "SELECT key FROM headwater_metric_series WHERE run_uuid = ? ORDER BY key"

_INSERT = f"""
INSERT INTO headwater_metric_series (run_uuid, key, revision, {_COLUMNS})
VALUES (?, ?, 1, {", ".join("?" * 18)})
ON CONFLICT (run_uuid, key) DO NOTHING RETURNING series_id
"""  # noqa: S608

_UPDATE = f"""
UPDATE headwater_metric_series
SET revision = revision + 1, ({_COLUMNS}) = ({", ".join("?" * 18)})
WHERE series_id = ? AND revision = ?
"""  # noqa: S608

_SELECT_CHUNKS_FROM = """
SELECT chunk_id, points, last_timestamp, last_step FROM headwater_metric_chunks
WHERE series_id = ? AND (last_timestamp, last_step) >= (?, ?)
ORDER BY last_timestamp, last_step
"""

_SELECT_CHUNKS_BEFORE = """
SELECT chunk_id, points, last_timestamp, last_step FROM headwater_metric_chunks
WHERE series_id = ? AND (last_timestamp, last_step) < (?, ?)
ORDER BY last_timestamp DESC, last_step DESC LIMIT ?
"""

_SELECT_PAYLOAD = "SELECT payload FROM headwater_metric_chunks WHERE chunk_id = ?"

_SELECT_PAYLOADS = """
SELECT payload FROM headwater_metric_chunks
WHERE series_id = (SELECT series_id FROM headwater_metric_series WHERE run_uuid = ? AND key = ?)
ORDER BY last_timestamp, last_step
"""

_CHUNK_COLUMNS = """
points, first_timestamp, first_step, last_timestamp, last_step, lowest_step, highest_step,
minimum_value, minimum_step, minimum_timestamp, maximum_value, maximum_step, maximum_timestamp
"""

_INSERT_CHUNK = f"""
INSERT INTO headwater_metric_chunks (series_id, {_CHUNK_COLUMNS}, payload)
VALUES ({", ".join("?" * 15)}) RETURNING chunk_id
"""  # noqa: S608

_INSERT_ENVELOPE = "INSERT INTO headwater_metric_envelopes (chunk_id, payload) VALUES (?, ?)"

_SELECT_ENVELOPE = "SELECT payload FROM headwater_metric_envelopes WHERE chunk_id = ?"

_REPLACE_ENVELOPE = """
INSERT INTO headwater_metric_envelopes (chunk_id, payload)
SELECT chunk_id, ? FROM headwater_metric_chunks WHERE chunk_id = ? AND payload = ?
ON CONFLICT (chunk_id) DO UPDATE SET payload = excluded.payload
"""

_SELECT_CHUNK_ROWS = f"""
SELECT payload, chunk_id, {_CHUNK_COLUMNS} FROM headwater_metric_chunks
WHERE series_id = ? AND (last_timestamp, last_step) > (?, ?)
ORDER BY last_timestamp, last_step LIMIT 16
"""  # noqa: S608

_UPDATE_CHUNK = f"""
UPDATE headwater_metric_chunks SET ({_CHUNK_COLUMNS}) = ({", ".join("?" * 13)})
WHERE chunk_id = ? AND payload = ?
"""  # noqa: S608

_DELETE_SERIES = "DELETE FROM headwater_metric_series WHERE series_id = ? AND revision = ?"

_DELETE_CHUNK = "DELETE FROM headwater_metric_chunks WHERE chunk_id = ? AND series_id = ?"

_BEFORE_ALL = (-(1 << 63), -(1 << 63))

_ENDS = 24
"""Chunks before a new point that may be small enough to be merged; they double in size."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """What is stored of a chunk."""

    columns: Row
    """(*`describe`, payload)."""

    envelope: bytes | None


class StoredSeries:
    """A series as its row describes it."""

    __slots__ = ("revision", "series_id", "summary")

    def __init__(self, row: Row) -> None:
        self.series_id: int = row[0]
        self.revision: int = row[1]
        self.summary = _summary(row[2:])


def find(connection: Connection, run_id: str, key: str) -> StoredSeries | None:
    """Return a series that has chunks, or None."""
    row = connection.execute(_SELECT, (run_id, key)).fetchone()
    return None if row is None else StoredSeries(row)


def keys(connection: Connection, run_id: str) -> list[str]:
    """Return the keys of a run's series that have chunks, in order."""
    return [key for (key,) in connection.execute(_SELECT_KEYS, (run_id,)).fetchall()]


def chunks_around(connection: Connection, series_id: int, new: Series) -> list[StoredChunk]:
    """Return the chunks that `compaction.plan_series` has to know to place new points."""
    position = (series_id, int(new.timestamps[0]), int(new.steps[0]))
    before = connection.execute(_SELECT_CHUNKS_BEFORE, (*position, _ENDS)).fetchall()
    following = connection.execute(_SELECT_CHUNKS_FROM, position).fetchall()
    return [
        StoredChunk(chunk_id, points, (timestamp, step))
        for chunk_id, points, timestamp, step in (*reversed(before), *following)
    ]


def load_chunk(connection: Connection, chunk_id: int) -> Series:
    """Read the points of a chunk.

    Raises:
        CorruptBlockError: its bytes are damaged.
    """
    (payload,) = connection.execute(_SELECT_PAYLOAD, (chunk_id,)).fetchone()
    return chunk.decode(payload)


def load_all(connection: Connection, run_id: str, key: str) -> list[Series]:
    """Read the points of all chunks of a series, chunk by chunk in order.

    Raises:
        CorruptBlockError: the bytes of one are damaged.
    """
    rows: Iterable[tuple[bytes]] = connection.execute(_SELECT_PAYLOADS, (run_id, key))
    try:
        return [chunk.decode(payload) for (payload,) in rows]
    except CorruptBlockError as error:
        raise CorruptBlockError(f"{error}; run {run_id}, metric {key!r}") from error


def store(
    connection: Connection,
    run_id: str,
    key: str,
    found: StoredSeries | None,
    plan: SeriesPlan,
    chunks: Sequence[NewRow],
) -> None:
    """Put a plan into effect; `chunks` are the `new_row` of each of its added chunks.

    Raises:
        StaleCompactionError: the series is no longer as it was found.
    """
    columns = _row(plan.summary)
    if found is None:
        row = connection.execute(_INSERT, (run_id, key, *columns)).fetchone()
        if row is None:
            raise StaleCompactionError("another process compacted the series")
        series_id = row[0]
    else:
        series_id = found.series_id
        parameters = (*columns, series_id, found.revision)
        if connection.execute(_UPDATE, parameters).rowcount != 1:
            raise StaleCompactionError("another process compacted the series")
    for chunk_id in plan.removed:
        connection.execute(_DELETE_CHUNK, (chunk_id, series_id))
    for new in chunks:
        (chunk_id,) = connection.execute(_INSERT_CHUNK, (series_id, *new.columns)).fetchone()
        if new.envelope is not None:
            connection.execute(_INSERT_ENVELOPE, (chunk_id, new.envelope))


def new_row(points: Series) -> NewRow:
    """Return what is stored of a chunk."""
    return NewRow((*describe(points), chunk.encode(points)), new_envelope(points))


def new_envelope(points: Series) -> bytes | None:
    """Return the envelope of a chunk, or None for one that is too small to need it."""
    return envelope.encode(points) if len(points) >= envelope.WORTHWHILE_POINTS else None


def stored_envelope(connection: Connection, chunk_id: int) -> bytes | None:
    """Return the bytes of a chunk's envelope, or None where it has none."""
    row = connection.execute(_SELECT_ENVELOPE, (chunk_id,)).fetchone()
    return None if row is None else row[0]


def chunk_rows(connection: Connection, series_id: int) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows of a series' chunks, (id, *`describe`), and their payloads, in order."""
    after = _BEFORE_ALL
    while page := connection.execute(_SELECT_CHUNK_ROWS, (series_id, *after)).fetchall():
        for payload, *row in page:
            yield tuple(row), payload
        after = page[-1][5:7]


def describe(points: Series) -> Row:
    """Return what a chunk's row tells of its points."""
    found = summarise(points)
    return (
        len(points),
        int(points.timestamps[0]),
        int(points.steps[0]),
        int(points.timestamps[-1]),
        int(points.steps[-1]),
        found.first.step,
        found.last.step,
        *_extreme_row(found.minimum),
        *_extreme_row(found.maximum),
    )


def redescribe(chunk_id: int, payload: bytes, points: Series) -> tuple[str, Row]:
    """Return the statement that makes a chunk's row tell of its points, unless it has changed."""
    return _UPDATE_CHUNK, (*describe(points), chunk_id, payload)


def reenvelop(chunk_id: int, payload: bytes, new: bytes) -> tuple[str, Row]:
    """Return the statement that gives a chunk this envelope, unless it has changed."""
    return _REPLACE_ENVELOPE, (new, chunk_id, payload)


def resume(found: StoredSeries, summary: Summary) -> tuple[str, Row]:
    """Return the statement that replaces a summary, unless the series has changed."""
    return _UPDATE, (*_row(summary), found.series_id, found.revision)


def forget(found: StoredSeries) -> tuple[str, Row]:
    """Return the statement that deletes a series, unless it has changed."""
    return _DELETE_SERIES, (found.series_id, found.revision)


def exact(summary: Summary) -> Row:
    """Return all of a summary that does not depend on rounding."""
    row = _row(summary)
    return (*row[:3], *row[4:])


def _row(summary: Summary) -> Row:
    return (
        summary.points,
        summary.nans,
        summary.infinities,
        summary.total,
        *_extreme_row(summary.minimum),
        *_extreme_row(summary.maximum),
        *(summary.first.step, summary.first.timestamp, summary.first.value, summary.first.is_nan),
        *(summary.last.step, summary.last.timestamp, summary.last.value, summary.last.is_nan),
    )


def _extreme_row(extreme: Extreme | None) -> Row:
    return (None,) * 3 if extreme is None else (extreme.value, extreme.step, extreme.timestamp)


def _summary(row: Row) -> Summary:
    points, nans, infinities, total, *places = row
    minimum, maximum, first, last = places[:3], places[3:6], places[6:10], places[10:]
    return Summary(
        points,
        nans,
        infinities,
        total,
        _extreme(minimum),
        _extreme(maximum),
        _point(first),
        _point(last),
    )


def _extreme(columns: Sequence[Any]) -> Extreme | None:
    value, step, timestamp = columns
    return None if value is None else Extreme(value, step, timestamp)


def _point(columns: Sequence[Any]) -> Point:
    step, timestamp, value, is_nan = columns
    return Point(step, timestamp, value, bool(is_nan))
