"""Threads for statistics: few, so that others keep the processor, and memory stays bounded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_MOST = 2
"""Analyses at once; others wait for their turn."""

_threads = ThreadPoolExecutor(_MOST, thread_name_prefix="headwater-analysis")


async def analysed(work: Callable[[], Result]) -> Result:
    """Do work on one of the threads and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)
