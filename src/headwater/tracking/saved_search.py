"""What all verbs on saved searches share: what one may hold, and whether it is there."""

from collections.abc import Sequence

from headwater.entities.project_path import parse_path
from headwater.entities.run_field import parse_column
from headwater.entities.saved_search import SearchScope
from headwater.errors import (
    AlreadyExistsError,
    InvalidParameterError,
    NotFoundError,
    NotServedError,
)
from headwater.tracking import validate
from headwater.tracking.clock import now
from headwater.tracking.run_filter import parse_run_filter

LONGEST_NAME = 250
LONGEST_FILTER = 10_000
MOST_ORDERINGS = 20
MOST_COLUMNS = 200
LONGEST_COLUMN = 500


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
    """Return a filter that may be stored.

    Raises:
        InvalidParameterError: it is too long, or no filter; the message points at the place.
    """
    if len(text) > LONGEST_FILTER:
        raise InvalidParameterError(
            f"Invalid value for parameter 'filter': {len(text):,} characters are more than "
            f"{LONGEST_FILTER:,}"
        )
    try:
        parse_run_filter(text, now_ms=now())
    except InvalidParameterError as error:
        raise InvalidParameterError(f"Invalid value for parameter 'filter': {error}") from error
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
        parse_column(column)
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
