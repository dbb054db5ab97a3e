"""Ends a helper process when the process that started it is gone."""

import os
import sys
import threading

WITH_PARENT = "--with-parent"
"""Argument after which a helper process lives no longer than whoever holds its standard input."""


def exit_with_parent() -> None:
    """Exit as soon as standard input closes, where the arguments ask for it."""
    if WITH_PARENT in sys.argv:
        threading.Thread(target=_wait, name="headwater-parent", daemon=True).start()


def _wait() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
