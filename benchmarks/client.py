"""A keep-alive HTTP/1.1 client that costs a few microseconds per request.

Requests are encoded before the clock starts; sockets set TCP_NODELAY. Several writers are driven
by one thread that waits on all sockets: no lock is contended and no second process competes with
the server for the two cores (README of the measurement: docs/explanation/performance.md).
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Address = tuple[str, int]

_RECEIVE_BYTES = 1 << 20
_HEAD_END = b"\r\n\r\n"


class RequestFailedError(Exception):
    """The server answered with something else than 200."""


class ProtocolError(Exception):
    """The server's bytes are not an HTTP/1.1 response with a known length."""


@dataclass(frozen=True)
class Response:
    """A complete response."""

    status: int
    body: bytes


class ResponseReader:
    """Collects bytes until they make one response."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body_start = -1
        self._body_end = -1
        self._status = 0
        self._chunked = False

    def feed(self, data: bytes) -> Response | None:
        """Return the response once complete; the reader is then ready for the next one."""
        self._buffer += data
        if self._body_start < 0 and not self._read_head():
            return None
        if self._chunked:
            body = _decode_chunks(self._buffer, self._body_start)
            if body is None:
                return None
        elif len(self._buffer) < self._body_end:
            return None
        else:
            body = bytes(memoryview(self._buffer)[self._body_start : self._body_end])
        response = Response(self._status, body)
        self.__init__()  # type: ignore[misc]  # back to the initial state
        return response

    def _read_head(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).lower()
        self._status = int(head[9:12])
        self._body_start = end + len(_HEAD_END)
        length = head.find(b"\r\ncontent-length:")
        if length >= 0:
            value = head[length + 17 :].split(b"\r\n", 1)[0]
            self._body_end = self._body_start + int(value)
        elif b"\r\ntransfer-encoding: chunked" in head:
            self._chunked = True
        else:
            raise ProtocolError(f"neither content-length nor chunked: {head[:200]!r}")
        return True


def _decode_chunks(buffer: bytearray, start: int) -> bytes | None:
    """Return the body when its last chunk has arrived, else None."""
    if not buffer.endswith(b"0\r\n\r\n"):
        return None
    parts: list[bytes] = []
    position = start
    while True:
        line_end = buffer.find(b"\r\n", position)
        if line_end < 0:
            return None
        size = int(bytes(buffer[position:line_end]).split(b";", 1)[0], 16)
        position = line_end + 2
        if size == 0:
            return b"".join(parts)
        if position + size + 2 > len(buffer):
            return None
        parts.append(bytes(buffer[position : position + size]))
        position += size + 2


def encode(
    method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
) -> bytes:
    """Return the bytes of a request with a body or none."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
    if body is not None:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


class Connection:
    """One keep-alive connection; not for use by several threads."""

    def __init__(self, address: Address, timeout: float = 300.0) -> None:
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = ResponseReader()

    def send(self, request: bytes) -> None:
        """Send a pre-encoded request."""
        self.socket.sendall(request)

    def receive(self) -> Response | None:
        """Take what has arrived; return the response once it is complete."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return self._reader.feed(data)

    def ask(self, request: bytes) -> Response:
        """Send a request and wait for its response, whatever its status."""
        self.socket.sendall(request)
        while True:
            response = self.receive()
            if response is not None:
                return response

    def fetch(self, request: bytes) -> bytes:
        """Send a request and return the body of its 200 response."""
        return require_ok(self.ask(request))

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def require_ok(response: Response) -> bytes:
    """Return the body of a 200 response, else raise what the server said."""
    if response.status != 200:
        raise RequestFailedError(f"status {response.status}: {response.body[:500]!r}")
    return response.body


def time_in_turn(address: Address, requests: Sequence[bytes]) -> float:
    """Send requests one after the other on a warm connection; return the seconds they took."""
    with Connection(address) as connection:
        connection.fetch(encode("GET", "/health"))
        started = time.perf_counter()
        for request in requests:
            require_ok(connection.ask(request))
        return time.perf_counter() - started


def time_side_by_side(address: Address, writers: Sequence[Sequence[bytes]]) -> float:
    """Let each writer send its requests in turn, all writers at once; return the seconds."""
    connections = [Connection(address) for _ in writers]
    try:
        for connection in connections:
            connection.fetch(encode("GET", "/health"))
        with selectors.DefaultSelector() as selector:
            started = time.perf_counter()
            for connection, requests in zip(connections, writers, strict=True):
                pending = iter(requests)
                selector.register(connection.socket, selectors.EVENT_READ, (connection, pending))
                connection.send(next(pending))
            open_writers = len(writers)
            while open_writers:
                for ready, _ in selector.select():
                    connection, pending = ready.data
                    response = connection.receive()
                    if response is None:
                        continue
                    require_ok(response)
                    following = next(pending, None)
                    if following is None:
                        selector.unregister(connection.socket)
                        open_writers -= 1
                    else:
                        connection.send(following)
            return time.perf_counter() - started
    finally:
        for connection in connections:
            connection.close()
