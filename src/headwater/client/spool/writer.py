"""Appends what a process logs to its spool, at the speed of memory.

Segments are mapped into memory: what is written there survives the process, however it ends, and
costs no system call. The sender brings it to the disk before it sends, and while it cannot send
once a second; what a power failure takes is at most that second.
"""

import mmap
import os
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from zlib import crc32

from headwater.client.spool.directory import Position, SpoolDirectory
from headwater.client.spool.progress import START
from headwater.entities.key_name import key_fault
from headwater.entities.metric import Points
from headwater.errors import InvalidParameterError, SpoolFullError
from headwater.wire import metric_block
from headwater.wire.operations import Operation, SetTags, encode_operation
from headwater.wire.spool import (
    END_AT,
    MAGIC,
    OPERATION,
    RECORD_HEAD,
    ROW,
    ROW_START,
    SEGMENT_HEAD,
    VERSION,
    Shape,
    encode_block,
    encode_shape,
    record,
    row_packer,
)

SEGMENT_BYTES = 8 * 1024 * 1024
DEFAULT_LIMIT = 4 * 1024**3
"""Bytes that a spool takes on disk at most."""

DROPPED_TAG = "headwater.dropped_points"
"""Tag of a run of which points found no room."""

_RETRY_SECONDS = 1.0
_LOST_SECONDS = 10.0
_POINTS_A_BLOCK = 65_536
_MOST_METRICS = 10_000
_END_WORD = END_AT // 8
assert sys.byteorder == "little", "spools are little-endian"


_Row = tuple[int, int, int, Callable[..., bytes]]
"""Number of the shape; bytes of its records, whole and after the checksum; what packs them."""


class SpoolWriter:
    """Writes one spool; any thread may append, but no process forked from this one.

    One appends at a time: who takes the token of `_turn`. Others, and a signal handler that
    interrupts who has it, leave their records to be appended by it; so nobody waits. A list
    of one is what CPython hands over fastest.
    """

    def __init__(
        self,
        directory: SpoolDirectory,
        *,
        limit: int = DEFAULT_LIMIT,
        segment_bytes: int = SEGMENT_BYTES,
        begun: Callable[[], object] = lambda: None,
    ) -> None:
        """Take the right to write `directory`; at most `limit` bytes of it.

        `begun` is called after each segment is begun.
        """
        self.directory = directory
        self.dropped: dict[str, int] = {}
        """Points of each run that found no room."""

        self._limit = limit
        self._begun = begun
        self._segment_bytes = segment_bytes
        self._lock_descriptor = directory.lock_writer()
        self._turn: list[None] = []
        self._waiting: deque[Callable[[], object]] = deque()
        self._waiting_since = 0.0
        self._rows: dict[str, dict[tuple[str, ...], _Row]] = {}
        self._shapes = 0
        self._number = max(directory.segments(), default=0)
        self._map: mmap.mmap | None = None
        self._published: memoryview | None = None
        self._at = 0
        self._end = 0
        self._full_until = 0.0
        self._untold: set[str] = set()
        self._before = START
        self._rotate()
        self._turn.append(None)

    @property
    def position(self) -> Position:
        """Return where the last record ends."""
        self._let_append()
        while True:
            # `_open` moves the number last: where it stayed, what was read belongs to it.
            number, at, before = self._number, self._at, self._before
            if number == self._number:
                return before if at == SEGMENT_HEAD.size else Position(number, at)

    def append_row(
        self, run_id: str, metrics: Mapping[str, float], step: int, timestamp: int
    ) -> bool:
        """Append one value of each metric; False where there was no room for it.

        Raises:
            InvalidParameterError: a key, a value, the step or the timestamp cannot be stored.
        """
        turn = self._turn
        try:
            turn.pop()
        except IndexError:
            _require_fit(metrics, step, timestamp)
            metrics = dict(metrics)
            return self._leave(lambda: self._put_row(run_id, metrics, step, timestamp))
        try:
            return self._put_row(run_id, metrics, step, timestamp)
        finally:
            turn.append(None)
            if self._waiting:
                self._let_append()

    def _put_row(
        self, run_id: str, metrics: Mapping[str, float], step: int, timestamp: int
    ) -> bool:
        # All that a training loop pays for a call, and so without a call that could be spared.
        keys = tuple(metrics)
        try:
            number, size, length, pack = self._rows[run_id][keys]
        except KeyError:
            return self._put_first_row(run_id, metrics, step, timestamp)
        try:
            if len(keys) == 1:
                body = pack(ROW, number, step, timestamp, metrics[keys[0]])
            else:
                body = pack(ROW, number, step, timestamp, *metrics.values())
        except (struct.error, OverflowError, TypeError, ValueError) as error:
            _require_fit(metrics, step, timestamp)
            raise InvalidParameterError(f"The metrics cannot be stored: {error}") from error
        start = self._at
        end = start + size
        if end > self._end:
            if not self._rotate():
                return self._drop(run_id, len(keys))
            return self._put_row(run_id, metrics, step, timestamp)
        self._map[start:end] = RECORD_HEAD.pack(length, crc32(body)) + body  # type: ignore[index]  # there is one where there is room
        self._published[_END_WORD] = end  # type: ignore[index]
        self._at = end
        return True

    def _put_first_row(
        self, run_id: str, metrics: Mapping[str, float], step: int, timestamp: int
    ) -> bool:
        """Append a row of a shape that is new to the segment."""
        keys = tuple(metrics)
        _require_fit(metrics, step, timestamp)
        if not self._define(run_id, keys):
            return self._drop(run_id, len(keys))
        return self._put_row(run_id, metrics, step, timestamp)

    def append_points(self, run_id: str, points: Points) -> bool:
        """Append points that come as arrays; False where there was no room for all of them."""
        for key in points.keys:
            _require_key(key)
        for first in range(0, len(points), _POINTS_A_BLOCK):
            some = slice(first, first + _POINTS_A_BLOCK)
            part = Points(
                points.keys,
                points.key_index[some],
                points.steps[some],
                points.timestamps[some],
                points.values[some],
            )
            if not self._append(encode_block(run_id, metric_block.encode(part))):
                return self._drop(run_id, len(points) - first)
        return True

    def append_operation(self, operation: Operation) -> None:
        """Append what changes a run otherwise.

        Raises:
            SpoolFullError: there is no room for it.
        """
        if not self._append(bytes((OPERATION,)) + encode_operation(operation)):
            raise SpoolFullError(
                f"the spool {self.directory.path} has no room left for what could not be sent"
            )

    def close(self) -> None:
        """End writing; what was appended stays until it is sent."""
        self._let_append()
        self._release()
        self._end = 0
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    def abandon(self) -> None:
        """Let go of a spool that the process writes from which this one was forked."""
        self._turn = [None]  # the other process's thread may have held it
        self._waiting.clear()
        self.close()

    def _append(self, body: bytes) -> bool:
        turn = self._turn
        try:
            turn.pop()
        except IndexError:
            return self._leave(lambda: self._put(body))
        try:
            return self._put(body)
        finally:
            turn.append(None)
            if self._waiting:
                self._let_append()

    def _put(self, body: bytes) -> bool:
        content = record(body)
        end = self._at + len(content)
        if end > self._end:
            if not self._rotate(len(content)):
                return False
            end = self._at + len(content)
        assert self._map is not None
        assert self._published is not None
        self._map[self._at : end] = content
        self._published[_END_WORD] = end
        self._at = end
        return True

    def _leave(self, put: Callable[[], object]) -> bool:
        """Leave a record to whoever appends at the moment."""
        now = time.monotonic()
        if not self._waiting:
            self._waiting_since = now
        self._waiting.append(put)
        if now - self._waiting_since > _LOST_SECONDS and not self._turn:
            # An exception out of a signal handler may hit whoever takes the token.
            self._turn.append(None)
        self._let_append()
        return True

    def _let_append(self) -> None:
        """Append what others left, unless somebody is at it who will."""
        while self._waiting:
            try:
                self._turn.pop()
            except IndexError:
                return
            try:
                while self._waiting:
                    self._waiting.popleft()()
            finally:
                self._turn.append(None)

    def _define(self, run_id: str, keys: tuple[str, ...]) -> bool:
        """Let the segment know a shape; False where there is no room."""
        if len(keys) > _MOST_METRICS:
            raise InvalidParameterError(f"More than {_MOST_METRICS:,} metrics in a call; split it")
        for key in keys:
            _require_key(key)
        body = encode_shape(Shape(self._shapes + 1, run_id, keys))
        length = ROW_START.size + 8 * len(keys)
        size = RECORD_HEAD.size + length
        if self._at + len(record(body)) + size > self._end and not self._rotate(2 * size):
            return False
        if not self._put(body):
            return False
        self._shapes += 1
        row = self._shapes, size, length, row_packer(len(keys))
        self._rows.setdefault(run_id, {})[keys] = row
        return True

    def _drop(self, run_id: str, points: int) -> bool:
        self.dropped[run_id] = self.dropped.get(run_id, 0) + points
        self._untold.add(run_id)
        return False

    def _rotate(self, need: int = 0) -> bool:
        """Go on in a new segment; False where there is no room for one, or was none just now."""
        if self._lock_descriptor < 0 or time.monotonic() < self._full_until:
            return False
        size = max(self._segment_bytes, SEGMENT_HEAD.size + need + RECORD_HEAD.size)
        if self.directory.size() + size > self._limit or not self._open(self._number + 1, size):
            self._full_until = time.monotonic() + _RETRY_SECONDS
            return False
        untold, self._untold = self._untold, set()
        for run_id in untold:
            told = SetTags(run_id, {DROPPED_TAG: str(self.dropped[run_id])})
            self._put(bytes((OPERATION,)) + encode_operation(told))
        self._begun()
        return True

    def _release(self) -> None:
        if self._published is not None:
            self._published.release()
            self._published = None
        if self._map is not None:
            self._map.close()
            self._map = None

    def _open(self, number: int, size: int) -> bool:
        path = self.directory.segment(number)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # All of it now: to write to a page of a mapped file that finds no room is fatal.
            os.posix_fallocate(descriptor, 0, size)
            content = mmap.mmap(descriptor, size)
        except OSError:
            path.unlink()
            return False
        finally:
            os.close(descriptor)
        content[: SEGMENT_HEAD.size] = SEGMENT_HEAD.pack(MAGIC, VERSION, number, SEGMENT_HEAD.size)
        if self._map is not None:
            self._before = Position(self._number, self._at)
        self._release()
        self._map = content
        self._published = memoryview(content).cast("Q")
        self._at, self._end = SEGMENT_HEAD.size, size
        self._rows.clear()
        self._number = number  # last, see `position`
        return True


def _require_key(key: str) -> None:
    if fault := key_fault(key):
        raise InvalidParameterError(f"Invalid metric name: {fault}")


def _require_fit(metrics: Mapping[str, float], step: int, timestamp: int) -> None:
    """Raise InvalidParameterError that names what of a row cannot be packed."""
    for name, number in (("step", step), ("timestamp", timestamp)):
        try:
            struct.pack("<q", number)
        except struct.error as error:
            raise InvalidParameterError(
                f"Invalid value for parameter {name!r}: {number!r} is not an integer of 64 bits"
            ) from error
    for key, value in metrics.items():
        try:
            struct.pack("<d", value)
        except (struct.error, OverflowError, TypeError, ValueError) as error:
            raise InvalidParameterError(
                f"Metric {key!r} has a value that is no number: {value!r}"
            ) from error
