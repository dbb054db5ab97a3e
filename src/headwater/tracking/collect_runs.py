"""Finds the runs that retention rules let go, and moves them to the deleted ones."""

from collections.abc import Mapping, Sequence

from headwater.entities.project_path import path_of_tag
from headwater.storage.metadata import retention, runs
from headwater.storage.metadata.base import Connection, Database
from headwater.tracking.clock import now
from headwater.tracking.registered_runs import registered_runs
from headwater.tracking.retention import (
    KEEP_TAG,
    Candidate,
    RetentionPlan,
    RetentionRule,
    plan_retention,
)

_PARENT_TAG = "mlflow.parentRunId"


async def plan_collection(
    database: Database, registry: Database, rules: Sequence[RetentionRule]
) -> RetentionPlan:
    """Apply the rules to the runs as they are, changing nothing.

    `registry` is the database of the model registry, most often the same.
    """
    return plan_retention(rules, await candidates(database, registry, rules), now())


async def candidates(
    database: Database, registry: Database, rules: Sequence[RetentionRule]
) -> list[Candidate]:
    """Return all runs as the rules must know them; `registry` as in `plan_collection`."""
    registered = await registered_now(database, registry)
    return await database.read(lambda connection: _candidates(connection, rules, registered))


async def registered_now(database: Database, registry: Database) -> Mapping[str, str]:
    """Return which runs made what is registered."""
    versions = await registry.read(retention.versions)
    return registered_runs(versions, await database.read(retention.logged_models))


async def delete_collected(
    database: Database, registry: Database, run_ids: Sequence[str]
) -> list[str]:
    """Mark runs deleted; return those that may be removed for good.

    Left out is a run that has begun again, been registered or tagged to be kept, or got a child
    since it was planned.
    """
    registered = await registered_now(database, registry)

    def delete(connection: Connection) -> list[str]:
        removable = []
        for run_id in run_ids:
            if run_id in registered or not retention.may_go(connection, run_id, KEEP_TAG):
                continue
            found = runs.lifecycle(connection, run_id)
            if found is not None and found[0] == runs.ACTIVE:
                runs.set_lifecycle(connection, run_id, runs.DELETED, now())
            removable.append(run_id)
        return removable

    return await database.write(delete, long=True)


def _candidates(
    connection: Connection, rules: Sequence[RetentionRule], registered: Mapping[str, str]
) -> list[Candidate]:
    keys = {key for rule in rules for key in rule.tags} | {KEEP_TAG, _PARENT_TAG}
    metrics = {rule.keep_best.metric for rule in rules if rule.keep_best is not None}
    tags = retention.tags(connection, keys)
    values = retention.latest_values(connection, metrics)
    points = retention.points(connection)
    projects = retention.project_tags(connection)
    return [
        Candidate(
            run.run_id,
            run.name or "",
            run.experiment_id,
            run.experiment,
            run.status,
            run.stage == runs.DELETED,
            run.ended,
            run.deleted_time,
            points.get(run.run_id, 0),
            tags.get(run.run_id, {}),
            values.get(run.run_id, {}),
            tags.get(run.run_id, {}).get(_PARENT_TAG),
            registered.get(run.run_id),
            path_of_tag(projects.get(run.experiment_id)),
        )
        for run in retention.runs(connection)
    ]
