"""Create a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.entities.run import Run, RunInfo, Tag
from headwater.entities.run_id import new_run_id
from headwater.errors import NotServedError
from headwater.storage.metadata import runs, tags
from headwater.storage.metadata.base import Connection
from headwater.tracking import validate
from headwater.tracking.artifact_uri import child_uri
from headwater.tracking.clock import now
from headwater.tracking.existing import require_active_experiment
from headwater.tracking.random_name import random_name
from headwater.tracking.service import TrackingService
from headwater.wire.create_run import CreateRun


@dataclass(frozen=True, slots=True)
class CreateRunPlan:
    """A run to insert, with its name among the tags."""

    experiment_id: int
    user_id: str
    start_time: int
    name: str
    tags: Sequence[tuple[str, str]]


def plan_create_run(message: CreateRun) -> CreateRunPlan:
    """Settle a new run's name and tags; MLflow examines neither keys nor values here.

    Raises:
        NotServedError: a tag occurs twice or contradicts the run's name.
    """
    experiment_id = validate.experiment_id(message.experiment_id)
    items = [(tag.key, tag.value) for tag in message.tags]
    given = dict(items)
    if len(given) < len(items):
        raise NotServedError("a tag occurs twice")
    tagged = given.get(tags.RUN_NAME)
    if tagged is None:
        name = message.run_name or random_name()
        items.append((tags.RUN_NAME, name))
    elif not tagged or message.run_name not in ("", tagged):
        raise NotServedError("an empty or contradictory run name")
    else:
        name = tagged
    return CreateRunPlan(experiment_id, message.user_id, message.start_time, name, items)


async def create_run(service: TrackingService, message: CreateRun) -> Run:
    """Create a running run and return it.

    Raises:
        NotFoundError: there is no such experiment.
        NotServedError: the experiment is deleted, or its artifact location or the tags are unusual.
    """
    plan = plan_create_run(message)

    def create(connection: Connection) -> RunInfo:
        location = require_active_experiment(connection, plan.experiment_id)
        run_id = new_run_id(now())
        return insert_run(connection, run_id, plan, child_uri(location or "", run_id, "artifacts"))

    info = await service.database.write(create)
    return Run(info, [], [], [Tag(key, value) for key, value in plan.tags], [], [], [])


def insert_run(
    connection: Connection, run_id: str, plan: CreateRunPlan, artifact_uri: str
) -> RunInfo:
    """Insert a running run and return it; its experiment exists."""
    info = RunInfo(
        run_id,
        plan.name,
        plan.experiment_id,
        plan.user_id,
        "RUNNING",
        plan.start_time,
        None,
        runs.ACTIVE,
        artifact_uri,
    )
    runs.insert(connection, info)
    tags.insert(connection, run_id, plan.tags)
    return info
