"""The time as MLflow stores it."""

import time


def now() -> int:
    """Return the milliseconds since the epoch."""
    return int(time.time() * 1_000)
