"""Lets files into the artifact store as far as the limits of projects and experiments allow."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Self

from starlette.types import Message, Receive, Scope

from headwater.errors import (
    ArtifactStoreError,
    DatabaseBusyError,
    DatabaseError,
    QuotaExceededError,
)
from headwater.server.artifact_threads import in_thread
from headwater.server.body import drain
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata import artifact_changes
from headwater.storage.metadata.artifact_changes import Admitted
from headwater.storage.metadata.base import Connection
from headwater.tracking.artifact_changes import VALID_MS, admit, end, tell
from headwater.tracking.clock import now
from headwater.tracking.quotas import Quota, Quotas, read_quotas, require_room
from headwater.tracking.service import TrackingService

_SECONDS = 1.0
"""How long limits are believed that were read."""

_RENEWAL_SECONDS = VALID_MS / 3000

_logger = logging.getLogger(__name__)


class QuotaGuard:
    """Knows the limits, and what is used of them; belongs to one event loop.

    What this server takes in at the same time counts at once, and what other processes do as soon
    as it is stored; where several machines share the place, all that any of their servers takes in.
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
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: set[str] = set()
        """Admissions that have ended here, of which the others are not told yet."""

    async def admit(self, path: str, size: int, *, publishes: bool = True) -> "Admission":
        """Let a file of `size` bytes in, as far as known; close what is returned when it is stored.

        `publishes`: unless it fails, the file is there then, and not only a part of it.

        Raises:
            QuotaExceededError: a limit does not allow it.
            InvalidParameterError: a limit cannot be read.
            DatabaseBusyError: the limits are not known yet.
        """
        admission = Admission(self, path, publishes=publishes)
        await admission.require(size)
        return admission

    def tell_stored(self, path: str) -> None:
        """Tell other machines of a file that may have been stored without an `Admission`."""
        if self._is_shared:
            self._later(self._tell_stored(path))

    def tell_deleted(self, path: str) -> None:
        """Tell other machines that nothing is at a path or below it any more."""
        if self._is_shared:
            self._later(self._tell(path, None))

    async def _tell_stored(self, path: str) -> None:
        try:
            found = await in_thread(lambda: self._store.find(path))
        except ArtifactStoreError as error:
            _logger.warning("other machines do not know yet what was stored: %s", error)
            return
        if found is not None:
            await self._tell(path, found.size)

    @property
    def _is_shared(self) -> bool:
        """Whether other machines are to be told."""
        return self._service is not None and self._store.objects.is_shared

    async def require(self, admission: "Admission", size: int) -> None:
        """Reserve room for a file, or raise as `admit`."""
        limits = (await self._known()).over(admission.path)
        if not limits:
            return
        if self._is_shared:
            await self._require_of_all(admission, limits, size)
            return
        async with self._lock:  # one after the other: two must not refuse each other
            for each in limits:
                used = await in_thread(lambda each=each: self._used(each, admission.path))  # type: ignore[misc]
                others = [
                    (other.path, other.size)
                    for other in self._under_way
                    if other.path != admission.path
                ]
                used += self._quotas.coming(each, others)
                require_room(each, used, size, admission.path)
            admission.size = size  # while nobody else looks
            self._under_way.add(admission)

    async def _require_of_all(
        self, admission: "Admission", limits: Sequence[Quota], size: int
    ) -> None:
        """Reserve room for a file among all servers with this store, or raise as `admit`."""
        wanted = Admitted(admission.name, admission.path, size)

        def reserve(connection: Connection) -> None:
            admit(connection, self._store, self._quotas, limits, wanted, now(), self._ended)

        await (await self._ready()).database.write(reserve, long=True)
        if admission.renewing is None:
            admission.renewing = asyncio.create_task(self._renew(admission.name))

    async def _renew(self, name: str) -> None:
        """Keep an admission while its server lives, until cancelled."""
        while True:
            await asyncio.sleep(_RENEWAL_SECONDS)
            try:
                database = (await self._ready()).database
                await database.write(lambda c: artifact_changes.renew(c, name, now() + VALID_MS))
            except DatabaseError as error:
                _logger.warning("an upload may cease to count while it comes in: %s", error)

    def forget(self, admission: "Admission", *, is_stored: bool) -> None:
        """Give the room back that was reserved; what is stored counts by itself."""
        self._under_way.discard(admission)
        if not self._is_shared:
            return
        name = None
        if admission.renewing is not None:
            admission.renewing.cancel()
            name = admission.name
            self._ended.add(name)
        size = self._store.index.size(admission.path) if is_stored else None
        if name is not None or size is not None:
            self._later(self._tell(admission.path if size is not None else None, size, name))

    async def _tell(self, path: str | None, size: int | None, ended: str | None = None) -> None:
        """Tell other machines what has changed, if anything, and which admission has ended."""

        def write(connection: Connection) -> None:
            if path is not None:
                tell(connection, path, size, now())
            if ended is not None:
                end(connection, ended, now())

        try:
            await (await self._ready()).database.write(write)
        except DatabaseError as error:
            _logger.warning("other machines do not know yet what was stored: %s", error)
        finally:
            if ended is not None:
                self._ended.discard(ended)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        """Do something without having the client wait for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ready(self) -> TrackingService:
        assert self._service is not None
        service = await self._service()
        if service is None:
            raise DatabaseBusyError("the server is preparing its database")
        return service

    def _used(self, quota: Quota, path: str) -> int:
        """Return what is used without the file that is to be replaced."""
        index = self._store.index
        return self._quotas.used(quota, index.size_below) - (index.size(path) or 0)

    async def _known(self) -> Quotas:
        if self._service is not None and self._clock() - self._read_at > _SECONDS:
            service = await self._ready()
            self._quotas = await service.database.read(read_quotas)
            self._read_at = self._clock()
        return self._quotas


class Admission:
    """Room that is reserved for one file."""

    def __init__(self, guard: QuotaGuard, path: str, *, publishes: bool) -> None:
        self._guard = guard
        self._publishes = publishes
        self.name = uuid.uuid4().hex
        self.path = path
        self.renewing: asyncio.Task[None] | None = None
        """Where the database has the admission."""

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

    def __exit__(
        self,
        _: type[BaseException] | None,
        failure: BaseException | None,
        __: TracebackType | None,
    ) -> None:
        """Give back what was reserved."""
        self._guard.forget(self, is_stored=self._publishes and failure is None)


def declared_length(scope: Scope) -> int:
    """Return how long a body is said to be; 0 where nothing is said."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 19 else 0
