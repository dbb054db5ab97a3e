"""The messages of headwater/projects/list."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headwater.wire.own_request import choice, decode_parameters
from headwater.wire.view_type import stages_of

_VIEW_TYPES = ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")


class ListProjectsRequest(msgspec.Struct, frozen=True):
    """Which part of the tree is asked for."""

    path: str
    stages: tuple[str, ...]
    experiments: bool
    """Whether the experiments are wanted as well."""


class ProjectMessage(msgspec.Struct):
    """A project with all that is below it."""

    path: str
    experiments: int
    direct_experiments: int
    runs: int
    last_activity: int | None


class PlacedExperimentMessage(msgspec.Struct):
    """An experiment in its project."""

    experiment_id: str
    name: str
    project: str
    lifecycle_stage: str
    runs: int
    last_activity: int | None


def decode_list_projects(query: bytes) -> ListProjectsRequest:
    """Decode the query of projects/list.

    Raises:
        InvalidParameterError: a parameter is unknown, or its value is.
    """
    given = decode_parameters(query, ("path", "view_type", "experiments"))
    return ListProjectsRequest(
        given.get("path", ""),
        stages_of(choice(given, "view_type", _VIEW_TYPES)),
        choice(given, "experiments", ("false", "true")) == "true",
    )


def encode_projects(
    projects: Sequence[ProjectMessage], experiments: Sequence[PlacedExperimentMessage] | None
) -> bytes:
    """Encode the tree, with the experiments unless None."""
    answer: dict[str, Any] = {"projects": projects}
    if experiments is not None:
        answer["experiments"] = experiments
    return msgspec.json.encode(answer)
