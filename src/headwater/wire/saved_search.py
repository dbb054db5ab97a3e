"""The messages of headwater/saved-searches/…"""

from collections.abc import Sequence

import msgspec

from headwater.entities.saved_search import SavedSearch
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body, decode_parameters


class CreateSavedSearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search to save; of all runs where neither a project nor an experiment is given."""

    name: str
    project: str | None = None
    experiment_id: str | None = None
    filter: str = ""
    order_by: list[str] = []
    columns: list[str] = []


class UpdateSavedSearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change of a search: all that is not None."""

    search_id: str
    name: str | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    columns: list[str] | None = None


class _Delete(msgspec.Struct, forbid_unknown_fields=True):
    search_id: str


class _SavedSearch(msgspec.Struct):
    search_id: str
    name: str
    project: str | None
    experiment_id: str | None
    filter: str
    order_by: Sequence[str]
    columns: Sequence[str]
    created_at: int
    updated_at: int


class _One(msgspec.Struct):
    saved_search: _SavedSearch


class _All(msgspec.Struct):
    saved_searches: list[_SavedSearch]


_CREATE = msgspec.json.Decoder(CreateSavedSearchRequest)
_UPDATE = msgspec.json.Decoder(UpdateSavedSearchRequest)
_DELETE = msgspec.json.Decoder(_Delete)


def decode_create_saved_search(body: bytes) -> CreateSavedSearchRequest:
    """Decode the body of saved-searches/create.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    return decode_body(_CREATE, body)


def decode_update_saved_search(body: bytes) -> UpdateSavedSearchRequest:
    """Decode the body of saved-searches/update. Raises as `decode_create_saved_search`."""
    return decode_body(_UPDATE, body)


def decode_delete_saved_search(body: bytes) -> str:
    """Decode the body of saved-searches/delete. Raises as `decode_create_saved_search`."""
    return decode_body(_DELETE, body).search_id


def decode_get_saved_search(query: bytes) -> str:
    """Decode the query of saved-searches/get.

    Raises:
        InvalidParameterError: it does not name a search.
    """
    given = decode_parameters(query, ("search_id",))
    if not given.get("search_id"):
        raise InvalidParameterError("Missing value for required parameter 'search_id'")
    return given["search_id"]


def decode_list_saved_searches(query: bytes) -> tuple[str | None, str | None]:
    """Decode the query of saved-searches/list into the project and the experiment.

    Raises:
        InvalidParameterError: a parameter is unknown or occurs twice.
    """
    given = decode_parameters(query, ("project", "experiment_id"))
    return given.get("project"), given.get("experiment_id")


def encode_saved_search(search: SavedSearch) -> bytes:
    """Encode one search."""
    return msgspec.json.encode(_One(_message(search)))


def encode_saved_searches(searches: Sequence[SavedSearch]) -> bytes:
    """Encode several searches."""
    return msgspec.json.encode(_All([_message(search) for search in searches]))


def _message(search: SavedSearch) -> _SavedSearch:
    number = search.scope.experiment_id
    return _SavedSearch(
        search.search_id,
        search.name,
        search.scope.project,
        None if number is None else str(number),
        search.filter,
        search.order_by,
        search.columns,
        search.created_at,
        search.updated_at,
    )
