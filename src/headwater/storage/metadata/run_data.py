"""Read whole runs: one statement a table, whatever the number of runs.

Rows of a run come in the order MLflow's own statements give: keys in the order they were first
logged. Rows are counted first, then turned into entries without a step of Python each: a page of
1,000 runs has tens of thousands.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, starmap
from typing import Any, TypeVar

from headwater.entities.run import (
    Dataset,
    DatasetInput,
    LatestMetric,
    ModelInput,
    ModelOutput,
    Param,
    Run,
    RunInfo,
    Tag,
)
from headwater.errors import NotServedError
from headwater.storage.metadata.base import Connection, Row

Entry = TypeVar("Entry", LatestMetric, Param, Tag)

_CHUNK = 1000
"""Runs a statement asks for: far below every database's limit on parameters."""

_RUN_NAME = "mlflow.runName"

_RUNS = """
SELECT run_uuid, name, experiment_id, user_id, status, start_time, end_time, lifecycle_stage,
       artifact_uri
FROM runs WHERE run_uuid IN ({})
"""
_METRIC = 'SELECT "key", CASE WHEN is_nan THEN NULL ELSE value END, timestamp, step'
_ENTRY = 'SELECT "key", value'
_OF_RUNS = "WHERE run_uuid IN ({})"
_COUNTED = "GROUP BY run_uuid ORDER BY run_uuid"
_DATASETS = """
SELECT inputs.destination_id AS run_uuid, datasets.dataset_uuid, datasets.name, datasets.digest,
       datasets.dataset_source_type, datasets.dataset_source, datasets.dataset_schema,
       datasets.dataset_profile, input_tags.name, input_tags.value
FROM inputs
JOIN datasets ON inputs.source_id = datasets.dataset_uuid
LEFT OUTER JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid
WHERE inputs.destination_type = 'RUN' AND inputs.destination_id IN ({})
ORDER BY inputs.destination_id
"""
_MODEL_INPUTS = """
SELECT source_id, destination_id FROM inputs
WHERE source_type = 'RUN_INPUT' AND source_id IN ({}) AND destination_type = 'MODEL_INPUT'
"""
_MODEL_OUTPUTS = """
SELECT source_id, destination_id, step FROM inputs
WHERE source_type = 'RUN_OUTPUT' AND source_id IN ({}) AND destination_type = 'MODEL_OUTPUT'
"""


def load_runs(connection: Connection, run_ids: Sequence[str], *, model_inputs: bool) -> list[Run]:
    """Return the runs with the given ids that exist, in that order, whatever their stage.

    MLflow lists the model inputs of a run when it is fetched, but not in searches: `model_inputs`.

    Raises:
        NotServedError: a row lacks what MLflow requires, so that MLflow fails in its own way.
    """
    runs: list[Run] = []
    for start in range(0, len(run_ids), _CHUNK):
        runs.extend(_load_chunk(connection, run_ids[start : start + _CHUNK], model_inputs))
    return runs


def _load_chunk(
    connection: Connection, run_ids: Sequence[str], model_inputs: bool
) -> Iterator[Run]:
    marks = ",".join("?" * len(run_ids))

    def rows(statement: str) -> Iterator[Any]:
        return iter(connection.execute(statement.format(marks), run_ids))

    def entries(table: str, select: str, kind: Callable[..., Entry]) -> dict[str, list[Entry]]:
        """Return each run's rows of a table, without a look at each row."""
        made = starmap(kind, rows(f"{select} FROM {table} {_OF_RUNS} ORDER BY run_uuid"))
        counts = rows(f"SELECT run_uuid, COUNT(*) FROM {table} {_OF_RUNS} {_COUNTED}")  # noqa: S608  # our names
        return {run_id: list(islice(made, count)) for run_id, count in counts}

    infos = {row[0]: row for row in rows(_RUNS)}
    metrics = entries("latest_metrics", _METRIC, LatestMetric)
    params = entries("params", _ENTRY, Param)
    tags = entries("tags", _ENTRY, Tag)
    datasets = _dataset_inputs(rows(_DATASETS))
    inputs: dict[str, list[ModelInput]] = {}
    if model_inputs:
        for run_id, model_id in rows(_MODEL_INPUTS):
            inputs.setdefault(run_id, []).append(ModelInput(model_id))
    outputs: dict[str, list[ModelOutput]] = {}
    for run_id, model_id, step in rows(_MODEL_OUTPUTS):
        outputs.setdefault(run_id, []).append(ModelOutput(model_id, step))
    for run_id in run_ids:
        if run_id in infos:
            run_tags = tags.get(run_id, [])
            yield Run(
                _info(infos[run_id], run_tags),
                metrics.get(run_id, []),
                params.get(run_id, []),
                run_tags,
                datasets.get(run_id, []),
                inputs.get(run_id, []),
                outputs.get(run_id, []),
            )


def _info(row: Row, tags: list[Tag]) -> RunInfo:
    """Return a run's info; MLflow before 1.30 kept the run's name in a tag only."""
    info = RunInfo(*row)
    required = (info.experiment_id, info.user_id, info.status, info.start_time)
    if None in required or info.lifecycle_stage is None:
        raise NotServedError(f"run {info.run_id} lacks a column that MLflow requires")
    if not info.name:
        named = next((tag.value for tag in tags if tag.key == _RUN_NAME and tag.value), None)
        if named:
            info = RunInfo(row[0], named, *row[2:])
    return info


def _dataset_inputs(rows: Iterator[Any]) -> dict[str, list[DatasetInput]]:
    """Group rows of one dataset and one tag each by run, then by dataset."""
    by_run: dict[str, dict[str, DatasetInput]] = {}
    for run_id, dataset_uuid, name, digest, kind, source, schema, profile, key, value in rows:
        by_dataset = by_run.setdefault(run_id, {})
        if dataset_uuid not in by_dataset:
            dataset = Dataset(name, digest, kind, source, schema or None, profile or None)
            by_dataset[dataset_uuid] = DatasetInput(dataset, [])
        if key is not None:
            by_dataset[dataset_uuid].tags.append(Tag(key, value))
    return {run_id: list(by_dataset.values()) for run_id, by_dataset in by_run.items()}


def metric_keys(connection: Connection, run_id: str, key: str, prefix: str) -> list[str]:
    """Return those keys of a run's metrics that are `key` or begin with `prefix`."""
    rows = connection.execute(
        "SELECT key FROM latest_metrics WHERE run_uuid = ? "
        "AND (key = ? OR substr(key, 1, CAST(? AS INTEGER)) = ?)",
        (run_id, key, len(prefix), prefix),
    )
    return [row[0] for row in rows]
