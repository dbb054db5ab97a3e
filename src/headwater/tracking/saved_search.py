"""What all verbs on saved searches share: what one may hold, and whether it is there."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from headwater.entities.project_path import parse_path
from headwater.entities.saved_search import SearchScope
from headwater.errors import (
    AlreadyExistsError,
    InvalidParameterError,
    NotFoundError,
    NotServedError,
)
from headwater.tracking import validate

LONGEST_NAME = 250
LONGEST_FILTER = 10_000
MOST_ORDERINGS = 20
MOST_COLUMNS = 200
LONGEST_COLUMN = 500

ATTRIBUTES = (
    "run_id",
    "run_name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "user_id",
    "lifecycle_stage",
    "artifact_uri",
)
ENTITIES = ("metrics", "params", "tags", "attributes")

_COLUMN = re.compile(r"(\w+)\.(.+)", re.DOTALL)


def not_found(search_id: str) -> NotFoundError:
    """Return the refusal of a search that does not exist."""
    return NotFoundError(
        f"There is no saved search {search_id!r}; GET saved-searches/list has those there are"
    )


def name_taken(name: str, scope: SearchScope) -> AlreadyExistsError:
    """Return the refusal of a name that another search of the scope has."""
    where = "no project or experiment"
    if scope.project:
        where = f"project {scope.project!r}"
    elif scope.experiment_id is not None:
        where = f"experiment {scope.experiment_id}"
    return AlreadyExistsError(
        f"A search of {where} is named {name!r} already; choose another 'name', or update that one"
    )


def require_name(name: str) -> str:
    """Return a name that a search may have.

    Raises:
        InvalidParameterError: it is empty or too long.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidParameterError(
            f"Invalid value for parameter 'name': write 1 to {LONGEST_NAME} characters"
        )
    return name


def require_scope(project: str | None, experiment_id: str | None) -> SearchScope:
    """Return the scope that a request gives; that there is such an experiment is not checked.

    Raises:
        InvalidParameterError: it gives two, or one that is none.
    """
    if project and experiment_id is not None:
        raise InvalidParameterError(
            "Parameters 'project' and 'experiment_id' exclude each other; give one of them"
        )
    if experiment_id is None:
        return SearchScope(parse_path(project or "", "project") or None)
    try:
        return SearchScope(experiment_id=validate.experiment_id(experiment_id))
    except NotServedError as error:
        raise InvalidParameterError(
            f"Invalid value for parameter 'experiment_id': {error}"
        ) from error


def require_filter(text: str) -> str:
    """Return a filter that may be stored; whether it can be understood shows when it is used.

    Raises:
        InvalidParameterError: it is too long.
    """
    if len(text) > LONGEST_FILTER:
        raise InvalidParameterError(
            f"Invalid value for parameter 'filter': {len(text):,} characters are more than "
            f"{LONGEST_FILTER:,}"
        )
    return text


def require_order_by(order_by: Sequence[str]) -> Sequence[str]:
    """Return orderings that may be stored.

    Raises:
        InvalidParameterError: there are too many, or one is empty or too long.
    """
    _require_short(order_by, "order_by", MOST_ORDERINGS)
    return order_by


def require_columns(columns: Sequence[str]) -> Sequence[str]:
    """Return columns that runs have.

    Raises:
        InvalidParameterError: there are too many, or one is none; suggests what may be meant.
    """
    _require_short(columns, "columns", MOST_COLUMNS)
    for column in columns:
        found = _COLUMN.fullmatch(column)
        if found is None:
            names = [f"attributes.{name}" for name in ATTRIBUTES]
            _refuse_column(column, "write metrics.KEY, params.KEY, tags.KEY or", names)
        elif found[1] not in ENTITIES:
            _refuse_column(column, "it must begin with one of", ENTITIES, found[1])
        elif found[1] == "attributes" and found[2] not in ATTRIBUTES:
            _refuse_column(column, "the attributes are", ATTRIBUTES, found[2])
    return columns


def _require_short(texts: Sequence[str], field: str, most: int) -> None:
    if len(texts) > most:
        raise InvalidParameterError(
            f"Invalid value for parameter {field!r}: {len(texts)} are more than {most}"
        )
    if any(not 0 < len(text) <= LONGEST_COLUMN for text in texts):
        raise InvalidParameterError(
            f"Invalid value for parameter {field!r}: write 1 to {LONGEST_COLUMN} characters each"
        )


def _refuse_column(column: str, why: str, allowed: Sequence[str], part: str | None = None) -> None:
    near = get_close_matches(part or column, allowed, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise InvalidParameterError(
        f"Invalid value for parameter 'columns': {column[:100]!r}: {why} "
        f"{', '.join(allowed)}{meant}"
    )
