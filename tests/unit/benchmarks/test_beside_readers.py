"""A writer beside readers: every write is timed once, readers go on until it is done."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from benchmarks.beside_readers import time_beside_readers
from benchmarks.client import Address, RequestFailedError, encode


@contextmanager
def _server(seen: list[bytes], *statuses: bytes) -> Iterator[Address]:
    """Answer every request; what is posted to `/write` is remembered and gets the next status.

    200 where there is none left.
    """
    left = list(statuses)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, found, after = head.partition(b"Content-Length: ")
                body = await reader.readexactly(int(after.split(b"\r\n")[0]) if found else 0)
                wrote = head.startswith(b"POST /write")
                if wrote:
                    seen.append(body)
                code = left.pop(0) if wrote and left else b"200"
                writer.write(b"HTTP/1.1 " + code + b" X\r\nContent-Length: 2\r\n\r\n{}")
        except asyncio.IncompleteReadError:
            writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            bound.append(server.sockets[0].getsockname()[:2])
            stops.append((asyncio.get_running_loop(), stop := asyncio.Event()))
            ready.set()
            await stop.wait()

    bound: list[Address] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield bound[0]
    finally:
        loop, stop = stops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()


WRITES = [encode("POST", "/write", b"%d" % number) for number in range(50)]
READS = [encode("GET", "/read")] * 3


def test_every_write_is_sent_once_and_timed() -> None:
    seen: list[bytes] = []
    with _server(seen) as address:
        result = time_beside_readers(address, WRITES, READS, 60.0)
    assert seen == [b"%d" % number for number in range(50)]
    assert len(result.latencies) == 50
    assert 0 < sum(result.latencies) <= result.seconds
    assert result.reads > 0


def test_it_ends_with_the_write_after_which_time_is_up() -> None:
    seen: list[bytes] = []
    with _server(seen) as address:
        result = time_beside_readers(address, WRITES, READS, 0.0)
    assert (len(seen), len(result.latencies)) == (1, 1)


def test_refused_write_fails_the_measurement() -> None:
    with _server([], b"500") as address, pytest.raises(RequestFailedError, match="500"):
        time_beside_readers(address, WRITES, READS, 60.0)


def test_a_write_that_is_turned_away_is_sent_again_and_its_time_counts_on() -> None:
    seen: list[bytes] = []
    with _server(seen, b"200", b"503", b"503") as address:
        result = time_beside_readers(address, WRITES[:3], READS, 60.0)
    assert seen == [b"0", b"1", b"1", b"1", b"2"]
    assert (len(result.latencies), result.turned_away) == (3, 2)
