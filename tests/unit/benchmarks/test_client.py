"""The benchmark's HTTP client: whatever way bytes arrive, the same responses come out."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from benchmarks.client import (
    Address,
    Connection,
    ProtocolError,
    RequestFailedError,
    Response,
    ResponseReader,
    encode,
    time_in_turn,
    time_side_by_side,
)
from hypothesis import given
from hypothesis import strategies as st


def _plain(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _chunked(body: bytes, size: int) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"


@given(
    bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=3),
    chunk=st.integers(0, 50),
    piece=st.integers(1, 64),
)
def test_responses_survive_any_split(bodies: list[bytes], chunk: int, piece: int) -> None:
    reader = ResponseReader()
    found: list[Response] = []
    for body in bodies:
        raw = _chunked(body, chunk) if chunk else _plain(body)
        for start in range(0, len(raw), piece):
            response = reader.feed(raw[start : start + piece])
            if response is not None:
                found.append(response)
    assert found == [Response(200, body) for body in bodies]


def test_chunk_that_looks_like_the_last_one_is_not_the_end() -> None:
    raw = _chunked(b"ab0\r\n\r\n", 100)
    reader = ResponseReader()
    cut = raw.index(b"ab0\r\n\r\n") + len(b"ab0\r\n\r\n")
    assert reader.feed(raw[:cut]) is None
    assert reader.feed(raw[cut:]) == Response(200, b"ab0\r\n\r\n")


def test_response_without_a_length_is_refused() -> None:
    with pytest.raises(ProtocolError):
        ResponseReader().feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")


def test_encode_states_the_body_length() -> None:
    raw = encode("POST", "/path", b'{"a": 1}')
    head, body = raw.split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /path HTTP/1.1\r\n")
    assert b"Content-Length: 8" in head
    assert body == b'{"a": 1}'


@contextmanager
def _echo_server(status: int = 200) -> Iterator[tuple[Address, list[bytes]]]:
    """Serve one thread per connection; every request's body is remembered and echoed."""
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while stream.readline():
                length = 0
                for line in iter(stream.readline, b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = stream.read(length)
                if length:
                    seen.append(body)
                head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n"
                code = status if length else 200
                connection.sendall(head % (code, len(body)) + body)

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield ("127.0.0.1", listener.getsockname()[1]), seen
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_connection_returns_the_answer_to_each_request() -> None:
    with _echo_server() as (address, _), Connection(address) as connection:
        large = b"x" * 3_000_000
        assert connection.fetch(encode("POST", "/", b"first")) == b"first"
        assert connection.fetch(encode("POST", "/", large)) == large


def test_every_request_is_sent_once_by_one_writer() -> None:
    bodies = [b"body %d" % number for number in range(20)]
    with _echo_server() as (address, seen):
        assert time_in_turn(address, [encode("POST", "/", body) for body in bodies]) > 0
    assert seen == bodies


def test_every_request_is_sent_once_by_writers_at_once() -> None:
    bodies = [[b"writer %d body %d" % (writer, n) for n in range(10)] for writer in range(8)]
    writers = [[encode("POST", "/", body) for body in each] for each in bodies]
    with _echo_server() as (address, seen):
        assert time_side_by_side(address, writers) > 0
    assert sorted(seen) == sorted(body for each in bodies for body in each)
    for each in bodies:
        assert [body for body in seen if body in each] == each


def test_refused_request_fails_the_measurement() -> None:
    with _echo_server(status=503) as (address, _):
        with pytest.raises(RequestFailedError, match="503"):
            time_in_turn(address, [encode("POST", "/", b"x")])
        with pytest.raises(RequestFailedError, match="503"):
            time_side_by_side(address, [[encode("POST", "/", b"x")]])
