"""The process that sends what another one logs: ``python -m … SPOOL``.

A process of its own, so that sending takes no time from a training loop, and goes on when the loop
is killed. Its standard input is a pipe from the loop: a byte asks to send at once. The server's URI
with its credentials is in HEADWATER_SENDER_URI.
"""

import logging
import os
import select
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from headwater.client.connection import Connection
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.sender import sending_settings
from headwater.client.spool.sending import send_while_written
from headwater.errors import HeadwaterError

URI_VARIABLE = "HEADWATER_SENDER_URI"
_NICENESS = 5
_MANY = 4096
_logger = logging.getLogger(__name__)


class _Pipe:
    """Standard input, until its writer is gone."""

    def __init__(self) -> None:
        self._is_open = True

    def wait(self, seconds: float) -> bool:
        """Wait until a byte comes, the writer goes, or time is over; True for a byte."""
        if not self._is_open:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([0], [], [], seconds)
        if not ready:
            return False
        self._is_open = bool(os.read(0, _MANY))
        return self._is_open


def main(arguments: list[str]) -> int:
    """Send the spool that is named, and return 0 when all of it is sent."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the loop
    os.nice(_NICENESS)
    try:
        directory = SpoolDirectory(Path(arguments[0]))
        settings = sending_settings(directory, os.environ.get(URI_VARIABLE), os.environ)
        with Connection(replace(settings, retries=0)) as connection:
            return 0 if send_while_written(directory, connection, _Pipe().wait) else 1
    except HeadwaterError as error:
        _logger.error("%s", error)  # for people; the traceback tells nothing more
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
