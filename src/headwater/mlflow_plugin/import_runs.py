"""Moves all of an MLflow store to a Headwater server: runs, traces, the model registry.

Runs, params, tags, points, logged models and captures go through a spool; artifacts and datasets
follow by MLflow's own client. A run that is complete is marked, so that an interrupted import goes
on.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Run, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from headwater.client.connection import Connection
from headwater.client.settings import connection_settings
from headwater.client.spool.directory import create_spool
from headwater.client.spool.sync import sync_spool
from headwater.client.spool.writer import SpoolWriter
from headwater.entities.metric import Points, storable
from headwater.errors import HeadwaterError, ServerError, SpoolFullError
from headwater.mlflow_plugin.import_captures import (
    CaptureSource,
    capture_operations,
    capture_source,
)
from headwater.mlflow_plugin.import_registry import import_registry
from headwater.mlflow_plugin.import_traces import import_traces
from headwater.mlflow_plugin.import_transfer import MARK, Imported, Transfer, pages
from headwater.wire.operations import (
    CreateLoggedModel,
    CreateRun,
    LogModelMetrics,
    LogParams,
    ModelPoint,
    SetTags,
    UpdateRun,
    json_number,
)

_PAGE = 1_000
_PARAMS = 100
_STATUSES = {
    LoggedModelStatus.PENDING: "PENDING",
    LoggedModelStatus.READY: "READY",
    LoggedModelStatus.FAILED: "FAILED",
}


def import_runs(
    source_uri: str, target_uri: str, spools: Path, report: Callable[[int, int], object]
) -> Imported:
    """Import all that is there; `report` takes how many runs are done, and of how many.

    Raises:
        ServerError: the source cannot be read, or the server not be reached.
    """
    # MLflow warns of such stores; here somebody leaves one.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        transfer = Transfer(source_uri, target_uri, spools)
        settings = connection_settings(target_uri, os.environ)
        with Connection(settings) as target, capture_source(transfer.source_uri) as captures:
            _Import(transfer, captures, target).run(report)
    except (MlflowException, SQLAlchemyError) as error:
        raise ServerError(str(error)) from error
    return transfer.result


class _Import:
    def __init__(self, transfer: Transfer, captures: CaptureSource, target: Connection) -> None:
        self._transfer = transfer
        self._captures = captures
        self._connection = target
        self._source = transfer.source
        self._target = transfer.target
        self._result = transfer.result
        self._models: dict[str, list[str]] = {}
        """Ids of the logged models of each run."""

    def run(self, report: Callable[[int, int], object]) -> None:
        experiments = list(
            pages(lambda token: self._source.search_experiments(ViewType.ALL, page_token=token))
        )
        runs: list[tuple[Any, Run]] = []
        for experiment in experiments:
            self._find_models(experiment.experiment_id)
            done = self._complete(experiment.name)
            for run in self._runs(experiment.experiment_id):
                if run.info.run_id in done:
                    self._result.already += 1
                else:
                    runs.append((experiment, run))
        report(0, len(runs))
        for number, (experiment, run) in enumerate(runs, 1):
            self._import(experiment, run)
            report(number, len(runs))
        for experiment in experiments:
            self._bring_tags(experiment)
        import_traces(self._transfer, experiments)
        import_registry(self._transfer)

    def _find_models(self, experiment_id: str) -> None:
        for model in pages(
            lambda token: self._source.search_logged_models([experiment_id], page_token=token)
        ):
            if model.source_run_id:
                self._models.setdefault(model.source_run_id, []).append(model.model_id)
            else:
                self._result.failures.append(
                    f"logged model {model.model_id}: it is of no run, and MLflow's API would give "
                    "it another id"
                )

    def _bring_tags(self, experiment: Any) -> None:
        """Set the tags of an experiment that the server's one of its name has not."""
        target = self._target.get_experiment_by_name(experiment.name)
        if target is None:  # none of its runs has come over
            return
        for key, value in experiment.tags.items():
            if key not in target.tags:
                self._target.set_experiment_tag(target.experiment_id, key, value)

    def _runs(self, experiment_id: str) -> Iterator[Run]:
        return pages(
            lambda token: self._source.search_runs(
                [experiment_id], run_view_type=ViewType.ALL, max_results=_PAGE, page_token=token
            )
        )

    def _complete(self, experiment_name: str) -> set[str]:
        """Return the runs of the experiment that are on the server already, whole."""
        experiment = self._target.get_experiment_by_name(experiment_name)
        if experiment is None:
            return set()
        found = pages(
            lambda token: self._target.search_runs(
                [experiment.experiment_id],
                f"tags.`{MARK}` != ''",
                run_view_type=ViewType.ALL,
                max_results=_PAGE,
                page_token=token,
            )
        )
        return {run.info.run_id for run in found}

    def _import(self, experiment: Any, run: Run) -> None:
        run_id = run.info.run_id
        try:
            run = self._source.get_run(run_id)  # a search leaves out which models it took
            models = self._models_of(run)
            self._result.points += self._send(experiment, run, models)
            self._bring_rest(run, models)
            self._target.set_tag(run_id, MARK, self._transfer.origin)
            if run.info.lifecycle_stage == "deleted":
                self._target.delete_run(run_id)
        except (MlflowException, HeadwaterError, OSError) as error:
            self._result.failures.append(f"run {run_id}: {error}")
        else:
            self._result.runs += 1

    def _models_of(self, run: Run) -> list[Any]:
        ids = dict.fromkeys(self._models.get(run.info.run_id, ()))
        return [self._source.get_logged_model(model_id) for model_id in ids]

    def _send(self, experiment: Any, run: Run, models: Sequence[Any]) -> int:
        """Send what a spool can hold of a run, and return the points."""
        target_uri = self._transfer.target_uri
        with TemporaryDirectory(prefix="import-", dir=self._transfer.made_spools()) as directory:
            spool = create_spool(Path(directory), target_uri)
            writer = SpoolWriter(spool)
            try:
                self._write(writer, experiment, run, models)
            finally:
                writer.close()
            result = sync_spool(spool, target_uri)
            if result.state == "failed":
                raise ServerError(result.message)
            if result.refused:
                reasons = "; ".join(str(item.get("message")) for item in spool.refused())
                raise ServerError(f"the server refused {reasons}")
            return result.points

    def _write(self, writer: SpoolWriter, experiment: Any, run: Run, models: Sequence[Any]) -> None:
        info, run_id = run.info, run.info.run_id
        writer.append_operation(
            CreateRun(
                run_id=run_id,
                experiment_name=experiment.name,
                user_id=info.user_id or "",
                run_name=info.run_name or "",
                start_time=info.start_time or 0,
                tags={},
            )
        )
        for tags in _parts(run.data.tags):
            writer.append_operation(SetTags(run_id, tags))
        for params in _parts(run.data.params):
            writer.append_operation(LogParams(run_id, params))
        for key in run.data.metrics:
            if not writer.append_points(run_id, _points(key, self._source, run_id)):
                raise SpoolFullError(f"there is no room in {self._transfer.spools} for its points")
        for model in models:
            _write_model(writer, run_id, model)
        for operation in capture_operations(self._captures, self._connection, run_id):
            writer.append_operation(operation)
        writer.append_operation(
            UpdateRun(run_id=run_id, status=info.status, end_time=info.end_time)
        )

    def _bring_rest(self, run: Run, models: Sequence[Any]) -> None:
        """Bring datasets, relations to models, and artifacts."""
        run_id = run.info.run_id
        if run.inputs is not None and (run.inputs.dataset_inputs or run.inputs.model_inputs):
            self._target.log_inputs(run_id, run.inputs.dataset_inputs, run.inputs.model_inputs)
        there = self._target.get_run(run_id)
        known = _outputs(there)
        if missing := [each for each in _outputs(run).values() if each.model_id not in known]:
            self._target.log_outputs(run_id, missing)
        for model in models:
            target = self._target.get_logged_model(model.model_id).artifact_location
            self._transfer.copy_artifacts(model.artifact_location, target)
        self._transfer.copy_artifacts(run.info.artifact_uri, there.info.artifact_uri)


def _outputs(run: Run) -> dict[str, Any]:
    """Return the relations of a run to the models that came out of it, by the models' ids."""
    found = run.outputs.model_outputs if run.outputs is not None else []
    return {output.model_id: output for output in found}


def _parts(items: Mapping[str, str]) -> Iterator[dict[str, str]]:
    pairs = list(items.items())
    for first in range(0, len(pairs), _PARAMS):
        yield dict(pairs[first : first + _PARAMS])


def _points(key: str, source: MlflowClient, run_id: str) -> Points:
    history = source.get_metric_history(run_id, key)
    return Points(
        (key,),
        np.zeros(len(history), np.intp),
        np.array([point.step for point in history], np.int64),
        np.array([point.timestamp for point in history], np.int64),
        storable(np.array([point.value for point in history], np.float64)),
    )


def _write_model(writer: SpoolWriter, run_id: str, model: Any) -> None:
    writer.append_operation(
        CreateLoggedModel(
            run_id=run_id,
            model_id=model.model_id,
            name=model.name,
            model_type=model.model_type,
            status=_STATUSES.get(model.status, "READY"),  # type: ignore[arg-type]  # those texts
            created=model.creation_timestamp,
            updated=model.last_updated_timestamp,
            params=dict(model.params or {}),
            tags=dict(model.tags or {}),
        )
    )
    metrics = [
        ModelPoint(
            *(metric.key, json_number(metric.value), metric.timestamp, metric.step),
            *(model.model_id, metric.dataset_name, metric.dataset_digest),
        )
        for metric in model.metrics or []
        if metric.run_id == run_id
    ]
    if metrics:
        writer.append_operation(LogModelMetrics(run_id, metrics))
