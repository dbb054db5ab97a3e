"""Hands requests on to MLflow's own process over its unix socket, streaming both ways."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import httpcore
from starlette.types import Receive, Scope, Send

from headwater.server.body import ClientDisconnectedError
from headwater.server.errors import ErrorAnswer
from headwater.server.send import send_error

_logger = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OVERWRITTEN = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_ATTEMPTS = 3
_CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 0.05
_IDLE_SECONDS = 30.0
"""Less than the other side's keep-alive: a request must not meet a connection that is closing."""
_TIMEOUTS = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": None}

_NOT_THERE = ErrorAnswer(
    503,
    "TEMPORARILY_UNAVAILABLE",
    "MLflow's own process, which answers this request, is not up yet; try again.",
    5,
)
_LOST = ErrorAnswer(
    502,
    "INTERNAL_ERROR",
    "MLflow's own process stopped while it worked on this request; it may or may not have been "
    "carried out.",
)
_MALFORMED = ErrorAnswer(
    400, "INVALID_PARAMETER_VALUE", "The request is not valid HTTP and cannot be passed on."
)


class Target(Protocol):
    """A process that listens on a unix socket, most of the time."""

    socket: Path

    async def accepting(self, seconds: float) -> bool:
        """Wait until it takes connections; False when it does not in time."""


class Proxy:
    """An ASGI application that is MLflow's, in another process.

    A request is sent again only where nothing of it can have been carried out twice.
    """

    def __init__(self, target: Target, *, wait_seconds: float = 60.0) -> None:
        self._target = target
        self._wait_seconds = wait_seconds
        self._pool = httpcore.AsyncConnectionPool(
            uds=str(target.socket),
            max_connections=None,
            max_keepalive_connections=64,
            keepalive_expiry=_IDLE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request and its response; stop when the client goes away."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        body = _Body(scope, receive)
        forwarding = asyncio.create_task(self._forward(scope, body, send))
        watching = asyncio.create_task(body.client_gone())
        try:
            await asyncio.wait((forwarding, watching), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            _logger.warning("%s %s was cut off", scope["method"], scope["path"])
        finally:
            watching.cancel()
            if not forwarding.done():
                forwarding.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientDisconnectedError):
                await forwarding

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _forward(self, scope: Scope, body: "_Body", send: Send) -> None:
        response = await self._response(scope, body)
        if isinstance(response, ErrorAnswer):
            await send_error(send, response)
            return
        try:
            headers = _end_to_end(response.headers)
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            async for chunk in response.aiter_stream():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            # The status is out; an unfinished body is what tells the client.
            _logger.error("MLflow stopped in mid-answer to %s: %r", scope["path"], error)
        finally:
            if response.status >= 500:
                # After an exception uvicorn closes the connection, a moment after a whole answer
                # that says nothing of it: the next request must not meet that.
                await response.extensions["network_stream"].aclose()
            await response.aclose()

    async def _response(self, scope: Scope, body: "_Body") -> httpcore.Response | ErrorAnswer:
        deadline = asyncio.get_running_loop().time() + self._wait_seconds
        attempts = 0
        while await self._target.accepting(deadline - asyncio.get_running_loop().time()):
            try:
                return await self._pool.handle_async_request(_request(scope, body))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                await asyncio.sleep(_RETRY_SECONDS)  # it has just died: nothing was sent
            except httpcore.LocalProtocolError:
                return _MALFORMED
            except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
                attempts += 1
                if body.started or scope["method"] not in _REPEATABLE or attempts == _MOST_ATTEMPTS:
                    _logger.error("MLflow did not answer %s: %r", scope["path"], error)
                    return _LOST
        return _NOT_THERE


class _Body:
    """The request body on its way from the client."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        self.chunked = b"transfer-encoding" in headers
        self.empty = not self.chunked and headers.get(b"content-length", b"0") == b"0"
        self.started = False
        self._receive = receive
        self._passed_on = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives."""
        self.started = True
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        self._passed_on.set()

    async def client_gone(self) -> None:
        """Return when the client has gone away or has its answer."""
        if not self.empty:
            await self._passed_on.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _request(scope: Scope, body: _Body) -> httpcore.Request:
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if scope["query_string"]:
        target = target + b"?" + scope["query_string"]
    headers = [
        (name, value) for name, value in _end_to_end(scope["headers"]) if name not in _OVERWRITTEN
    ]
    if not any(name == b"host" for name, _ in headers):
        headers.append((b"host", b""))  # MLflow refuses it
    if body.chunked:
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"transfer-encoding", b"chunked"))
    if client := scope.get("client"):
        headers.append((b"x-forwarded-for", client[0].encode()))
    headers.append((b"x-forwarded-proto", scope["scheme"].encode()))
    return httpcore.Request(
        scope["method"],
        httpcore.URL(scheme=b"http", host=b"mlflow", port=None, target=target),
        headers=headers,
        content=None if body.empty else body.chunks(),
        extensions={"timeout": _TIMEOUTS},
    )


def _end_to_end(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    lowered = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP
    for name, value in lowered:
        if name == b"connection":
            dropped = dropped | {token.strip().lower() for token in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in dropped]
