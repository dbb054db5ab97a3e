"""Downloads that only read what they get: they are linked from the cache, and counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class CacheUse:
    """What was asked for; any thread may note it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.files = 0
        self.size = 0
        """Bytes of the files."""

        self.fetched = 0
        """Bytes of those that were not in the cache."""

    def note(self, size: int, fetched: int) -> None:
        """Note a file."""
        with self._lock:
            self.files += 1
            self.size += size
            self.fetched += fetched


_current: ContextVar[CacheUse | None] = ContextVar("headwater_cache_use", default=None)


def current_use() -> CacheUse | None:
    """Return where a download is to be noted; None where its files may be written to."""
    return _current.get()


@contextmanager
def read_only() -> Iterator[CacheUse]:
    """Have what is downloaded in the block linked, and return what that was."""
    use = CacheUse()
    token = _current.set(use)
    try:
        yield use
    finally:
        _current.reset(token)
