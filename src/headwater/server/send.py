"""Sends whole answers."""

from starlette.types import Send

from headwater.server.errors import ErrorAnswer

JSON = (b"content-type", b"application/json")


async def send_whole(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send an answer of which all is known; `headers` are all but its length."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, answer: ErrorAnswer) -> None:
    """Send an error in MLflow's format."""
    await send_whole(send, answer.status, [JSON, *answer.headers()], answer.body())
