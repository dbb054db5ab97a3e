"""Reads a request body into memory up to a limit, and gives it on as if it had not been read."""

import contextlib

from starlette.types import Message, Receive

LARGEST_BUFFERED = 8 * 1024 * 1024
"""Longer bodies are not held in memory; they stream on to MLflow's own code."""


class ClientDisconnectedError(Exception):
    """The client went away before its request was complete."""


async def read_body(receive: Receive, limit: int = LARGEST_BUFFERED) -> tuple[bytes, bool]:
    """Return the body, and whether that is all of it; without the rest when beyond `limit`.

    Raises:
        ClientDisconnectedError: the client went away.
    """
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunk = message.get("body", b"")
        if not message.get("more_body", False):
            return (b"".join((*chunks, chunk)) if chunks else chunk), True
        chunks.append(chunk)
        length += len(chunk)
        if length > limit:
            return b"".join(chunks), False


async def drain(receive: Receive) -> None:
    """Read the rest of a body that is not wanted.

    Many clients read no answer before they have sent all, and would see a broken connection.
    """
    with contextlib.suppress(ClientDisconnectedError):
        is_whole = False
        while not is_whole:
            _, is_whole = await read_body(receive)


def replay(body: bytes, complete: bool, receive: Receive) -> Receive:
    """Return a `receive` that first yields what was read, then continues with the original."""
    pending = True

    async def replaying() -> Message:
        nonlocal pending
        if pending:
            pending = False
            return {"type": "http.request", "body": body, "more_body": not complete}
        return await receive()

    return replaying
