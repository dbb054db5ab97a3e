"""Read the last of what the processes of a run have printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.storage.metadata import run_output as stored
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService
from headwater.wire.run_output import OutputRequest


@dataclass(frozen=True, slots=True)
class RunOutput:
    """A part of what a rank has printed."""

    status: str
    """The run's: while it is running, more may come."""

    ranks: Sequence[int]
    """Those that have printed something."""

    start: int
    text: str
    after: int
    """Where the text ends: where to read on."""

    end: int
    """Bytes that the rank has printed so far."""


async def run_output(service: TrackingService, wanted: OutputRequest) -> RunOutput:
    """Return what a rank has printed, from a place on.

    Raises:
        NotFoundError: there is no such run.
    """

    def read(connection: Connection) -> RunOutput:
        info = runs.info(connection, wanted.run_id)
        if info is None:
            raise run_not_found(wanted.run_id)
        found = stored.read(connection, wanted.run_id, wanted.rank, wanted.start, wanted.most)
        start, content = _whole_characters(found)
        return RunOutput(
            info.status,
            stored.ranks(connection, wanted.run_id),
            start,
            content.decode(errors="replace"),
            start + len(content),
            found.end,
        )

    return await service.database.read(read)


def _whole_characters(found: stored.Output) -> tuple[int, bytes]:
    """Return where the part begins and ends without the parts of characters at its ends."""
    start, content = found.start, found.content
    while content and content[0] & 0xC0 == 0x80:
        content, start = content[1:], start + 1
    if start + len(content) < found.end:
        whole = content.decode(errors="ignore").encode()
        if len(content) - len(whole) < 4:  # else it is no UTF-8 anyway
            content = whole
    return start, content
