"""How the C library's allocator treats what was freed."""

import ctypes
import sys

_MMAP_THRESHOLD = -3
_TRIM_THRESHOLD = -1
_ARENA_MAX = -8
_KEPT_BYTES = 32 * 1024 * 1024
"""The most that glibc takes for the first."""

_ARENAS = 2
"""Parts of the memory with locks of their own, each of which keeps what was freed in it. By default
there are eight for each processor; Python's lock leaves few threads that allocate at once."""


def keep_freed_memory() -> None:
    """Have glibc keep up to 32 MiB of freed memory in each of two arenas, for the next request.

    By default each array of a long series is mapped from the system, page by page, and given back:
    that takes several times as long as to decode and join the series. Does nothing elsewhere.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, _ARENAS)
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
