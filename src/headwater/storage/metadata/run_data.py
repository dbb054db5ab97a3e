"""Read whole runs: one statement a table, whatever the number of runs.

Rows come in the order MLflow's own statements give: no ORDER BY within a run, so that keys show up
in the order they were first logged.
"""

from collections.abc import Iterator, Sequence

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
from headwater.storage.metadata.base import Connection

_CHUNK = 1000
"""Runs a statement asks for: far below every database's limit on parameters."""

_NAN = float("nan")
_RUN_NAME = "mlflow.runName"

_RUNS = """
SELECT run_uuid, name, experiment_id, user_id, status, start_time, end_time, lifecycle_stage,
       artifact_uri
FROM runs WHERE run_uuid IN ({})
"""
_METRICS = """
SELECT run_uuid, "key", value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid IN ({})
"""
_PARAMS = 'SELECT run_uuid, "key", value FROM params WHERE run_uuid IN ({})'
_TAGS = 'SELECT run_uuid, "key", value FROM tags WHERE run_uuid IN ({})'
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
    placeholders = ",".join("?" * len(run_ids))

    def rows(statement: str) -> Iterator[tuple]:  # type: ignore[type-arg]  # columns vary
        return iter(connection.execute(statement.format(placeholders), run_ids))

    infos = {row[0]: row for row in rows(_RUNS)}
    metrics: dict[str, list[LatestMetric]] = {run_id: [] for run_id in infos}
    for run_id, key, value, timestamp, step, is_nan in rows(_METRICS):
        metrics[run_id].append(LatestMetric(key, _NAN if is_nan else value, timestamp, step))
    params: dict[str, list[Param]] = {run_id: [] for run_id in infos}
    for run_id, key, value in rows(_PARAMS):
        params[run_id].append(Param(key, value))
    tags: dict[str, list[Tag]] = {run_id: [] for run_id in infos}
    for run_id, key, value in rows(_TAGS):
        tags[run_id].append(Tag(key, value))
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
            yield Run(
                _info(infos[run_id], tags[run_id]),
                metrics[run_id],
                params[run_id],
                tags[run_id],
                datasets.get(run_id, []),
                inputs.get(run_id, []),
                outputs.get(run_id, []),
            )


def _info(row: tuple, tags: list[Tag]) -> RunInfo:  # type: ignore[type-arg]  # nine columns
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


def _dataset_inputs(rows: Iterator[tuple]) -> dict[str, list[DatasetInput]]:  # type: ignore[type-arg]
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
