"""Reads what stands in a spool, as columns: some of it at a time, from any position on."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headwater.client.spool.directory import Position, SpoolDirectory
from headwater.client.spool.gather import Gathered
from headwater.entities.metric import Points
from headwater.errors import CorruptSpoolError
from headwater.wire.operations import (
    LARGEST_OUTPUT,
    AppendOutput,
    Operation,
    decode_operation,
)
from headwater.wire.spool import (
    BLOCK,
    OPERATION,
    RECORD_HEAD,
    ROW,
    SEGMENT_HEAD,
    SHAPE,
    Shape,
    decode_block,
    decode_shape,
    intact_length,
    read_segment_head,
)

MOST_POINTS = 131_072
MOST_OPERATIONS = 2_000
_MOST_OPERATION_BYTES = 2 * 1024 * 1024

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """What stands between two positions of a spool."""

    start: Position
    end: Position
    batches: Sequence[tuple[str, Points]]
    """(run id, its points)."""

    operations: Sequence[Operation]

    @property
    def points(self) -> int:
        """Return how many points there are in all."""
        return sum(len(points) for _, points in self.batches)


class SpoolReader:
    """Reads one spool, usually onward from where it has read to."""

    def __init__(self, directory: SpoolDirectory) -> None:
        self._directory = directory
        self._shapes: dict[int, Shape] = {}
        self._shapes_until = Position(0, 0)
        """Up to where the shapes of a segment are known."""

    def read(self, start: Position, end: Position | None = None) -> Part | None:
        """Return what stands from `start` on, None if nothing.

        It is as much as fits into a frame, and of one segment; or all up to `end`, where a frame
        ended that was read earlier.

        Raises:
            CorruptSpoolError: it cannot be read.
        """
        # Its writer was killed before its first record, or its remover amid its work.
        if end is None and not self._directory.segments():
            return None
        at = start
        while True:
            found = self._read_segment(at, end)
            if found is not None:
                return found
            if not self._directory.segment(at.segment + 1).exists():
                return None
            at = Position(at.segment + 1, SEGMENT_HEAD.size)

    def _read_segment(self, start: Position, end: Position | None) -> Part | None:
        with _opened(self._directory.segment(start.segment)) as descriptor:
            number, published = read_segment_head(os.pread(descriptor, SEGMENT_HEAD.size, 0))
            if number != start.segment:
                raise CorruptSpoolError(f"segment {start.segment} says that it is {number}")
            if end is not None:
                last = end.offset if end.segment == number else published
            elif self._directory.is_written():
                last = published
            else:
                last = self._intact_end(descriptor, start, published)
            if last <= start.offset:
                return None
            self._learn_shapes(descriptor, start)
            content = os.pread(descriptor, last - start.offset, start.offset)
        scan = _Scan(content, self._shapes, bounded=end is None)
        scan.run()
        reached = Position(number, start.offset + scan.at)
        self._shapes_until = reached
        return Part(start, reached, scan.gathered.batches(), scan.operations)

    def _intact_end(self, descriptor: int, start: Position, published: int) -> int:
        """Return where the records end that a process left which is gone.

        After a power failure, what it published may not all have come to the disk.
        """
        size = os.fstat(descriptor).st_size
        rest = os.pread(descriptor, size - start.offset, start.offset)
        last = start.offset + intact_length(rest)
        if last < published:
            _logger.warning(
                "segment %d of spool %s is damaged: %d of its bytes are lost",
                *(start.segment, self._directory.path, published - last),
            )
        return last

    def _learn_shapes(self, descriptor: int, start: Position) -> None:
        """Read the shapes of the segment that stand before `start`."""
        known = self._shapes_until
        if known.segment != start.segment or known.offset > start.offset:
            self._shapes.clear()
            known = Position(start.segment, SEGMENT_HEAD.size)
        content = os.pread(descriptor, start.offset - known.offset, known.offset)
        at = 0
        while at < len(content):
            size, _ = RECORD_HEAD.unpack_from(content, at)
            body = at + RECORD_HEAD.size
            if content[body] == SHAPE:
                shape = decode_shape(content[body : body + size])
                self._shapes[shape.number] = shape
            at = body + size


@dataclass
class _Scan:
    """Goes through records."""

    content: bytes
    shapes: dict[int, Shape]
    bounded: bool
    """Stop where a frame is full."""

    at: int = 0
    operations: list[Operation] = field(default_factory=list)
    gathered: Gathered = field(default_factory=Gathered)
    operation_bytes: int = 0

    def run(self) -> None:
        """Take record after record until the end, or until there is enough for a frame."""
        while self.at < len(self.content) and not self._is_enough():
            size, _ = RECORD_HEAD.unpack_from(self.content, self.at)
            start = self.at + RECORD_HEAD.size
            if not size or start + size > len(self.content):
                raise CorruptSpoolError("a record of the spool is cut off")
            kind = self.content[start]
            if kind == ROW:
                most = MOST_POINTS - self.gathered.points if self.bounded else None
                self.at = self.gathered.take_rows(
                    self.content, self.at, len(self.content), self.shapes, most
                )
            else:
                self._take(kind, self.content[start : start + size])
                self.at = start + size

    def _take(self, kind: int, body: bytes) -> None:
        if kind == SHAPE:
            shape = decode_shape(body)
            self.shapes[shape.number] = shape
        elif kind == BLOCK:
            self.gathered.take_block(*decode_block(body))
        elif kind == OPERATION:
            self._take_operation(decode_operation(body[1:]))
            self.operation_bytes += len(body)
        else:
            raise CorruptSpoolError(f"a record of the spool has the unknown kind {kind}")

    def _take_operation(self, operation: Operation) -> None:
        """Take an operation; what is printed piece by piece becomes one."""
        last = self.operations[-1] if self.operations else None
        if (
            isinstance(operation, AppendOutput)
            and isinstance(last, AppendOutput)
            and (operation.run_id, operation.rank) == (last.run_id, last.rank)
            and len(operation.text) + len(last.text) <= LARGEST_OUTPUT
        ):
            self.operations[-1] = AppendOutput(
                run_id=last.run_id, rank=last.rank, text=last.text + operation.text
            )
        else:
            self.operations.append(operation)

    def _is_enough(self) -> bool:
        return self.bounded and (
            self.gathered.points >= MOST_POINTS
            or len(self.operations) >= MOST_OPERATIONS
            or self.operation_bytes >= _MOST_OPERATION_BYTES
        )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise CorruptSpoolError(f"{path} is missing") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
