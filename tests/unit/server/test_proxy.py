import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.asgi import JSON, LOCAL, call

from headwater.server.proxy import Proxy

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Target:
    """A listener on a unix socket that plays one script a connection."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.there = True
        self.scripts: list[Script] = []
        self.received: list[bytes] = []
        self.gone = asyncio.Event()

    async def accepting(self, seconds: float) -> bool:
        return self.there and seconds > 0

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if self.scripts:
                await self.scripts.pop(0)(reader, writer)
            writer.close()
            await writer.wait_closed()

    def answers(self, *answers: bytes, after: bytes = b"\r\n\r\n") -> None:
        """Answer requests, read until `after`, on one connection; then close it."""

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                self.received.append(await reader.readuntil(after))
                writer.write(answer)
                await writer.drain()

        self.scripts.append(script)

    def hangs(self) -> None:
        """Read the request and never answer; notice when the connection closes."""

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.received.append(await reader.readuntil(b"\r\n\r\n"))
            await reader.read()
            self.gone.set()

        self.scripts.append(script)


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    target = Target(tmp_path / "s")
    async with await asyncio.start_unix_server(target.play, target.socket):
        yield target


@pytest.fixture
async def proxy(target: Target) -> AsyncIterator[Proxy]:
    proxy = Proxy(target, wait_seconds=0.3)
    yield proxy
    await proxy.close()


async def test_passes_the_request_on_as_it_is(proxy: Proxy, target: Target) -> None:
    target.answers(OK)
    headers = {
        "host": "example.com:81",
        "accept-encoding": "br",
        "connection": "keep-alive, X-Hop",
        "x-hop": "1",
        "x-forwarded-for": "6.6.6.6",
        "te": "trailers",
        "cookie": "a=b",
    }
    answer = await call(proxy, "GET", "/a%2Fb//c?x=%20&y", headers)
    assert (answer.status, answer.body, answer.headers) == (200, b"ok", [("content-length", "2")])
    line, *rest = target.received[0].decode().strip().split("\r\n")
    assert line == "GET /a%2Fb//c?x=%20&y HTTP/1.1"
    assert rest == [
        "host: example.com:81",
        "accept-encoding: br",
        "cookie: a=b",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
    ]


async def test_streams_chunked_bodies_both_ways(proxy: Proxy, target: Target) -> None:
    target.answers(
        b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nset-cookie: a\r\nset-cookie: b\r\n"
        b"content-encoding: gzip\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        after=b"0\r\n\r\n",
    )
    headers = {**LOCAL, "transfer-encoding": "chunked"}
    answer = await call(proxy, "POST", "/x", headers, [b"one", b"", b"two"])
    assert (answer.status, answer.body) == (201, b"abcde")
    assert answer.headers == [
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("content-encoding", "gzip"),
    ]
    assert target.received[0].endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_keeps_the_length_of_a_body(proxy: Proxy, target: Target) -> None:
    target.answers(OK, after=b"onetwo")
    await call(proxy, "POST", "/x", {**JSON, "content-length": "6"}, [b"one", b"two"])
    assert b"content-length: 6" in target.received[0]
    assert b"transfer-encoding" not in target.received[0]


async def test_waits_for_a_listener_no_longer_than_told(proxy: Proxy, target: Target) -> None:
    target.there = False
    answer = await call(proxy, "POST", "/x", JSON)
    assert answer.status == 503
    assert dict(answer.headers)["retry-after"] == "5"
    assert json.loads(answer.body)["error_code"] == "TEMPORARILY_UNAVAILABLE"


async def test_a_dead_listener_is_waited_for(tmp_path: Path) -> None:
    target = Target(tmp_path / "s")
    proxy = Proxy(target, wait_seconds=20)
    calling = asyncio.create_task(call(proxy, "POST", "/x", JSON))
    await asyncio.sleep(0.1)
    target.answers(OK)
    async with await asyncio.start_unix_server(target.play, target.socket):
        assert (await calling).status == 200
        await proxy.close()


async def test_reads_are_repeated_when_the_connection_breaks(proxy: Proxy, target: Target) -> None:
    target.answers(b"")
    target.answers(OK)
    assert (await call(proxy, "GET", "/x")).status == 200
    assert len(target.received) == 2


async def test_writes_are_never_repeated(proxy: Proxy, target: Target) -> None:
    target.answers(b"")
    target.answers(OK)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        target.scripts.clear()
        target.received.clear()
        target.answers(b"")
        target.answers(OK)
        answer = await call(proxy, method, "/x")
        assert answer.status == 502
        assert "may or may not" in json.loads(answer.body)["message"]
        assert len(target.received) == 1


async def test_a_connection_that_carried_an_exception_is_not_used_again(
    proxy: Proxy, target: Target
) -> None:
    target.answers(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
    reading_on = target.scripts.pop()

    async def closes_at_the_next_request(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reading_on(reader, writer)
        await reader.read(1)

    target.scripts.append(closes_at_the_next_request)
    target.answers(OK)
    assert (await call(proxy, "GET", "/fails")).status == 500
    assert (await call(proxy, "POST", "/x", JSON)).status == 200


async def test_gives_up_on_reads_that_keep_breaking(proxy: Proxy, target: Target) -> None:
    for _ in range(5):
        target.answers(b"")
    assert (await call(proxy, "GET", "/x")).status == 502
    assert len(target.received) == 3


async def test_an_answer_that_breaks_off_is_left_unfinished(proxy: Proxy, target: Target) -> None:
    target.answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    answer = await call(proxy, "GET", "/x")
    assert answer.status == 200
    assert answer.messages[-1] == {
        "type": "http.response.body",
        "body": b"half",
        "more_body": True,
    }


async def test_a_client_that_leaves_ends_the_request(proxy: Proxy, target: Target) -> None:
    target.hangs()
    leaving = asyncio.Event()
    calling = asyncio.create_task(call(proxy, "GET", "/x", leaving=leaving))
    while not target.received:
        await asyncio.sleep(0.01)
    leaving.set()
    assert not (await calling).messages
    await asyncio.wait_for(target.gone.wait(), 5)


async def test_a_client_that_leaves_in_mid_body_ends_the_request(
    proxy: Proxy, target: Target
) -> None:
    target.hangs()
    headers = {**JSON, "content-length": "100"}
    answer = await call(proxy, "POST", "/x", headers, [b"part"], disconnects=True)
    assert not answer.messages
    await asyncio.wait_for(target.gone.wait(), 5)


async def test_refuses_what_is_not_http(proxy: Proxy) -> None:
    assert (await call(proxy, "GET", "/ä")).status == 400
