"""Moves the runs of any MLflow store to a Headwater server, with their ids and times.

Runs, params, tags, points and logged models go through a spool; artifacts and datasets follow by
MLflow's own client. A run that is complete is marked, so that an interrupted import goes on.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from headwater.client.settings import http_uri
from headwater.client.spool.directory import create_spool
from headwater.client.spool.sync import sync_spool
from headwater.client.spool.writer import SpoolWriter
from headwater.entities.metric import Points, storable
from headwater.errors import HeadwaterError, ServerError, SpoolFullError
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

MARK = "headwater.imported_from"
"""Tag of runs whose import is complete."""

_PAGE = 1_000
_PARAMS = 100
_STATUSES = {
    LoggedModelStatus.PENDING: "PENDING",
    LoggedModelStatus.READY: "READY",
    LoggedModelStatus.FAILED: "FAILED",
}


@dataclass
class Imported:
    """What became of an import."""

    runs: int = 0
    already: int = 0
    """Runs that an earlier import had brought."""

    points: int = 0
    failures: list[str] = field(default_factory=list)
    """What of which run could not be brought; such a run is tried again next time."""


def import_runs(
    source_uri: str, target_uri: str, spools: Path, report: Callable[[int, int], object]
) -> Imported:
    """Import all experiments' runs; `report` takes how many runs are done, and of how many.

    Raises:
        ServerError: the source cannot be read, or the server not be reached.
    """
    # MLflow warns of such stores; here somebody leaves one.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        return _Import(source_uri, target_uri, spools).run(report)
    except MlflowException as error:
        raise ServerError(str(error)) from error


class _Import:
    def __init__(self, source_uri: str, target_uri: str, spools: Path) -> None:
        self._source_uri = source_uri
        self._target_uri = http_uri(target_uri)
        self._source = MlflowClient(tracking_uri=source_uri)
        self._target = MlflowClient(tracking_uri=self._target_uri)
        self._spools = spools
        self._result = Imported()

    def run(self, report: Callable[[int, int], object]) -> Imported:
        experiments = list(
            _pages(lambda token: self._source.search_experiments(ViewType.ALL, page_token=token))
        )
        runs: list[tuple[Any, Run]] = []
        for experiment in experiments:
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
        return self._result

    def _bring_tags(self, experiment: Any) -> None:
        """Set the tags of an experiment that the server's one of its name has not."""
        target = self._target.get_experiment_by_name(experiment.name)
        if target is None:  # none of its runs has come over
            return
        for key, value in experiment.tags.items():
            if key not in target.tags:
                self._target.set_experiment_tag(target.experiment_id, key, value)

    def _runs(self, experiment_id: str) -> Iterator[Run]:
        return _pages(
            lambda token: self._source.search_runs(
                [experiment_id], run_view_type=ViewType.ALL, max_results=_PAGE, page_token=token
            )
        )

    def _complete(self, experiment_name: str) -> set[str]:
        """Return the runs of the experiment that are on the server already, whole."""
        experiment = self._target.get_experiment_by_name(experiment_name)
        if experiment is None:
            return set()
        found = _pages(
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
            models = self._models(run)
            self._result.points += self._send(experiment, run, models)
            self._bring_rest(run, models)
            self._target.set_tag(run_id, MARK, self._source_uri.rpartition("@")[2][:_PAGE])
            if run.info.lifecycle_stage == "deleted":
                self._target.delete_run(run_id)
        except (MlflowException, HeadwaterError, OSError) as error:
            self._result.failures.append(f"run {run_id}: {error}")
        else:
            self._result.runs += 1

    def _models(self, run: Run) -> list[Any]:
        outputs = run.outputs.model_outputs if run.outputs is not None else []
        return [self._source.get_logged_model(output.model_id) for output in outputs]

    def _send(self, experiment: Any, run: Run, models: Sequence[Any]) -> int:
        """Send what a spool can hold of a run, and return the points."""
        with TemporaryDirectory(prefix="import-", dir=_made(self._spools)) as directory:
            spool = create_spool(Path(directory), self._target_uri)
            writer = SpoolWriter(spool)
            try:
                self._write(writer, experiment, run, models)
            finally:
                writer.close()
            result = sync_spool(spool, self._target_uri)
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
                raise SpoolFullError(f"there is no room in {self._spools} for its points")
        for model in models:
            _write_model(writer, run_id, model)
        writer.append_operation(
            UpdateRun(run_id=run_id, status=info.status, end_time=info.end_time)
        )

    def _bring_rest(self, run: Run, models: Sequence[Any]) -> None:
        """Bring datasets, relations to models, and artifacts."""
        run_id = run.info.run_id
        if run.inputs is not None and (run.inputs.dataset_inputs or run.inputs.model_inputs):
            self._target.log_inputs(run_id, run.inputs.dataset_inputs, run.inputs.model_inputs)
        if models:
            self._target.log_outputs(run_id, run.outputs.model_outputs)
        for model in models:
            target = self._target.get_logged_model(model.model_id).artifact_location
            self._copy(model.artifact_location, target)
        self._copy(run.info.artifact_uri, self._target.get_run(run_id).info.artifact_uri)

    def _copy(self, source_uri: str, target_uri: str) -> None:
        source = get_artifact_repository(source_uri, tracking_uri=self._source_uri)
        if not source.list_artifacts():
            return
        target = get_artifact_repository(target_uri, tracking_uri=self._target_uri)
        with TemporaryDirectory(prefix="import-", dir=_made(self._spools)) as directory:
            target.log_artifacts(source.download_artifacts("", directory))


def _pages(fetch: Callable[[str | None], Any]) -> Iterator[Any]:
    token = None
    while True:
        page = fetch(token)
        yield from page
        token = page.token
        if not token:
            return


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


def _made(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory
