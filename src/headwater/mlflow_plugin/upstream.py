"""``python -m headwater.mlflow_plugin.upstream SOCKET ARGUMENTS``: ``mlflow``, on a leash.

Runs MLflow's own command line, so that everything its server does at start-up happens here too.
Standard input is a pipe that the front holds open: when it closes, the front is gone, and this
process removes the socket and its directory, and ends its whole process group.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from mlflow.cli import cli

_GRACE_SECONDS = 5.0


def end_with_front(socket: Path) -> None:
    """End this process group as soon as standard input closes."""
    threading.Thread(target=_watch, args=(socket,), name="headwater-front", daemon=True).start()


def _watch(socket: Path) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(OSError):
        socket.unlink(missing_ok=True)
        socket.parent.rmdir()
    # Processes that have not installed their handlers yet die at once, which is as well.
    os.killpg(0, signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    end_with_front(Path(sys.argv[1]))
    cli(sys.argv[2:], prog_name="mlflow")
