"""A write operation that waits for its commit, and its caller."""

import asyncio
from dataclasses import dataclass
from typing import Any

from headwater.storage.metadata.base import Operation


@dataclass(slots=True, eq=False)
class PendingWrite:
    """An operation, and what became of it."""

    operation: Operation[Any]
    future: asyncio.Future[Any]
    long: bool = False
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Give the caller its result or exception; to be called on the caller's event loop."""
        if self.future.done():  # the caller went away; what it asked for is stored all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)
