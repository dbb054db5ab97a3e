"""The short way answers as uvicorn's own protocol does, however a connection's bytes arrive."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.asgi import Echo

from headwater.config import ServerConfig
from headwater.errors import DatabaseBusyError, NotFoundError, NotServedError
from headwater.mlflow_release import installed_release
from headwater.server.app import Front
from headwater.server.gate import Gate
from headwater.server.hot_protocol import HotProtocol
from headwater.server.rest.request import Request
from headwater.server.run import Uvicorn, uvicorn_config
from headwater.tracking.service import TrackingService

LOG = "/api/2.0/mlflow/runs/log-metric"
BATCH = "/api/2.0/mlflow/runs/log-batch"
GET = "/api/2.0/mlflow/runs/get"
OWN = "/api/2.0/headwater/metrics/ingest"
_APART_SECONDS = 0.002  # so that pieces are read one by one
SERVICE = cast(TrackingService, object())
OUTCOMES: dict[bytes, Exception] = {
    b"missing": NotFoundError("no such run"),
    b"busy": DatabaseBusyError("locked"),
    b"mlflow": NotServedError("not ours"),
    b"broken": ValueError("a defect"),
}


async def reply(_service: TrackingService, request: Request) -> bytes:
    """Answer with what was asked, after a change of tasks, or as the body says."""
    await asyncio.sleep(0)
    if request.body in OUTCOMES:
        raise OUTCOMES[request.body]
    return json.dumps([request.method, request.query.decode(), request.body.decode()]).encode()


def front() -> Front:
    config = ServerConfig(database=Path("x.db"), artifact_root="mlflow-artifacts:/")
    routes = {("POST", LOG): reply, ("POST", BATCH): reply, ("GET", GET): reply}
    upstream = Echo([(b"content-length", b"13")])
    return Front(
        config, installed_release(), {**routes, ("POST", OWN): reply}, Gate(SERVICE), upstream
    )


class Serving:
    """A server on a thread of its own."""

    def __init__(self, protocol: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._server = Uvicorn(uvicorn_config(front(), protocol))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def exchange(self, pieces: list[bytes]) -> bytes:
        """Send pieces one by one; return all that comes back until the server hangs up."""
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(_APART_SECONDS)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while data := connection.recv(1 << 16):
                    received += data
            return re.sub(rb"\r\ndate: [^\r]*", b"", received)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Serving, Serving]]:
    both = Serving("httptools"), Serving(HotProtocol)
    yield both
    for serving in both:
        serving.stop()


HEADERS = st.lists(
    st.sampled_from(
        [
            b"X-Other: 1",
            b"Origin: http://localhost:3000",
            b"Origin: http://elsewhere.example",
            b"Content-Encoding: identity",
            b"X-MLflow-Workspace: a",
            b"Upgrade: websocket",
            b"Connection: keep-alive",
        ]
    ),
    max_size=2,
    unique=True,
)
BODIES = st.one_of(
    st.sampled_from([b"", *OUTCOMES]),
    st.integers(1, 3000).map(lambda length: b"0123456789" * (length // 10) + b"!"),
)
PATHS = [
    LOG,
    BATCH,
    GET,
    OWN,
    f"{GET}?run_id=a",
    f"{LOG}?x=1",
    "/elsewhere",
    GET.replace("g", "%67"),
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request that leaves the connection open."""
    method = draw(st.sampled_from(["POST", "POST", "GET", "PUT", "HEAD"]))
    path = draw(st.sampled_from(PATHS))
    host = draw(st.sampled_from(["localhost:5000", "localhost:5000", "evil.example"]))
    body = draw(BODIES) if method in ("POST", "PUT") else b""
    lines = [f"{method} {path} HTTP/1.1".encode(), f"Host: {host}".encode(), *draw(HEADERS)]
    if method in ("POST", "PUT"):
        lines.append(
            draw(st.sampled_from([b"Content-Type: application/json", b"Content-Type: text/plain"]))
        )
    if body and draw(st.booleans()) and draw(st.booleans()):
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body or draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))


def hot(body: bytes) -> bytes:
    """Return the bytes of an ordinary request."""
    head = f"POST {LOG} HTTP/1.1\r\nHost: localhost:5000\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


LAST = f"GET {GET}?last HTTP/1.1\r\nHost: localhost:5000\r\nConnection: close\r\n\r\n".encode()
OLD = f"GET {GET}?old HTTP/1.0\r\nHost: localhost:5000\r\n\r\n".encode()


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Requests in a row, cut anywhere."""
    one = st.one_of(BODIES.map(hot), requests())
    content = b"".join(draw(st.lists(one, max_size=4))) + draw(st.sampled_from([LAST, OLD]))
    cuts = sorted(draw(st.sets(st.integers(1, len(content) - 1), max_size=4)))
    return [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


@given(conversations())
@settings(deadline=None, max_examples=150)
def test_answers_are_those_of_uvicorns_own_protocol(
    servers: tuple[Serving, Serving], conversation: list[bytes]
) -> None:
    usual, hot = servers
    expected = usual.exchange(conversation)
    assert hot.exchange(conversation) == expected
    assert expected.endswith((b'["GET", "last", ""]', b'["GET", "old", ""]'))


@pytest.mark.parametrize("end", [b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"NONSENSE\r\n\r\n"])
def test_malformed_requests_are_refused_in_the_same_words(
    servers: tuple[Serving, Serving], end: bytes
) -> None:
    usual, hot = servers
    assert hot.exchange([end]) == usual.exchange([end])


class Slow:
    """A handler that tells when it has begun, and waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, _service: TrackingService, _request: Request) -> bytes:
        self.begun.set()
        await self.go_on.wait()
        return b"{}"


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def serving_slowly(
    slow: Slow, test: Callable[[uvicorn.Server, Connected], Awaitable[None]]
) -> None:
    config = ServerConfig(database=Path("x.db"), artifact_root="mlflow-artifacts:/")
    app = Front(config, installed_release(), {("GET", GET): slow}, Gate(SERVICE), Echo())
    serving = Uvicorn(uvicorn_config(app))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(serving.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(f"GET {GET}?a HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await slow.begun.wait()
        await test(serving, (reader, writer))
        slow.go_on.set()
        serving.should_exit = True
        await task
        writer.close()


async def test_a_server_that_stops_answers_first() -> None:
    slow = Slow()

    async def stop(serving: uvicorn.Server, connected: Connected) -> None:
        serving.should_exit = True
        while next(iter(serving.server_state.connections)).cycle.keep_alive is not False:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        slow.go_on.set()
        answer = await connected[0].read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\n{}")

    await serving_slowly(slow, stop)


async def test_a_client_that_leaves_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()

    async def leave(serving: uvicorn.Server, connected: Connected) -> None:
        connected[1].transport.abort()
        while serving.server_state.connections:
            await asyncio.sleep(0.01)

    await serving_slowly(slow, leave)
    assert caplog.records == []
