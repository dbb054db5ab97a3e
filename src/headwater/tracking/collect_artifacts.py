"""Finds the artifacts that retention rules let go, and says whether they still may."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from headwater.errors import ArtifactStoreError
from headwater.storage.metadata import retention
from headwater.storage.metadata.base import Connection, Database
from headwater.tracking.artifact_retention import (
    ArtifactPlan,
    Listed,
    Place,
    RunArtifacts,
    choose_for_artifacts,
    matching,
)
from headwater.tracking.clock import now
from headwater.tracking.collect_runs import candidates, registered_now
from headwater.tracking.retention import KEEP_TAG, RetentionRule

List = Callable[[Place], Sequence[Listed]]
"""Lists all files in a place. Raises ArtifactStoreError."""


async def plan_artifact_collection(
    database: Database,
    registry: Database,
    rules: Sequence[RetentionRule],
    list_files: List,
    gone: AbstractSet[str] = frozenset(),
) -> ArtifactPlan:
    """Apply the rules on artifacts to the runs and files as they are, changing nothing.

    `registry` is the database of the model registry, `gone` are runs that go with everything.
    """
    if not any(rule.artifacts for rule in rules):
        return ArtifactPlan()
    found = await candidates(database, registry, rules)
    chosen, kept = choose_for_artifacts(rules, found, now(), gone)
    places = await database.read(lambda c: _places(c, {each.run.run_id for each in chosen}))
    removed, failed = [], {}
    for each in chosen:
        try:
            files = [file for place in places[each.run.run_id] for file in list_files(place)]
        except ArtifactStoreError as error:
            failed[each.run.run_id] = str(error)
            continue
        if (going := matching(each, files)) is not None:
            removed.append(going)
    return ArtifactPlan(removed, kept, failed)


async def may_still_go(database: Database, registry: Database, planned: RunArtifacts) -> bool:
    """Say whether nothing has happened to a run since, by which its artifacts would be kept."""
    run_id = planned.run.run_id
    if not planned.allows_registered and run_id in await registered_now(database, registry):
        return False
    return await database.write(lambda c: retention.may_lose_artifacts(c, run_id, KEEP_TAG))


def _places(connection: Connection, run_ids: AbstractSet[str]) -> dict[str, list[Place]]:
    """Return where the artifacts of runs are, and of the models that they have logged."""
    places: dict[str, list[Place]] = {}
    for run_id in run_ids:
        uri = retention.artifact_uri(connection, run_id)
        places[run_id] = [] if uri is None else [Place(uri)]
    for model in retention.logged_models(connection):
        if model.run_id in places:
            places[model.run_id].append(Place(model.location, model.name))
    return places
