"""How fast long work in the background may go."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

_HOLD_SECONDS = 0.01
"""For how long a transaction should make other writers wait."""

_FEWEST_ROWS = 256
_FIRST_ROWS = 1_024


class Pace:
    """Leaves other writers room, and keeps below a rate."""

    progress: Callable[[int], None]
    """Is told how many points each transaction moved."""

    rows: int
    """How many rows the next transaction may touch for others to wait some 10 ms."""

    def __init__(self, *, rate: float | None = None, share: float = 0.5) -> None:
        """Say how fast.

        `rate` is in points a second, None for any; `share` is the part of the time, above 0, for
        which the database's write lock may be held.
        """
        self.progress = lambda _: None
        self.rows = _FIRST_ROWS
        self._rate = rate
        self._share = share
        self._held = 0.0
        self._ready = time.monotonic()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Measure for how long the write lock is held."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._held += time.monotonic() - started

    async def rest(self, points: int) -> None:
        """Wait for as long as the points that have just been moved call for."""
        self.progress(points)
        held, self._held = self._held, 0.0
        if held > 0 and points >= _FEWEST_ROWS:
            fitting = int(self.rows * min(2.0, _HOLD_SECONDS / held))
            self.rows = max(_FEWEST_ROWS, fitting)
        now = time.monotonic()
        wait = held * (1 / self._share - 1)
        if self._rate is not None:
            self._ready = max(self._ready, now - 1) + points / self._rate
            wait = max(wait, self._ready - now)
        if wait > 0:
            await asyncio.sleep(wait)
