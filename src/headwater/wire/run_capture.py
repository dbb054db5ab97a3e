"""The messages of headwater/runs/capture and headwater/runs/diff."""

from collections.abc import Iterable

import msgspec

from headwater.wire.own_request import decode_parameters
from headwater.wire.run_output import required_run_id, whole_number


def decode_capture_request(query: bytes) -> str:
    """Return the run id of the query of headwater/runs/capture.

    Raises:
        InvalidParameterError: a parameter is missing or unknown.
    """
    return required_run_id(decode_parameters(query, ("run_id",)).get("run_id", ""))


def decode_diff_request(query: bytes) -> tuple[str, int]:
    """Return run id and rank of the query of headwater/runs/diff.

    Raises:
        InvalidParameterError: a parameter is missing, unknown or out of range.
    """
    given = decode_parameters(query, ("run_id", "rank"))
    rank = whole_number("rank", given.get("rank", "0"), 0, 9_999_999)
    return required_run_id(given.get("run_id", "")), rank


def encode_captures(captures: Iterable[tuple[int, bytes]]) -> bytes:
    """Encode the ranks with the JSON of what each has told."""
    return msgspec.json.encode(
        {"captures": [{"rank": rank, "captured": msgspec.Raw(each)} for rank, each in captures]}
    )
