"""What runs have captured, asked of a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headwater.client.connection import OWN_API, Connection
from headwater.errors import NotFoundError, ServerError
from headwater.wire.capture import Captured


@dataclass(frozen=True, slots=True)
class RankCapture:
    """What one rank of a run has told of itself."""

    rank: int
    captured: Captured


def get_captures(connection: Connection, run_id: str) -> Sequence[RankCapture]:
    """Return what the ranks of a run have told.

    Raises:
        NotFoundError: there is no such run.
    """
    answer = connection.get(f"{OWN_API}/runs/capture", {"run_id": run_id})
    try:
        return [
            RankCapture(each["rank"], msgspec.convert(each["captured"], Captured))
            for each in answer["captures"]
        ]
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise ServerError(f"the server's answer is not understood: {error}") from error


def get_diff(connection: Connection, run_id: str, rank: int = 0) -> bytes | None:
    """Return the difference of a rank's working tree to its commit, None if it has none."""
    query = {"run_id": run_id, "rank": rank}
    try:
        return connection.request("GET", f"{OWN_API}/runs/diff", query=query, idempotent=True).body
    except NotFoundError:
        return None


def get_output(
    connection: Connection, run_id: str, rank: int, start: int, most: int | None = None
) -> Mapping[str, Any]:
    """Return what a rank has printed from a place on, or with a negative `start` at last.

    Raises:
        NotFoundError: there is no such run.
    """
    query = {"run_id": run_id, "rank": rank, "start": start}
    if most is not None:
        query["max_bytes"] = most
    answer: Mapping[str, Any] = connection.get(f"{OWN_API}/runs/output", query)
    return answer
