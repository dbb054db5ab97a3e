"""Calls ASGI applications without a server."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = dict[str, str]
LOCAL: Headers = {"host": "localhost:5000"}
JSON: Headers = {**LOCAL, "content-type": "application/json"}


@dataclass
class Answer:
    """What an application sent."""

    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name.decode(), value.decode()) for name, value in self.messages[0]["headers"]]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


@dataclass
class Echo:
    """An application that keeps the requests it gets, and answers 299 with some headers."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            more = message["more_body"]
        self.requests.append((scope["method"], scope["path"], body))
        await send({"type": "http.response.start", "status": 299, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"from upstream"})


async def call(
    app: ASGIApp,
    method: str,
    target: str,
    headers: Headers = LOCAL,
    chunks: Iterable[bytes] = (b"",),
    *,
    disconnects: bool = False,
    leaving: asyncio.Event | None = None,
) -> Answer:
    """Send one request; with `disconnects`, the client goes away instead of finishing the body.

    With `leaving`, it goes away when that is set.
    """
    path, _, query = target.partition("?")
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if not disconnects:
        messages[-1]["more_body"] = False
    answer = Answer()

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        if not disconnects:
            await (leaving or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answer.messages.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1234),
    }
    await app(scope, receive, send)
    return answer
