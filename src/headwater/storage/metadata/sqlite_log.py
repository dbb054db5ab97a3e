"""Lengthens SQLite's write-ahead log before commits need the room.

A commit that overwrites blocks which the file has already costs one write of data; one that makes
the file longer has the file system commit its own journal as well: about 0.39 ms instead of 0.23.
SQLite grows its log as it goes and then overwrites it from the start for as long as a process has
the database open. So zeros are appended up to the length at which it starts over. To SQLite a log
ends before the first frame whose checksum does not fit: frames of earlier rounds, or zeros.
"""

import os
import shutil
from pathlib import Path

STEP = 4 * 1024 * 1024
_LEAST_FREE = 16
"""The disk must have this many times the room that the log wants."""


def lengthen(log: Path, length: int) -> int | None:
    """Append zeros to a log, at most `STEP` bytes of them; return how long it is then.

    None where it has its length, or the disk has too little room to give it away. To be called
    within a write transaction: nobody else appends then.
    """
    try:
        if shutil.disk_usage(log.parent).free < _LEAST_FREE * length:
            return None
        with log.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end >= length:
                return None
            return end + file.write(bytes(min(STEP, length - end)))
    except OSError:  # as it was, commits work without
        return None


def sync(log: Path) -> None:
    """Have the disk take what was appended, so that no commit has to wait for it."""
    try:
        with log.open("rb") as file:
            os.fsync(file.fileno())
    except OSError:  # the next commit will
        return
