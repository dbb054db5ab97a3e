"""Apply one operation of a client's frame, in the frame's transaction."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from headwater.errors import InvalidParameterError, NotServedError
from headwater.storage.metadata import (
    experiments,
    logged_model_metrics,
    logged_models,
    params,
    run_captures,
    run_output,
    runs,
    tags,
)
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.artifact_uri import child_uri
from headwater.tracking.clock import now
from headwater.tracking.create_run import CreateRunPlan, insert_run
from headwater.tracking.existing import experiment_not_found, require_run_of_frame
from headwater.tracking.random_name import random_name
from headwater.tracking.service import TrackingService
from headwater.wire.log_batch import model_metrics_of, points_of
from headwater.wire.operations import (
    AppendOutput,
    CaptureRun,
    CreateLoggedModel,
    CreateRun,
    DeleteTag,
    LogModelMetrics,
    LogParams,
    ModelPoint,
    Operation,
    SetTags,
    UpdateRun,
)

_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_LONGEST_NAME = 250
"""Characters that MLflow's columns take."""


def plan_operation(operation: Operation) -> Operation:
    """Return the operation with texts shortened as MLflow shortens them.

    Raises:
        InvalidParameterError: MLflow refuses a run id, key or name of it.
    """
    try:
        validate.run_id(operation.run_id)
        match operation:
            case CreateRun():
                return _plan_create_run(operation)
            case LogParams():
                shortened = _shortened(operation.params, validate.MAX_PARAM_VALUE_LENGTH)
                return LogParams(operation.run_id, shortened)
            case SetTags():
                shortened = _shortened(operation.tags, validate.MAX_TAG_VALUE_LENGTH)
                return SetTags(operation.run_id, shortened)
            case DeleteTag():
                validate.present(operation.key)
            case LogModelMetrics():
                for point in operation.metrics:
                    validate.key(point.key)
            case CreateLoggedModel():
                return _plan_logged_model(operation)
            case UpdateRun() | CaptureRun() | AppendOutput():
                pass
    except NotServedError as error:
        raise InvalidParameterError(f"Run {operation.run_id}: {error}") from error
    return operation


def create_experiments(
    service: TrackingService, connection: Connection, operations: Sequence[Operation]
) -> None:
    """Create the experiments that runs are to be created in by name, where there are none."""
    names = {
        operation.experiment_name
        for operation in operations
        if isinstance(operation, CreateRun) and not operation.experiment_id
    }
    # In order, so that no two servers wait for each other's.
    for name in sorted(names):
        if experiments.find_by_name(connection, name) is not None:
            continue
        try:
            child_uri(service.artifact_root, "0")
        except NotServedError:  # `_create_run` says so
            return
        experiment_id = experiments.insert_unless_taken(connection, name, now())
        if experiment_id is not None:
            location = child_uri(service.artifact_root, str(experiment_id))
            experiments.set_artifact_location(connection, experiment_id, location)


def apply_operation(service: TrackingService, connection: Connection, operation: Operation) -> None:
    """Apply a planned operation.

    Raises:
        RequestError: it cannot be carried out, now or later; nothing of it was.
    """
    if isinstance(operation, CreateRun):
        _create_run(connection, operation)
        return
    run_id = operation.run_id
    experiment_id = require_run_of_frame(connection, run_id)
    match operation:
        case LogParams():
            _log_params(connection, run_id, operation.params)
        case SetTags():
            _set_tags(connection, run_id, operation.tags)
        case DeleteTag():
            tags.delete(connection, run_id, operation.key)
        case UpdateRun():
            _update_run(connection, operation)
        case CreateLoggedModel():
            _create_logged_model(connection, experiment_id, operation)
        case LogModelMetrics():
            _log_model_metrics(service, connection, run_id, experiment_id, operation.metrics)
        case CaptureRun():
            captured = msgspec.json.encode(operation.captured)
            run_captures.put(connection, run_id, operation.rank, captured, operation.diff)
        case AppendOutput():
            run_output.append(connection, run_id, operation.rank, operation.text.encode())


def _update_run(connection: Connection, operation: UpdateRun) -> None:
    run_id = operation.run_id
    if operation.status is not None or operation.end_time is not None:
        runs.update(connection, run_id, operation.status, operation.end_time)
    if operation.status is not None:  # it is not lost, whatever was thought of it
        tags.delete(connection, run_id, tags.FAILURE_REASON)
    if operation.run_name:
        runs.rename(connection, run_id, operation.run_name[:_LONGEST_NAME])


def _plan_create_run(operation: CreateRun) -> CreateRun:
    if operation.experiment_id:
        validate.experiment_id(operation.experiment_id)
    else:
        validate.experiment_name(operation.experiment_name)
    items = _shortened(operation.tags, validate.MAX_TAG_VALUE_LENGTH)
    name = items.get(tags.RUN_NAME) or operation.run_name or random_name()
    items[tags.RUN_NAME] = name[:_LONGEST_NAME]
    return CreateRun(
        run_id=operation.run_id,
        experiment_id=operation.experiment_id,
        experiment_name=operation.experiment_name,
        user_id=operation.user_id[:_LONGEST_NAME],
        run_name=name[:_LONGEST_NAME],
        start_time=operation.start_time,
        tags=items,
    )


def _create_run(connection: Connection, operation: CreateRun) -> None:
    if runs.lifecycle(connection, operation.run_id) is not None:
        return
    if operation.experiment_id:
        experiment_id = int(operation.experiment_id)
    else:
        named = experiments.find_by_name(connection, operation.experiment_name)
        if named is None:
            raise InvalidParameterError(
                f"Experiment {operation.experiment_name} cannot be created below the server's "
                "artifact root; create it by MLflow's client"
            )
        experiment_id = named
    found = experiments.lifecycle(connection, experiment_id)
    if found is None:
        raise experiment_not_found(experiment_id)
    stage, location = found
    if stage != runs.ACTIVE:
        raise InvalidParameterError(
            f"Experiment {operation.experiment_name or experiment_id} is {stage}; restore it to "
            "create runs in it"
        )
    plan = CreateRunPlan(
        experiment_id,
        operation.user_id,
        operation.start_time,
        operation.run_name,
        list(operation.tags.items()),
    )
    artifact_uri = _below(location, operation.run_id, "artifacts")
    insert_run(connection, operation.run_id, plan, artifact_uri)


def _below(location: str | None, *names: str) -> str:
    try:
        return child_uri(location or "", *names)
    except NotServedError as error:
        raise InvalidParameterError(f"The experiment has {error}") from error


def _log_params(connection: Connection, run_id: str, given: Mapping[str, str]) -> None:
    if not given:
        return
    stored = params.existing(connection, run_id, list(given))
    changed = [
        {"key": key, "old_value": stored[key], "new_value": value}
        for key, value in given.items()
        if stored.get(key, value) != value
    ]
    if changed:
        raise InvalidParameterError(
            "Changing param values is not allowed. Params were already"
            f" logged='{changed}' for run ID='{run_id}'."
        )
    params.insert_missing(connection, run_id, list(given.items()))


def _set_tags(connection: Connection, run_id: str, given: Mapping[str, str]) -> None:
    items = [(key, value) for key, value in given.items() if key != tags.RUN_NAME]
    if items:
        tags.upsert(connection, run_id, items)
    if name := given.get(tags.RUN_NAME):
        runs.rename(connection, run_id, name[:_LONGEST_NAME])


def _plan_logged_model(operation: CreateLoggedModel) -> CreateLoggedModel:
    if _MODEL_ID.fullmatch(operation.model_id) is None:
        raise NotServedError(f"an unusual model id: {operation.model_id[:100]!r}")
    if not operation.name or any(character in operation.name for character in "/:.%\"'"):
        raise NotServedError(f"an unusual name of a logged model: {operation.name[:100]!r}")
    return replace(
        operation,
        name=validate.key(operation.name),
        model_type=(operation.model_type or "")[:_LONGEST_NAME] or None,
        params=_shortened(operation.params, validate.MAX_PARAM_VALUE_LENGTH),
        tags=_shortened(operation.tags, validate.MAX_TAG_VALUE_LENGTH),
    )


def _create_logged_model(
    connection: Connection, experiment_id: int, operation: CreateLoggedModel
) -> None:
    _, location = experiments.lifecycle(connection, experiment_id) or ("", None)
    artifacts = _below(location, "models", operation.model_id, "artifacts")
    logged_models.insert_unless_there(connection, operation, experiment_id, artifacts)


def _log_model_metrics(
    service: TrackingService,
    connection: Connection,
    run_id: str,
    experiment_id: int,
    metrics: Sequence[ModelPoint],
) -> None:
    missing = logged_model_metrics.missing_model(connection, {point.model_id for point in metrics})
    if missing is not None:
        raise InvalidParameterError(f"Logged model with ID '{missing}' not found")
    attributed = model_metrics_of(metrics)
    service.metrics.append(connection, run_id, points_of(metrics))
    logged_model_metrics.insert_new(connection, run_id, experiment_id, attributed)


def _shortened(items: Mapping[str, str], longest: int) -> dict[str, str]:
    for key in items:
        validate.key(key)
    return {key: value[:longest] for key, value in items.items()}
