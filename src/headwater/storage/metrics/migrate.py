"""Moves a run's points from rows of MLflow's ``metrics`` table into chunks, while writes go on.

A slice of rows is copied into chunks first, in one transaction, and read back from there; then
exactly these rows are deleted, in many short transactions. In between a point is in a chunk and in
a row, and counts once. So a crash at any point loses and doubles nothing, and starting again
finishes the work. What somebody else changed meanwhile voids a transaction, never a point.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.errors import CorruptBlockError, StaleCompactionError
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection, Database
from headwater.storage.metrics import mlflow_rows, series
from headwater.storage.metrics.compact import Change, by_key, change_of
from headwater.storage.metrics.mlflow_rows import RowSlice
from headwater.storage.metrics.pace import Pace

_ROWS_A_STEP = 262_144
"""Bounds memory: 48 bytes a row, some 3 MiB of rows as they are fetched, one chunk at a time."""

_MOST_ROWS_A_DELETION = 8_192
"""However fast the database is; see `Pace.rows`."""

_ATTEMPTS = 10

_SELECT_REVISIONS = """
SELECT key, series_id, revision FROM headwater_metric_series WHERE run_uuid = ?
"""


@dataclass(frozen=True)
class Migrated:
    """What became of rows."""

    runs: int = 0
    points: int = 0
    """Rows that are in chunks now, and no longer rows."""

    left: int = 0
    """Rows that had to stay: chunks of their series are damaged, or others were at them."""

    def plus(self, other: "Migrated") -> "Migrated":
        """Return the sum."""
        return Migrated(self.runs + other.runs, self.points + other.points, self.left + other.left)


Revisions = Mapping[str, tuple[int, int]]
"""(id, revision) of the series by key."""


@dataclass(frozen=True)
class CopyPlan:
    """What copying rows into chunks takes."""

    changes: list[Change]
    """Of the series that do not have all of the points yet."""

    complete: dict[str, tuple[int, int]]
    """The series that have all of them."""

    damaged: list[str]
    """The keys whose chunks cannot be read."""


async def migrate_run(database: Database, run_id: str, pace: Pace) -> Migrated:
    """Move all rows that a run has now into chunks.

    Memory: a step's rows and the chunks that they fall into. Rows come in the order in which they
    were logged, so that these are the last chunks of a series, whatever the size of the run.

    Raises:
        DatabaseError: the database refused a transaction; the ones before it are done.
    """
    moved = attempts = 0
    while attempts < _ATTEMPTS:
        rows = await database.read(lambda c: mlflow_rows.read_slice(c, run_id, _ROWS_A_STEP))
        if len(rows) == 0:
            break
        try:
            copied, revisions = await _copy(database, run_id, rows)
            if len(copied) == 0:
                break
            while len(copied):
                piece, copied = copied.split(min(pace.rows, _MOST_ROWS_A_DELETION))
                await _delete(database, run_id, piece, revisions, pace)
                moved += len(piece)
                attempts = 0
        except StaleCompactionError:
            attempts += 1
    left = await database.read(lambda c: mlflow_rows.count(c, run_id))
    return Migrated(1, moved, left)


def plan_copy(connection: Connection, run_id: str, rows: RowSlice) -> CopyPlan:
    """Find out which series lack which of the rows' points."""
    plan = CopyPlan([], {}, [])
    for key, new in by_key([rows.points]):
        try:
            change = change_of(connection, run_id, key, new)
        except CorruptBlockError:
            plan.damaged.append(key)
            continue
        if change.chunks:
            plan.changes.append(change)
        elif change.found is not None:
            plan.complete[key] = (change.found.series_id, change.found.revision)
    return plan


def store_copy(connection: Connection, run_id: str, plan: CopyPlan) -> None:
    """Put a plan into effect.

    Raises:
        StaleCompactionError: a series is no longer as it was found.
    """
    for change in plan.changes:
        series.store(connection, run_id, change.key, change.found, change.plan, change.chunks)


async def _copy(database: Database, run_id: str, rows: RowSlice) -> tuple[RowSlice, Revisions]:
    """Copy rows; return those whose points were read back from chunks, and which these are of."""
    plan = await database.read(lambda c: plan_copy(c, run_id, rows))
    if plan.changes:
        await database.write(lambda c: _apply(c, run_id, rows, plan), long=True)
        plan = await database.read(lambda c: plan_copy(c, run_id, rows))
        if plan.changes:
            raise StaleCompactionError("somebody has taken away what was copied")
    return rows.without(plan.damaged), plan.complete


def _apply(connection: Connection, run_id: str, rows: RowSlice, plan: CopyPlan) -> None:
    _lock(connection, run_id)
    # Rewinding a metric deletes from the highest step on: a point must not come back from there.
    if not mlflow_rows.all_exist(connection, run_id, rows.highest_steps()):
        raise StaleCompactionError("rows were deleted meanwhile")
    store_copy(connection, run_id, plan)


async def _delete(
    database: Database, run_id: str, rows: RowSlice, revisions: Revisions, pace: Pace
) -> None:
    """Delete rows whose points are in these revisions of their series."""

    def apply(connection: Connection) -> None:
        with pace.holding():
            _lock(connection, run_id)
            found = connection.execute(_SELECT_REVISIONS, (run_id,))
            current = {key: (series_id, revision) for key, series_id, revision in found}
            if any(current.get(key) != revisions[key] for key in rows.present_keys()):
                raise StaleCompactionError("the chunks were changed meanwhile")
            if mlflow_rows.delete(connection, run_id, rows) != len(rows):
                raise StaleCompactionError("rows were deleted meanwhile")

    await database.write(apply, long=True)
    await pace.rest(len(rows))


def _lock(connection: Connection, run_id: str) -> None:
    if runs.lifecycle(connection, run_id) is None:
        raise StaleCompactionError("the run was deleted meanwhile")
