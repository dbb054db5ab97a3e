"""Sends a spool for as long as somebody writes it, and a while longer."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import closing

from headwater.client.connection import Connection
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.lifeline import Lifeline
from headwater.client.spool.outbox_sender import FILE_SECONDS, OutboxThread
from headwater.client.spool.progress import ProgressFile
from headwater.client.spool.sender import Sender
from headwater.client.spool.status import Status, read_status, write_status
from headwater.errors import RequestError, ServerError

INTERVAL_SECONDS = 1.0
"""Between frames, so that charts are live and frames not tiny.

Where training takes all processors, the sender and a server beside it take theirs from it: five
frames a second cost a PyTorch loop on two cores 2 %, one a second nothing that could be measured.
"""

LINGER_SECONDS = 60.0
"""How long sending is tried after the process that logged is gone, while nothing succeeds."""

_SMALL = 20_000
"""Points of a frame after which the next one waits for the interval."""

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 15.0
_KEEP_SECONDS = 1.0

_logger = logging.getLogger(__name__)

Wait = Callable[[float], bool]
"""Waits so many seconds, or less where it is asked to hurry; says whether it was."""


def send_while_written(
    directory: SpoolDirectory,
    connection: Connection,
    wait: Wait,
    *,
    linger: float = LINGER_SECONDS,
) -> bool:
    """Send until the writer is gone and all is sent, and remove the spool: True.

    False where the server could not be reached for `linger` seconds after the writer had gone; the
    spool stays. A spool of which something was refused stays as well, for who looks after it.

    Raises:
        ConfigurationError: another process sends this spool.
        CorruptSpoolError: it cannot be read.
    """
    with (
        directory.sending(),
        ProgressFile(directory.path, writable=True) as progress,
        connection.another(FILE_SECONDS) as for_files,
        closing(OutboxThread(directory, for_files)) as outbox,
    ):
        sender = Sender(directory, connection, progress)
        loop = _Loop(directory, sender, outbox, Lifeline(directory, connection), wait)
        while True:
            is_written = directory.is_written()  # before sending: what is written later is not lost
            has_sent = loop.send_all(is_written=is_written)
            has_sent_files = outbox.see_to()
            if has_sent and has_sent_files and not is_written:
                break
            if not is_written and loop.failing_seconds() > linger:
                return False
            loop.pause()
    if not directory.refused():
        directory.remove()
    return True


class _Loop:
    def __init__(
        self,
        directory: SpoolDirectory,
        sender: Sender,
        outbox: OutboxThread,
        lifeline: Lifeline,
        wait: Wait,
    ) -> None:
        self._directory = directory
        self._sender = sender
        self._outbox = outbox
        self._lifeline = lifeline
        self._wait = wait
        self._failures = 0
        self._failing_since: float | None = None
        self._has_concluded = False
        self._said = read_status(directory.path)

    def send_all(self, *, is_written: bool) -> bool:
        """Send frames until none is left: True. False where sending fails.

        While somebody writes, a small frame is the last for now: more would cost the server, and
        this machine, without telling anybody more.
        """
        try:
            while (sent := self._sender.send_next()) is not None:
                self._succeeded()
                if is_written and sent.points < _SMALL:
                    break
            if is_written:
                self._lifeline.beat()
            elif not self._has_concluded:
                self._lifeline.conclude(time.time_ns() // 1_000_000)
                self._has_concluded = True
        except (ServerError, RequestError) as error:
            self._failures += 1
            self._failing_since = self._failing_since or time.monotonic()
            self._say(str(error))
            return False
        self._succeeded()
        return True

    def failing_seconds(self) -> float:
        """Return for how long nothing has succeeded, of frames or of files."""
        failing = 0.0 if self._failing_since is None else time.monotonic() - self._failing_since
        return max(failing, self._outbox.failing_seconds())

    def pause(self) -> None:
        """Wait until there may be more to send, or until the server may be back."""
        if not self._failures:
            self._wait(INTERVAL_SECONDS)
            return
        longest = min(_FIRST_DELAY * 2 ** min(self._failures - 1, 10), _LONGEST_DELAY)
        until = time.monotonic() + longest * (0.5 + random.random() / 2)  # noqa: S311
        while (left := until - time.monotonic()) > 0:
            self._sender.keep()
            self._outbox.keep()
            # Nobody is asked to hurry while nothing can be sent, except once.
            if self._wait(min(left, _KEEP_SECONDS)) or not self._directory.is_written():
                return

    def _succeeded(self) -> None:
        self._failures, self._failing_since = 0, None
        self._say(self._outbox.failure)

    def _say(self, failure: str) -> None:
        if self._said.failure == failure:
            return
        if failure:
            _logger.warning("sending is put off: %s", failure)
        now = time.time_ns() // 1_000_000
        self._said = Status(failure, now)
        write_status(self._directory.path, self._said)
