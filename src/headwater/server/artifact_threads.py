"""Threads for work on artifacts: a slow client keeps one of them, and nobody else waiting."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_MOST = 64

Result = TypeVar("Result")

_SWITCH_SECONDS = 0.0005
"""How long a thread that works on artifacts keeps the interpreter from the one that serves."""

_usual_seconds = sys.getswitchinterval()
_transfers = 0

_threads = ThreadPoolExecutor(_MOST, thread_name_prefix="headwater-artifacts")


@contextmanager
def transferring() -> Iterator[None]:
    """Share the interpreter in smaller pieces while a file goes through."""
    global _transfers
    _transfers += 1
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        _transfers -= 1
        if not _transfers:
            sys.setswitchinterval(_usual_seconds)


def start(work: Callable[[], Result]) -> "asyncio.Future[Result]":
    """Begin work on a thread."""
    return asyncio.get_running_loop().run_in_executor(_threads, work)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do work on a thread and return its result."""
    return await start(work)
