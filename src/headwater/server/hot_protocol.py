"""uvicorn's HTTP protocol, with a short way for the hot requests.

ASGI costs a request two dozen steps between the parser and the handler, and back: more than the
handler itself needs. Here a request that the front answers on its own (`Front.hot`) goes from the
parser to the handler, and its answer to the socket. All others, and all that is unusual about a
connection, is uvicorn's to handle.
"""

import asyncio
import http
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from headwater.server.app import Answer, Front
from headwater.server.body import LARGEST_BUFFERED
from headwater.server.rest.request import Handler

httptools_impl.HIGH_WATER_LIMIT = 1024 * 1024  # type: ignore[attr-defined]  # it has one
"""Bytes of a body that wait for the application, where uvicorn stops reading at 64 KiB: files of
gigabytes come in sixteen times fewer pieces."""

_UNUSUAL_TARGET = frozenset(b"%#*@")
"""Such request targets need more than a split at the question mark."""


class _NobodyWaits:
    """Stands for the event that wakes an ASGI application."""

    def set(self) -> None:
        """Wake nobody."""


_NOBODY = _NobodyWaits()


@dataclass(slots=True, eq=False)
class _HotCycle:
    """A request and its response, as far as uvicorn's protocol wants to know of them."""

    handler: Handler
    scope: dict[str, Any]
    chunks: list[bytes] = field(default_factory=list)
    keep_alive: bool = True
    disconnected: bool = False
    response_complete: bool = False
    message_event: _NobodyWaits = _NOBODY


class HotProtocol(HttpToolsProtocol):
    """One connection; the application must be a `Front`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        front = self.config.app
        assert isinstance(front, Front)
        self._front = front
        self._reading: _HotCycle | None = None

    def on_headers_complete(self) -> None:
        """Take the short way where the request allows it."""
        self._reading = self._hot_cycle()
        if self._reading is None:
            super().on_headers_complete()
        else:
            self.cycle = self._reading  # type: ignore[assignment]  # has what is used of it

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body."""
        if self._reading is None:
            super().on_body(body)
        else:
            self._reading.chunks.append(body)

    def on_message_complete(self) -> None:
        """Answer the request."""
        if self._reading is None:
            super().on_message_complete()
            return
        cycle, self._reading = self._reading, None
        task = self.loop.create_task(self._respond(cycle))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _hot_cycle(self) -> _HotCycle | None:
        parser = self.parser
        if (
            (self.cycle is not None and not self.cycle.response_complete)  # pipelined
            or self.expect_100_continue
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or not _UNUSUAL_TARGET.isdisjoint(self.url)
            or not _fits_memory(self.headers)
        ):
            return None
        path, _, query = self.url.partition(b"?")
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # a TypedDict
        scope["method"] = parser.get_method().decode("ascii")
        scope["path"] = path.decode("ascii", "replace")
        scope["raw_path"] = path
        scope["query_string"] = query
        handler = self._front.hot(scope)
        return None if handler is None else _HotCycle(handler, scope)

    async def _respond(self, cycle: _HotCycle) -> None:
        body = b"".join(cycle.chunks)
        answer = await self._front.answer(cycle.handler, cycle.scope, body)
        if answer is None:
            await self._hand_over(cycle, body)
        elif not cycle.disconnected:
            self._write(answer, cycle.keep_alive)
            cycle.response_complete = True
            if not cycle.keep_alive:
                self.transport.close()
            self.on_response_complete()

    def _write(self, answer: Answer, keep_alive: bool) -> None:
        head = [_STATUS_LINES[answer.status]]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        for name, value in answer.complete_headers():
            head += (name, b": ", value, b"\r\n")
        if not keep_alive:
            head.append(b"connection: close\r\n")
        self.transport.write(b"".join((*head, b"\r\n", answer.body)))

    async def _hand_over(self, hot: _HotCycle, body: bytes) -> None:
        """Have MLflow answer, by uvicorn's usual way."""
        cycle = RequestResponseCycle(
            scope=hot.scope,  # type: ignore[arg-type]  # a TypedDict
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=hot.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.disconnected = hot.disconnected
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
        if self.cycle is hot:  # type: ignore[comparison-overlap]  # see on_headers_complete
            self.cycle = cycle
        await cycle.run_asgi(self._front.hand_over)  # type: ignore[arg-type]  # uvicorn spells ASGI in its own types


_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}


def _fits_memory(headers: list[tuple[bytes, bytes]]) -> bool:
    """Say whether the headers promise a body short enough to be held."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return False
        if name == b"content-length" and int(value) > LARGEST_BUFFERED:
            return False
    return True
