"""How the C library's allocator treats what was freed."""

import ctypes
import sys

_MMAP_THRESHOLD = -3
_TRIM_THRESHOLD = -1
_KEPT_BYTES = 32 * 1024 * 1024
"""The most that glibc takes for the first."""


def keep_freed_memory() -> None:
    """Have glibc keep up to 32 MiB of freed memory a thread, for the next request.

    By default each array of a long series is mapped from the system, page by page, and given back:
    that takes several times as long as to decode and join the series. Does nothing elsewhere.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
