"""Lets files into the artifact store as far as the limits of projects and experiments allow."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self

from starlette.types import Message, Receive, Scope

from headwater.errors import DatabaseBusyError, QuotaExceededError
from headwater.server.artifact_threads import in_thread
from headwater.server.body import drain
from headwater.storage.artifacts.store import ArtifactStore
from headwater.tracking.quotas import Quota, Quotas, read_quotas, require_room
from headwater.tracking.service import TrackingService

_SECONDS = 1.0
"""How long limits are believed that were read."""


class QuotaGuard:
    """Knows the limits, and what is used of them; belongs to one event loop.

    What this server takes in at the same time counts at once, what other processes take in as soon
    as it is stored.
    """

    def __init__(
        self,
        store: ArtifactStore,
        service: Callable[[], Awaitable[TrackingService | None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`service` waits for the tracking service; without, there are no limits."""
        self._store = store
        self._service = service
        self._clock = clock
        self._quotas = Quotas()
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._under_way: set[Admission] = set()

    async def admit(self, path: str, size: int) -> "Admission":
        """Let a file of `size` bytes in, as far as known; close what is returned when it is stored.

        Raises:
            QuotaExceededError: a limit does not allow it.
            InvalidParameterError: a limit cannot be read.
            DatabaseBusyError: the limits are not known yet.
        """
        admission = Admission(self, path)
        await admission.require(size)
        return admission

    async def require(self, admission: "Admission", size: int) -> None:
        """Reserve room for a file, or raise as `admit`."""
        limits = (await self._known()).over(admission.path)
        if not limits:
            return
        async with self._lock:  # one after the other: two must not refuse each other
            for each in limits:
                used = await in_thread(lambda each=each: self._used(each, admission.path))  # type: ignore[misc]
                used += self._coming(each, admission.path)
                require_room(each, used, size, admission.path)
            admission.size = size  # while nobody else looks
            self._under_way.add(admission)

    def forget(self, admission: "Admission") -> None:
        """Give the room back that was reserved; what is stored counts by itself."""
        self._under_way.discard(admission)

    def _coming(self, quota: Quota, path: str) -> int:
        """Return the bytes of files under other paths that are coming in now.

        What comes in under one path, such as parts of a file, is one file in the end.
        """
        sizes: dict[str, int] = {}
        for each in self._under_way:
            if each.path != path and quota in self._quotas.over(each.path):
                sizes[each.path] = max(each.size, sizes.get(each.path, 0))
        return sum(sizes.values())

    def _used(self, quota: Quota, path: str) -> int:
        """Return what is used without the file that is to be replaced."""
        index = self._store.index
        return self._quotas.used(quota, index.size_below) - (index.size(path) or 0)

    async def _known(self) -> Quotas:
        if self._service is not None and self._clock() - self._read_at > _SECONDS:
            service = await self._service()
            if service is None:
                raise DatabaseBusyError("the server is preparing its database")
            self._quotas = await service.database.read(read_quotas)
            self._read_at = self._clock()
        return self._quotas


class Admission:
    """Room that is reserved for one file."""

    def __init__(self, guard: QuotaGuard, path: str) -> None:
        self._guard = guard
        self.path = path
        self.size = 0
        """Bytes that are let in."""

    async def require(self, size: int) -> None:
        """Reserve room for so many bytes. Raises as `QuotaGuard.admit`."""
        await self._guard.require(self, size)
        self.size = size

    def counting(self, receive: Receive) -> Receive:
        """Return a `receive` of a body that goes on reserving room where more than that comes."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.size:
                try:
                    await self.require(received)
                except QuotaExceededError:
                    if message.get("more_body", False):
                        await drain(receive)
                    raise
            return message

        return counted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what was reserved."""
        self._guard.forget(self)


def declared_length(scope: Scope) -> int:
    """Return how long a body is said to be; 0 where nothing is said."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 19 else 0
