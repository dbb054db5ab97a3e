"""Keys of runs in the order of a search: what an order needs to have them, what they may be."""

from collections.abc import Sequence

from headwater.entities.run_field import RunField
from headwater.entities.search import Ordering, RunKey
from headwater.errors import InvalidParameterError

_START = Ordering("attribute", "start_time", ascending=False)
_MOST = 2**63
_HIGHEST_RANKS = {"attribute": 1, "metric": 2, "param": 2, "tag": 2}


def with_start(orderings: Sequence[Ordering]) -> tuple[Ordering, ...]:
    """Return an order that says where runs without a start time come, which is last.

    Databases have them at different ends, where nothing is said.
    """
    if any((each.source, each.key) == (_START.source, _START.key) for each in orderings):
        return tuple(orderings)
    return (*orderings, _START)


def check_key(key: RunKey, orderings: Sequence[Ordering]) -> None:
    """Check that a key is one of this order.

    Raises:
        InvalidParameterError: it is not: somebody has made it up.
    """
    *pairs, run_id = key or (None,)
    if len(pairs) == 2 * len(orderings) and isinstance(run_id, str):
        places = zip(orderings, pairs[::2], pairs[1::2], strict=True)
        if all(_is_of(ordering, rank, value) for ordering, rank, value in places):
            return
    raise InvalidParameterError(
        "Invalid value for parameter 'page_token': it is none that a server returned"
    )


def _is_of(ordering: Ordering, rank: object, value: object) -> bool:
    if type(rank) is not int or not 0 <= rank <= _HIGHEST_RANKS[ordering.source]:
        return False
    if rank:
        return value is None
    kind = RunField(ordering.source, ordering.key).kind
    if kind == "text":
        return isinstance(value, str) and "\0" not in value
    whole = type(value) is int and -_MOST <= value < _MOST
    return whole or (kind == "number" and isinstance(value, float))
