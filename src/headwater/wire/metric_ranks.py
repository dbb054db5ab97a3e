"""The messages of headwater/metrics/ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from headwater.entities.over_ranks import OverRanks
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_parameters

MOST_POINTS = 10_000
_DEFAULT_POINTS = 1_000


@dataclass(frozen=True, slots=True)
class RanksRequest:
    """Which metric of which run, in how many points at most."""

    run_id: str
    key: str
    points: int


def decode_ranks_request(query: bytes) -> RanksRequest:
    """Decode the query of headwater/metrics/ranks.

    Raises:
        InvalidParameterError: a parameter is missing, unknown or out of range.
    """
    given = decode_parameters(query, ("run_id", "key", "points"))
    for name in ("run_id", "key"):
        if not given.get(name):
            raise InvalidParameterError(f"Missing value for required parameter '{name}'")
    text = given.get("points", str(_DEFAULT_POINTS))
    if not text.isdecimal() or len(text) > 5 or not 1 <= int(text) <= MOST_POINTS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'points': {text[:20]!r} is not an integer between 1 and "
            f"{MOST_POINTS}"
        )
    return RanksRequest(given["run_id"], given["key"], int(text))


def encode_ranks(found: tuple[Sequence[int], OverRanks]) -> bytes:
    """Encode the ranks and the columns; a NaN is null."""
    ranks, columns = found
    return msgspec.json.encode(
        {
            "ranks": ranks,
            "steps": columns.steps.tolist(),
            "count": columns.count.tolist(),
            "mean": columns.mean.tolist(),
            "min": columns.least.tolist(),
            "min_rank": columns.least_rank.tolist(),
            "max": columns.most.tolist(),
            "max_rank": columns.most_rank.tolist(),
            "lag": columns.lag.tolist(),
            "straggler": columns.straggler.tolist(),
        }
    )
