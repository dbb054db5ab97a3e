"""Has the disk begin with what was written, without waiting for it."""

import ctypes
import sys

_WRITE = 2
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
_sync_file_range = getattr(_libc, "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]


def begin_writing(descriptor: int, start: int, end: int) -> None:
    """Have a part of a file brought to the disk meanwhile; does nothing where that is unknown.

    It says nothing about what is there: a file is on the disk after ``fsync`` only.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, start, end - start, _WRITE)
