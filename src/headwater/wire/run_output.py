"""The messages of headwater/runs/output."""

import re
from dataclasses import dataclass

from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_parameters

MOST_BYTES = 1024 * 1024
_INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """Which part of what which rank of which run has printed."""

    run_id: str
    rank: int
    start: int
    """Bytes before it; negative from the end."""

    most: int
    """Bytes of it."""


def decode_output_request(query: bytes) -> OutputRequest:
    """Decode the query of headwater/runs/output.

    Raises:
        InvalidParameterError: a parameter is missing, unknown or out of range.
    """
    given = decode_parameters(query, ("run_id", "rank", "start", "max_bytes"))
    return OutputRequest(
        required_run_id(given.get("run_id", "")),
        whole_number("rank", given.get("rank", "0"), 0, 9_999_999),
        whole_number("start", given.get("start", "0"), -(10**17), 10**17),
        whole_number("max_bytes", given.get("max_bytes", str(MOST_BYTES)), 4, MOST_BYTES),
    )


def required_run_id(given: str) -> str:
    """Return the run id of a query. Raises InvalidParameterError if there is none."""
    if not given:
        raise InvalidParameterError("Missing value for required parameter 'run_id'")
    return given


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """Return the number of a query's parameter. Raises InvalidParameterError if it is none."""
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise InvalidParameterError(
            f"Invalid value for parameter {name!r}: {text[:20]!r} is not an integer between "
            f"{least} and {most}"
        )
    return int(text)
