"""A TCP proxy whose connections a test cuts, or which answers in the place of an HTTP server."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

_REQUEST = re.compile(rb"[A-Z]+ /\S* HTTP/1")
UNAVAILABLE = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Passes connections on to a port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._refuses = False
        self._response = b""
        self._every = 0
        self._requests = 0
        self.turned_away = 0
        self._delay = 0.0
        self._delayed = 0
        self._counting = threading.Lock()
        self.delays = 0
        """Requests that were held up."""
        self.most_at_once = 0
        """Of those."""
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Close all connections, wherever they are."""
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Cut all connections, and every new one at once, until `accept`."""
        self._refuses = True
        self.cut()

    def accept(self) -> None:
        """Pass connections on again."""
        self._refuses = False

    def answer(self, response: bytes = UNAVAILABLE, every: int = 1) -> None:
        """Answer each request of that number with this instead of passing it on."""
        self._response, self._every = response, every

    def delay(self, seconds: float) -> None:
        """Hold up each request for so long, and count them."""
        self._delay, self.delays, self.most_at_once = seconds, 0, 0

    def _hold_up(self) -> None:
        if not self._delay:
            return
        with self._counting:
            self.delays += 1
            self._delayed += 1
            self.most_at_once = max(self.most_at_once, self._delayed)
        time.sleep(self._delay)
        with self._counting:
            self._delayed -= 1

    def _own_answer(self) -> bytes | None:
        self._hold_up()
        if not self._every:
            return None
        self._requests += 1
        if self._requests % self._every:
            return None
        self.turned_away += 1
        return self._response

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with server:
                self._open |= {client, server}
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server, self._own_answer)
                back.join()
                self._open -= {client, server}


def _pass_on(
    source: socket.socket,
    target: socket.socket,
    own_answer: Callable[[], bytes | None] = lambda: None,
) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65_536):
            if _REQUEST.match(content) and (answer := own_answer()) is not None:
                source.sendall(answer)
                break
            target.sendall(content)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
