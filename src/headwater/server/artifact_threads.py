"""Threads for work on artifacts: a slow client keeps one of them, and nobody else waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_MOST = 64

Result = TypeVar("Result")

_threads = ThreadPoolExecutor(_MOST, thread_name_prefix="headwater-artifacts")


def start(work: Callable[[], Result]) -> "asyncio.Future[Result]":
    """Begin work on a thread."""
    return asyncio.get_running_loop().run_in_executor(_threads, work)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do work on a thread and return its result."""
    return await start(work)
