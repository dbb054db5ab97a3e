"""Reads parts of packs before they are needed, several at once: a bucket takes its time for each.

Of one reader, no more than `Objects.reads_ahead` parts of `WINDOW_BYTES` are there or on their
way that it has not come to, and `_MOST` in all.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from headwater.errors import MissingObjectError
from headwater.storage.artifacts import pack
from headwater.storage.artifacts.manifest import Manifest
from headwater.storage.artifacts.objects import Objects

WINDOW_BYTES = 2 * 1024 * 1024
"""Of a pack at once."""

_GAP = 128 * 1024
"""Bytes that are read without being needed, rather than asking once more."""

_MOST = 16
"""A chunk and what it builds on are in different packs, of each of which a part is held."""

_BATCH = 256
"""Chunks for which windows are planned at once."""

_AT_ONCE = 32

_threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="headwater-ahead")


@dataclass(slots=True)
class Window:
    """A part of a pack that is read at once."""

    pack: str
    start: int
    end: int
    last: int
    """Number of the last chunk that needs it."""

    def covers(self, name: str, offset: int, stored: int) -> bool:
        """Say whether it holds these bytes."""
        return self.pack == name and self.start <= offset and offset + stored <= self.end


def plan_windows(manifest: Manifest, first: int, end: int) -> list[Window]:
    """Return what to read for the chunks from `first` to before `end`, in the order of need.

    What lies close together in a pack is read at once.
    """
    found: list[Window] = []
    latest: dict[int, Window] = {}
    bases = manifest.bases
    for number, row in enumerate(manifest.chunks[first:end], first):
        below = row
        while True:
            name, offset, stored = int(below["pack"]), int(below["offset"]), int(below["stored"])
            if name >= 0:
                window = latest.get(name)
                if (
                    window is None
                    or not window.start <= offset <= window.end + _GAP
                    or offset + stored > window.start + WINDOW_BYTES
                ):
                    window = Window(manifest.packs[name], offset, offset, number)
                    latest[name] = window
                    found.append(window)
                window.end = max(window.end, offset + stored)
                window.last = number
            if below["base"] < 0:
                break
            below = bases[below["base"]]
    return found


@dataclass(slots=True)
class _Read:
    window: Window
    content: "Future[bytes]"
    is_used: bool = False


class ReadAhead:
    """What one reader is about to need; one thread at a time. `close` when it needs no more."""

    def __init__(self, objects: Objects, manifest: Manifest, first: int, end: int) -> None:
        """Take the chunks from `first` to before `end`, which are needed in their order."""
        self._objects = objects
        self._windows = _windows(manifest, first, end)
        self._reads: list[_Read] = []
        """In the order of need."""

    def find(self, number: int, name: str, offset: int, stored: int) -> bytes | None:
        """Return bytes of a pack for a chunk, None where they are not at hand.

        Raises:
            ArtifactStoreError: the place fails.
        """
        passed = [each for each in self._reads if each.window.last < number]
        for each in passed:
            self._drop(each)
        self._begin()
        for each in self._reads:
            if each.window.covers(name, offset, stored):
                each.is_used = True
                self._begin()
                return self._part(each, offset, stored)
        return None

    def close(self) -> None:
        """Read no more."""
        self._windows = iter(())
        for each in tuple(self._reads):
            self._drop(each)

    def _part(self, read: _Read, offset: int, stored: int) -> bytes | None:
        try:
            content = read.content.result()
        except MissingObjectError:
            return None  # it was packed anew
        found = content[offset - read.window.start :][:stored]
        return found if len(found) == stored else None

    def _begin(self) -> None:
        """Begin to read as far ahead as is allowed."""
        unused = sum(not each.is_used for each in self._reads)
        while unused < self._objects.reads_ahead and len(self._reads) < _MOST:
            window = next(self._windows, None)
            if window is None:
                return
            self._reads.append(_Read(window, _threads.submit(self._get, window)))
            unused += 1

    def _get(self, window: Window) -> bytes:
        name = pack.object_name(window.pack)
        return self._objects.get(name, window.start, window.end - window.start)

    def _drop(self, read: _Read) -> None:
        read.content.cancel()
        self._reads.remove(read)


def _windows(manifest: Manifest, first: int, end: int) -> Iterator[Window]:
    for begin in range(first, end, _BATCH):
        yield from plan_windows(manifest, begin, min(end, begin + _BATCH))
