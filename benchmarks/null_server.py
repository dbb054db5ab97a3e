"""A server that reads requests and answers `{}`: what sockets, event loop and client cost."""

import asyncio
import socket
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
_HEAD_END = b"\r\n\r\n"


class NullProtocol(asyncio.Protocol):
    """Answers every complete request; knows just enough HTTP for the benchmark's client."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once head and body are complete."""
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        _, found, after = bytes(self._buffer[:end]).partition(b"Content-Length: ")
        length = int(after.split(b"\r\n", 1)[0]) if found else 0
        if len(self._buffer) >= end + len(_HEAD_END) + length:
            self._buffer.clear()
            assert self._transport is not None
            self._transport.write(_ANSWER)


async def serve() -> None:
    """Listen on a free port, print it, and serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.get_running_loop().create_server(NullProtocol, sock=listener)
    print(listener.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
