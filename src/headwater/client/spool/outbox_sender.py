"""Sends the requests of an outbox, one after another, until the server has each."""

import threading
import time
from pathlib import Path

from headwater.client.connection import Connection
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.outbox import Outbox, Request
from headwater.errors import HeadwaterError, RefusedError, RequestError

FILE_SECONDS = 600.0
"""How long is waited for the answer to a file: the server may bring it to a bucket first."""

_BLOCK = 1024 * 1024
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 15.0


class OutboxSender:
    """Sends one outbox; whoever makes it holds `SpoolDirectory.sending`."""

    def __init__(self, directory: SpoolDirectory, connection: Connection) -> None:
        self._directory = directory
        self._outbox = Outbox(directory)
        self._connection = connection

    def send_next(self) -> int | None:
        """Send the request that has waited longest; None if none waits.

        Returns how many were refused: 0 or 1. Such a one is set aside and noted.

        Raises:
            ServerError: the server cannot be reached, or fails; try again later.
            CorruptSpoolError: what waits cannot be read.
        """
        numbers = self._outbox.numbers()
        if not numbers:
            return None
        number = numbers[0]
        request = self._outbox.read(number)
        try:
            self._send(request, self._outbox.content(number))
        except (RequestError, RefusedError) as error:
            name = self._outbox.refuse(number)
            self._directory.note_refused([{"file": name, "message": f"{request.what}: {error}"}])
            return 1
        self._outbox.remove(number)
        return 0

    def _send(self, request: Request, file: Path) -> None:
        if request.message:
            self._connection.request(
                request.method,
                request.path,
                content=request.message.encode(),
                headers={"content-type": "application/json"},
            )
            return
        with file.open("rb", buffering=0) as opened:
            size = file.stat().st_size
            self._connection.request(
                request.method,
                request.path,
                content=iter(lambda: opened.read(_BLOCK), b""),
                headers={"content-type": request.content_type, "content-length": str(size)},
            )


class OutboxThread:
    """Sends an outbox beside what else is sent: points and signs of life don't wait for files."""

    def __init__(self, directory: SpoolDirectory, connection: Connection) -> None:
        """`connection` is this one's alone."""
        self.failure = ""
        """Why sending fails at present, as a person reads it."""

        self._outbox = Outbox(directory)
        self._sender = OutboxSender(directory, connection)
        self._thread: threading.Thread | None = None
        self._is_ending = False
        self._failures = 0
        self._failing_since = 0.0
        self._due = 0.0
        self._on_disk = 0
        """Number of the last request that would survive a power failure."""

    def keep(self) -> None:
        """Bring what cannot be sent now to the disk."""
        for number in self._outbox.numbers():
            if number > self._on_disk:
                self._outbox.bring_to_disk(number)
                self._on_disk = number

    def see_to(self) -> bool:
        """Go on sending where it is time to; True if nothing waits any more."""
        if self._thread is not None and self._thread.is_alive():
            return False
        if self._outbox.is_empty():
            self.failure = ""
            return True
        if time.monotonic() >= self._due:
            self._thread = threading.Thread(target=self._send_all, name="headwater-outbox")
            self._thread.start()
        return False

    def failing_seconds(self) -> float:
        """Return for how long nothing has succeeded."""
        return time.monotonic() - self._failing_since if self._failures else 0.0

    def close(self) -> None:
        """Wait until what is being sent is sent or has failed."""
        self._is_ending = True
        if self._thread is not None:
            self._thread.join()

    def _send_all(self) -> None:
        try:
            while not self._is_ending and self._sender.send_next() is not None:
                self._failures, self.failure = 0, ""
        except (HeadwaterError, OSError) as error:
            if not self._failures:
                self._failing_since = time.monotonic()
            self._failures += 1
            delay = min(_FIRST_DELAY * 2 ** min(self._failures - 1, 10), _LONGEST_DELAY)
            self._due = time.monotonic() + delay
            self.failure = str(error)
