"""What a database holds, what is amiss, and what would be gained: reads, and writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.errors import SchemaError
from headwater.mlflow_release import MlflowRelease
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.inspect import SchemaState, schema_state
from headwater.storage.metrics.gain import Gain, gain
from headwater.storage.survey import Sizes, Survey

_COUNTED = ("experiments", "runs", "params", "tags", "metrics", "latest_metrics")
_BLOCKS = "headwater_metric_blocks"
_SERIES = "headwater_metric_series"
_CHUNKS = "headwater_metric_chunks"

_STATUSES = "SELECT status, count(*) FROM runs GROUP BY status ORDER BY status"

_LONG_RUNNING = """
SELECT count(*) FROM runs
WHERE status = 'RUNNING' AND lifecycle_stage = 'active' AND start_time < ?
"""

_WORTHWHILE_BLOCKS = 32
"""A run with fewer is small enough as it is: a server would not compact it either."""

_WAITING = """
SELECT count(*), coalesce(sum(points), 0), coalesce(sum(blocks), 0) FROM (
  SELECT count(*) AS blocks, sum(points) AS points FROM headwater_metric_blocks
  GROUP BY run_uuid HAVING count(*) >= ?
) AS waiting
"""

_LONG_RUNNING_MS = 7 * 24 * 3600 * 1000
_WORTHWHILE_FREE = 0.2
_WORTHWHILE_ROWS = 10_000
_COMPACTED_BYTES = 8
"""A point in a chunk, at most."""

_LOW_DISK = 0.05


@dataclass(frozen=True)
class Finding:
    """Something to know, and what to do about it."""

    text: str
    command: str | None = None
    is_problem: bool = False
    """The database cannot serve until it is done."""


@dataclass(frozen=True)
class Stored:
    """Rows of Headwater's, and points in them."""

    blocks: int = 0
    block_points: int = 0
    series: int = 0
    chunks: int = 0
    chunk_points: int = 0


@dataclass(frozen=True)
class Report:
    """What was found."""

    mlflow_revision: str | None
    headwater_revision: str | None
    rows: dict[str, int]
    """Of MLflow's tables."""

    runs_by_status: dict[str, int]
    stored: Stored
    sizes: Sizes
    gain: Gain
    compaction_saves: int
    """Bytes."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def bytes_a_point(self) -> float | None:
        """What a point takes now, all indexes counted; None where sizes cannot be told."""
        tables = ("metrics", _BLOCKS, _SERIES, _CHUNKS)
        points = self.rows["metrics"] + self.stored.block_points + self.stored.chunk_points
        if not self.sizes.tables or points == 0:
            return None
        return sum(self.sizes.tables.get(table, 0) for table in tables) / points


def examine(survey: Survey, release: MlflowRelease, now: int) -> Report:
    """Find out what a database holds; `now` in milliseconds since the epoch.

    Counting reads indexes to their end: some seconds for every hundred million rows.

    Raises:
        SchemaError: it is no MLflow database.
    """
    tables, connection = survey.schema.tables, survey.connection
    findings = _schema_findings(survey, release)
    if not {"runs", "metrics"} <= tables:
        raise SchemaError(f"{survey.schema.name} is not an MLflow database")
    rows = {table: _count(connection, table) for table in _COUNTED if table in tables}
    statuses = {str(status): int(runs) for status, runs in connection.execute(_STATUSES)}
    stored = _stored(connection, tables)
    gained = gain(connection, rows["metrics"], survey.sizes.tables.get("metrics"))
    waiting_blocks, saves = 0, 0
    if _BLOCKS in tables:
        _, points, waiting_blocks = connection.execute(_WAITING, (_WORTHWHILE_BLOCKS,)).fetchone()
        saves = _saved_by_compaction(survey.sizes, stored, int(points))
    (running,) = connection.execute(_LONG_RUNNING, (now - _LONG_RUNNING_MS,)).fetchone()
    findings += _row_findings(gained, int(waiting_blocks), saves, int(running))
    findings += _size_findings(survey.sizes)
    return Report(
        _first(survey.schema.revisions),
        _first(survey.schema.own_revisions),
        rows,
        statuses,
        stored,
        survey.sizes,
        gained,
        saves,
        findings,
    )


def _schema_findings(survey: Survey, release: MlflowRelease) -> list[Finding]:
    try:
        state = schema_state(survey.schema, release)
    except SchemaError as error:
        return [Finding(str(error), is_problem=True)]
    if state is SchemaState.EMPTY:
        raise SchemaError(f"{survey.schema.name} is empty; headwater server makes its tables")
    if state is SchemaState.NEEDS_MIGRATION:
        what = "are of an older release" if survey.schema.own_revisions else "are not there yet"
        text = f"Headwater's tables {what}; the server or the next command adds them"
        return [Finding(text, "headwater server")]
    return []


def _row_findings(
    gained: Gain, waiting_blocks: int, saves: int, long_running: int
) -> Iterable[Finding]:
    if gained.rows:
        # Metrics of a point or two take less as rows.
        worthwhile = gained.rows >= _WORTHWHILE_ROWS and gained.bytes_as_chunks < gained.bytes
        yield Finding(
            f"{gained.rows:,} metric points are rows of MLflow's table",
            "headwater migrate" if worthwhile else None,
        )
    if waiting_blocks:
        text = f"{waiting_blocks:,} blocks of metric points could be compacted"
        yield Finding(f"{text}, which saves {saves:,} bytes", "headwater compact")
    if long_running:
        yield Finding(
            f"{long_running:,} runs are RUNNING since more than a week; "
            "where their processes are gone, end them",
            "mlflow.MlflowClient().set_terminated(run_id, 'KILLED')",
        )


def _size_findings(sizes: Sizes) -> Iterable[Finding]:
    if sizes.journal not in (None, "wal"):
        yield Finding(
            f"readers and writers wait for each other (journal mode {sizes.journal}); "
            "Headwater switches to write-ahead logging",
            "headwater server",
        )
    if sizes.free > _WORTHWHILE_FREE * sizes.total:
        yield Finding(
            f"{sizes.free:,} bytes of the file hold nothing", "headwater migrate --vacuum"
        )
    if sizes.disk_free is not None and sizes.disk_free < _LOW_DISK * sizes.total:
        yield Finding(f"only {sizes.disk_free:,} bytes are free on the disk of the database")


def _stored(connection: Connection, tables: frozenset[str]) -> Stored:
    def counted(table: str) -> tuple[int, int]:
        if table not in tables:
            return 0, 0
        statement = f"SELECT count(*), coalesce(sum(points), 0) FROM {table}"  # noqa: S608
        rows, points = connection.execute(statement).fetchone()
        return int(rows), int(points)

    series, _ = counted(_SERIES)
    return Stored(*counted(_BLOCKS), series, *counted(_CHUNKS))


def _saved_by_compaction(sizes: Sizes, stored: Stored, points: int) -> int:
    if stored.block_points == 0 or _BLOCKS not in sizes.tables:
        return 0
    now = sizes.tables[_BLOCKS] * points // stored.block_points
    return max(0, now - _COMPACTED_BYTES * points)


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def _first(found: list[str]) -> str | None:
    return found[0] if found else None
