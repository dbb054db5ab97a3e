"""Statements that move runs to another experiment, with what MLflow keeps beside them.

MLflow repeats the experiment's number in several tables. Params, tags, metrics and Headwater's
points go by the run's id alone and need nothing.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.storage.metadata.base import LOCK_ROW, Connection

_CHUNK = 2_000

_LOCK = f"""
SELECT run_uuid, experiment_id, lifecycle_stage FROM runs
WHERE run_uuid IN ({{}}) ORDER BY run_uuid {LOCK_ROW}
"""  # noqa: S608  # constants

_CHILDREN = """
SELECT child.run_uuid FROM tags
JOIN runs AS child ON child.run_uuid = tags.run_uuid
JOIN runs AS parent ON parent.run_uuid = tags.value
WHERE tags.key = 'mlflow.parentRunId' AND tags.value IN ({})
    AND child.experiment_id = parent.experiment_id
"""

_DATASETS = """
SELECT DISTINCT d.dataset_uuid, d.name, d.digest FROM inputs
JOIN datasets AS d ON d.dataset_uuid = inputs.source_id
WHERE inputs.source_type = 'DATASET' AND inputs.destination_type = 'RUN'
    AND d.experiment_id <> ? AND inputs.destination_id IN ({})
ORDER BY d.dataset_uuid
"""

_COPY_DATASET = """
INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type,
    dataset_source, dataset_schema, dataset_profile)
SELECT ?, ?, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile
FROM datasets WHERE dataset_uuid = ?
ON CONFLICT (experiment_id, name, digest) DO NOTHING
"""

_DATASET_OF = (
    "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
)

_RELINK_INPUTS = """
UPDATE inputs SET source_id = ?
WHERE source_type = 'DATASET' AND source_id = ?
    AND destination_type = 'RUN' AND destination_id IN ({})
"""

_RELINK_MODEL_METRICS = """
UPDATE logged_model_metrics SET dataset_uuid = ? WHERE dataset_uuid = ? AND run_id IN ({})
"""

_MODELS = """
SELECT model_id FROM logged_models WHERE experiment_id = ? AND source_run_id IN ({})
ORDER BY model_id
"""

_TRACES = """
SELECT t.request_id FROM trace_info AS t
JOIN trace_request_metadata AS m ON m.request_id = t.request_id AND m.key = 'mlflow.sourceRun'
WHERE t.experiment_id = ? AND m.value IN ({}) ORDER BY t.request_id
"""

_SUMS = {
    "trace_metric": "sql_trace_metric_daily_rollups",
    "span_cost": "sql_span_cost_daily_rollups",
    "assessment": "sql_assessment_daily_rollups",
}
"""MLflow's tables of daily sums, by what it calls them in its queue of those to build anew."""


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run as it is before the move."""

    run_id: str
    experiment_id: int
    stage: str


def lock_runs(connection: Connection, run_ids: Sequence[str]) -> Iterator[FoundRun]:
    """Lock and yield the runs that exist; `run_ids` are in order, as all writers lock them."""
    for row in _select(connection, _LOCK, (), run_ids):
        yield FoundRun(*row)


def descendants(connection: Connection, run_ids: Collection[str]) -> set[str]:
    """Return the runs nested below the given ones, however deep, within their experiments."""
    below: set[str] = set()
    level: Collection[str] = run_ids
    while level:
        children = {run_id for (run_id,) in _select(connection, _CHILDREN, (), level)}
        level = children - below - set(run_ids)
        below |= level
    return below


def move(
    connection: Connection, runs: Mapping[str, int], target: int, *, sums_traces: bool
) -> tuple[int, int]:
    """Move runs, each given with the experiment that it is in, all of them locked.

    Returns the numbers of logged models and of traces that went along.
    """
    run_ids = sorted(runs)
    _relink_datasets(connection, run_ids, target)
    models = traces = 0
    for source in sorted(set(runs.values())):
        of_source = [run_id for run_id in run_ids if runs[run_id] == source]
        models += _move_models(connection, of_source, source, target)
        traces += _move_traces(connection, of_source, source, target, sums_traces)
    _change(
        connection, "UPDATE logged_model_metrics SET experiment_id = ?", "run_id", target, run_ids
    )
    _change(connection, "UPDATE runs SET experiment_id = ?", "run_uuid", target, run_ids)
    return models, traces


def _relink_datasets(connection: Connection, run_ids: Sequence[str], target: int) -> None:
    """Let the runs' inputs name datasets of the target.

    A dataset belongs to one experiment, and goes with it when MLflow removes that for good.
    """
    for dataset_uuid, name, digest in set(_select(connection, _DATASETS, (target,), run_ids)):
        connection.execute(_COPY_DATASET, (uuid.uuid4().hex, target, dataset_uuid))
        (copy,) = connection.execute(_DATASET_OF, (target, name, digest)).fetchone()
        for chunk in _chunks(run_ids):
            for statement in (_RELINK_INPUTS, _RELINK_MODEL_METRICS):
                connection.execute(_marked(statement, chunk), (copy, dataset_uuid, *chunk))


def _move_models(connection: Connection, run_ids: Sequence[str], source: int, target: int) -> int:
    model_ids = [model_id for (model_id,) in _select(connection, _MODELS, (source,), run_ids)]
    for table in ("logged_models", "logged_model_params", "logged_model_tags"):
        statement = f"UPDATE {table} SET experiment_id = ?"  # noqa: S608  # constants
        _change(connection, statement, "model_id", target, model_ids)
    return len(model_ids)


def _move_traces(
    connection: Connection, run_ids: Sequence[str], source: int, target: int, sums: bool
) -> int:
    trace_ids = [trace_id for (trace_id,) in _select(connection, _TRACES, (source,), run_ids)]
    if not trace_ids:
        return 0
    if sums:
        # First, as MLflow's own writers do, who wait for each other there.
        for experiment_id in sorted((source, target)):
            _build_sums_anew(connection, experiment_id)
        _change(
            connection, "UPDATE assessments SET experiment_id = ?", "trace_id", target, trace_ids
        )
    _change(connection, "UPDATE trace_info SET experiment_id = ?", "request_id", target, trace_ids)
    _change(connection, "UPDATE spans SET experiment_id = ?", "trace_id", target, trace_ids)
    return len(trace_ids)


def _build_sums_anew(connection: Connection, experiment_id: int) -> None:
    """Ask MLflow to sum the experiment's traces up again, and not to use its sums until then."""
    for family, table in _SUMS.items():
        connection.execute(
            "INSERT INTO sql_trace_rollup_rebuild_queue (experiment_id, rollup_day, rollup_family) "  # noqa: S608  # constants
            f"SELECT DISTINCT experiment_id, rollup_day, '{family}' FROM {table} "
            "WHERE experiment_id = ? ORDER BY rollup_day ON CONFLICT DO NOTHING",
            (experiment_id,),
        )


def _select(
    connection: Connection, statement: str, parameters: Sequence[Any], ids: Iterable[str]
) -> Iterator[Any]:
    """Yield the rows of a statement whose ``{}`` stands for ids, as many at a time as it may."""
    for chunk in _chunks(sorted(ids)):
        yield from connection.execute(_marked(statement, chunk), (*parameters, *chunk)).fetchall()


def _change(
    connection: Connection, statement: str, column: str, target: int, ids: Sequence[str]
) -> None:
    for chunk in _chunks(ids):
        marked = _marked(f"{statement} WHERE {column} IN ({{}})", chunk)
        connection.execute(marked, (target, *chunk))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _marked(statement: str, ids: Sequence[str]) -> str:
    # Rows to join with: a plain list would be compared with one by one where no index helps.
    return statement.format(f"VALUES {','.join(['(?)'] * len(ids))}")
