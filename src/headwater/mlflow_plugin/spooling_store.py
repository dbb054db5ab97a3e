"""MLflow's tracking store of a server, where what is logged goes through a spool.

What is ordinary is appended and is done; what is not goes straight to the server, after all that
was appended before it, so that MLflow's rules and errors are the server's.
"""

import os
import sys
from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any

from mlflow.entities import LoggedModel, Param, Run, RunData, RunInfo, RunStatus, RunTag
from mlflow.protos.service_pb2 import FinalizeLoggedModel, LogInputs
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.proto_json_utils import message_to_json, parse_dict
from mlflow.utils.rest_utils import get_logged_model_endpoint

from headwater.client.capture.begin import begin_capture, wants_capture
from headwater.client.connection import MLFLOW_API
from headwater.client.settings import http_uri
from headwater.client.spool.offline import is_reachable
from headwater.client.spool.outbox import Request
from headwater.client.spool.session import session_for
from headwater.entities.key_name import key_fault
from headwater.errors import SpoolFullError
from headwater.mlflow_plugin.delivery import deliver, send
from headwater.tracking import validate
from headwater.wire.operations import (
    LogModelMetrics,
    LogParams,
    ModelPoint,
    Operation,
    SetTags,
    UpdateRun,
    json_number,
)

_LARGEST = 2**63 - 1
_MOST_ENTITIES = 1_000
_MOST_PARAMS = 100
_RUN_NAME = "mlflow.runName"
_ENDED = ("FINISHED", "FAILED", "KILLED")
_READ_SECONDS = 5.0
_LOG_INPUTS = f"{MLFLOW_API}/runs/log-inputs"


class SpoolingStore(RestStore):
    """Logs through this process's spool, and does all else as MLflow's `RestStore`."""

    def __init__(self, store_uri: str) -> None:
        super().__init__(partial(get_default_host_creds, http_uri(store_uri)))
        self._session = session_for(store_uri)
        self._url = http_uri(store_uri)
        self._params: dict[str, dict[str, str]] = {}
        """Params of the runs that are known to exist, as far as they are known."""

        self._runs: dict[str, Run] = {}
        """The same runs, as the server told them last."""

        self._models: dict[str, Any] = {}
        """Logged models that this process has created, as the server told them then."""

    def _call_endpoint(self, *arguments: Any, **options: Any) -> Any:
        # Whoever reads sees what was written before, and the order of writes stays.
        self._session.flush(_READ_SECONDS, files=False)
        return super()._call_endpoint(*arguments, **options)

    def create_run(self, *arguments: Any, **options: Any) -> Any:
        """Create a run on the server."""
        run = super().create_run(*arguments, **options)
        self._params[run.info.run_id] = {}
        self._runs[run.info.run_id] = run
        self._session.watch(run.info.run_id)
        if wants_capture(os.environ, default=False):
            # MLflow has set its tags of the commit.
            begin_capture(self._session, run.info.run_id, rank=0, with_tags=False)
        return run

    def get_run(self, run_id: str) -> Any:
        """Return a run with all that was logged into it.

        Where the server is away it is what is known of a run that this process works with: MLflow
        asks at the end of each run, which must not fail, nor wait as long as MLflow would.
        """
        known = self._runs.get(run_id)
        if known is not None and not is_reachable(self._url):
            return self._as_known(known)
        run = super().get_run(run_id)
        if run.info.lifecycle_stage == "active":
            self._params[run_id] = dict(run.data.params)
            self._runs[run_id] = run
        return run

    def delete_run(self, run_id: str) -> None:
        """Delete a run, which then takes nothing."""
        self._params.pop(run_id, None)
        self._runs.pop(run_id, None)
        self._session.part(run_id)
        self._session.unwatch(run_id)
        super().delete_run(run_id)

    def log_metric(self, run_id: str, metric: Any) -> None:
        """Append one point."""
        if not (self._is_active(run_id) and _is_plain_metric(metric)):
            super().log_metric(run_id, metric)
        else:
            self._append_metric(run_id, metric)

    def log_param(self, run_id: str, param: Any) -> None:
        """Append a param."""
        if not (
            self._is_active(run_id)
            and self._are_plain_params(run_id, [param])
            and self._append_params(run_id, [param])
        ):
            super().log_param(run_id, param)

    def set_tag(self, run_id: str, tag: Any) -> None:
        """Append a tag."""
        if not (
            self._is_active(run_id) and _are_plain_tags([tag]) and self._append_tags(run_id, [tag])
        ):
            super().set_tag(run_id, tag)

    def log_batch(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> None:
        """Append points, params and tags."""
        if not (
            self._is_active(run_id)
            and len(metrics) + len(params) + len(tags) <= _MOST_ENTITIES
            and self._are_plain_params(run_id, params)
            and _are_plain_tags(tags)
            and all(map(_is_plain_metric, metrics))
            and self._append_params(run_id, params)
            and self._append_tags(run_id, tags)
        ):
            super().log_batch(run_id, metrics, params, tags)
            return
        for metric in metrics:
            self._append_metric(run_id, metric)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> Any:
        """Append a run's new status, wait a bounded time until the server has it, and return it.

        Where the server cannot be reached, what is returned is only what is certain.
        """
        status = RunStatus.to_string(run_status) if run_status is not None else None
        if status in _ENDED:
            self._session.part(run_id, None if status == "FINISHED" else sys.exception())
        change = UpdateRun(run_id=run_id, status=status, end_time=end_time, run_name=run_name or "")
        if not (self._is_active(run_id) and self._append(change)):
            info = super().update_run_info(run_id, run_status, end_time, run_name)
            self._watch_by(run_id, status)
            return info
        self._watch_by(run_id, status)
        if not self._session.flush():
            self._session.report_unsent()
            known = self._as_known(self._runs[run_id]).info
            return _changed(known, status, end_time, run_name)
        return self.get_run(run_id).info

    def log_inputs(
        self, run_id: str, datasets: list[Any] | None = None, models: list[Any] | None = None
    ) -> None:
        """Log inputs of a run, now or when the server is back."""
        message = LogInputs(
            run_id=run_id,
            datasets=[dataset.to_proto() for dataset in datasets or []],
            models=[model.to_proto() for model in models or []],
        )
        what = f"inputs of run {run_id}"
        request = Request("POST", _LOG_INPUTS, what, message_to_json(message))
        self._deliver(request)

    def create_logged_model(self, *arguments: Any, **options: Any) -> Any:
        """Create a logged model on the server."""
        model = super().create_logged_model(*arguments, **options)
        self._models[model.model_id] = model
        return model

    def get_logged_model(self, model_id: str, *arguments: Any, **options: Any) -> Any:
        """Return a logged model; where the server is away, one of this process as it is known."""
        known = self._models.get(model_id)
        if known is not None and not is_reachable(self._url):
            return known
        return super().get_logged_model(model_id, *arguments, **options)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        """Say what became of a model: behind its files, where those wait for the server."""
        known = self._models.get(model_id)
        if known is None:
            return super().finalize_logged_model(model_id, status)
        message = message_to_json(FinalizeLoggedModel(model_id=model_id, status=status.to_proto()))
        path = get_logged_model_endpoint(model_id)
        request = Request("PATCH", path, f"status of model {model_id}", message)
        if (answer := self._deliver(request)) is None:
            known = self._models[model_id] = copy(known)
            known.status = status
            return known
        response = FinalizeLoggedModel.Response()
        parse_dict(answer, response)
        return LoggedModel.from_proto(response.model)

    def _deliver(self, request: Request) -> Any:
        """Send a request, or keep it: None. It waits behind what was logged before."""
        self._session.flush(_READ_SECONDS, files=False)
        answer = None

        def attempt() -> None:
            nonlocal answer
            answer = send(self.get_host_creds(), request)

        deliver(self._session, attempt, lambda: self._session.outbox.add(request))
        return answer

    def _watch_by(self, run_id: str, status: str | None) -> None:
        """Watch over a run that this process goes on with; leave one alone that has ended."""
        if status == "RUNNING":
            self._session.watch(run_id)
        elif status is not None:
            self._session.unwatch(run_id)

    def _as_known(self, run: Run) -> Run:
        params = [Param(*item) for item in self._params[run.info.run_id].items()]
        tags = [RunTag(*item) for item in run.data.tags.items()]
        return Run(run.info, RunData(params=params, tags=tags), run.inputs, run.outputs)

    def _is_active(self, run_id: str) -> bool:
        """Say whether a run takes what is logged; asks once."""
        if run_id not in self._params:
            self.get_run(run_id)
        return run_id in self._params

    def _are_plain_params(self, run_id: str, params: Sequence[Any]) -> bool:
        known = self._params[run_id]
        return (
            len(params) <= _MOST_PARAMS
            and len({param.key for param in params}) == len(params)
            and all(
                _is_plain_text(param.key, param.value, validate.MAX_PARAM_VALUE_LENGTH)
                and known.get(param.key, param.value) == param.value
                for param in params
            )
        )

    def _append_metric(self, run_id: str, metric: Any) -> None:
        if metric.model_id is None:
            self._session.writer.append_row(
                run_id, {metric.key: metric.value}, metric.step, metric.timestamp
            )
            return
        point = ModelPoint(
            metric.key,
            json_number(float(metric.value)),
            metric.timestamp,
            metric.step,
            metric.model_id,
            metric.dataset_name,
            metric.dataset_digest,
        )
        if not self._append(LogModelMetrics(run_id, [point])):
            super().log_metric(run_id, metric)

    def _append_params(self, run_id: str, params: Sequence[Any]) -> bool:
        texts = {param.key: param.value for param in params}
        if texts and not self._append(LogParams(run_id, texts)):
            return False
        self._params[run_id].update(texts)
        return True

    def _append_tags(self, run_id: str, tags: Sequence[Any]) -> bool:
        texts = {tag.key: tag.value for tag in tags}
        return not texts or self._append(SetTags(run_id, texts))

    def _append(self, operation: Operation) -> bool:
        """Append an operation; False where the spool is full: it then goes straight."""
        try:
            self._session.writer.append_operation(operation)
        except SpoolFullError:
            return False
        return True


def _changed(
    info: RunInfo, status: str | None, end_time: int | None, run_name: str | None
) -> RunInfo:
    return RunInfo(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=status or info.status,
        start_time=info.start_time,
        end_time=end_time if end_time is not None else info.end_time,
        lifecycle_stage=info.lifecycle_stage,
        artifact_uri=info.artifact_uri,
        run_name=run_name or info.run_name,
    )


def _is_plain_metric(metric: Any) -> bool:
    """Say whether MLflow takes a metric as it is; it may be of a model, and of its dataset."""
    return (
        type(metric.value) in (float, int)
        and type(metric.step) is int
        and type(metric.timestamp) is int
        and -_LARGEST <= metric.step <= _LARGEST
        and 0 <= metric.timestamp <= _LARGEST
        and type(metric.key) is str
        and not key_fault(metric.key)
        and bool(metric.dataset_name) == bool(metric.dataset_digest)
        and (bool(metric.model_id) or not metric.dataset_name)
    )


def _are_plain_tags(tags: Sequence[Any]) -> bool:
    return len({tag.key for tag in tags}) == len(tags) and all(
        _is_plain_text(tag.key, tag.value, validate.MAX_TAG_VALUE_LENGTH)
        and (tag.key != _RUN_NAME or bool(tag.value))
        for tag in tags
    )


def _is_plain_text(key: Any, value: Any, longest: int) -> bool:
    return type(key) is str and type(value) is str and not key_fault(key) and len(value) <= longest
