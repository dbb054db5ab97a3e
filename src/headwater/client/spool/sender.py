"""Sends a spool to its server in frames, each exactly once."""

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import zstandard

from headwater.client.connection import OWN_API, Connection
from headwater.client.settings import ConnectionSettings, connection_settings
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.progress import Progress, ProgressFile
from headwater.client.spool.reader import Part, SpoolReader
from headwater.errors import ConflictError, InvalidParameterError
from headwater.wire.ingest import CONTENT_TYPE, encode_frame

_PATH = f"{OWN_API}/metrics/ingest"
_LARGE = 4 * 1024 * 1024
"""Bytes of a frame that are worth compressing."""

_logger = logging.getLogger(__name__)


def sending_settings(
    directory: SpoolDirectory, uri: str | None, environment: Mapping[str, str]
) -> ConnectionSettings:
    """Return how to reach the server at `uri`, or else the spool's own, in its workspace.

    Raises:
        ConfigurationError: neither is named, or a setting cannot be used.
    """
    settings = connection_settings(uri or directory.about.server or None, environment)
    workspace = directory.about.workspace
    return settings if workspace is None else replace(settings, workspace=workspace)


@dataclass(frozen=True)
class Sent:
    """What the server has taken."""

    points: int
    operations: int
    refused: int
    """Batches and operations of it that cannot be stored, now or later."""


class Sender:
    """Sends one spool; whoever makes it holds `SpoolDirectory.sending`."""

    def __init__(
        self, directory: SpoolDirectory, connection: Connection, progress: ProgressFile
    ) -> None:
        self._directory = directory
        self._connection = connection
        self._file = progress
        self._progress = progress.read()
        self._reader = SpoolReader(directory)
        self._asked = self._progress.stored
        """Whether it is known that the server lacks the frame that was built last."""

    def send_next(self) -> Sent | None:
        """Send one frame, None if there is nothing to send.

        A frame whose fate is not known is asked for first, and then sent as it was.

        Raises:
            ServerError: the server cannot be reached, or not now; try again later.
            CorruptSpoolError: the spool cannot be read.
        """
        if not self._asked and self._has_last():
            self._acknowledge()
        last = self._progress
        if last.stored:
            part = self._reader.read(last.end)
            if part is None:
                return None
            self._bring_to_disk(part.start.segment, part.end.segment)
            self._write(Progress(0, last.sequence + 1, False, part.start, part.end), durably=True)
        else:
            part = self._reader.read(last.start, last.end)
            if part is None:
                self._acknowledge()
                return None
        return self._send(part)

    def keep(self) -> None:
        """Bring what cannot be sent now to the disk."""
        numbers = self._directory.segments()
        if numbers:
            self._bring_to_disk(numbers[-2:][0], numbers[-1])

    def _has_last(self) -> bool:
        """Say whether the server has the frame that was built last, after an interruption."""
        about = self._directory.about
        found = self._connection.get(_PATH, {"client_id": about.client_id})
        position, sequence = int(found["sequence"]), self._progress.sequence
        self._asked = True
        if position + 1 < sequence:
            self._begin_again(position)
        return position >= sequence

    def _send(self, part: Part) -> Sent:
        sequence = self._progress.sequence
        frame = encode_frame(
            self._directory.about.client_id, sequence, part.batches, part.operations
        )
        self._asked = False
        try:
            answer = self._post(frame)
        except InvalidParameterError as error:
            self._refuse(sequence, frame, str(error))
            return Sent(0, 0, len(part.batches) + len(part.operations))
        except ConflictError:
            if self._has_last():
                answer = {"refused": []}
            else:
                return Sent(0, 0, 0)
        refused: Sequence[dict[str, Any]] = answer.get("refused") or ()
        self._directory.note_refused(refused)
        self._acknowledge()
        return Sent(part.points, len(part.operations), len(refused))

    def _post(self, frame: bytes) -> dict[str, Any]:
        headers = {"content-type": CONTENT_TYPE}
        if len(frame) > _LARGE:
            frame = zstandard.ZstdCompressor(level=1).compress(frame)
            headers["content-encoding"] = "zstd"
        answer: dict[str, Any] = self._connection.request(
            "POST", _PATH, content=frame, headers=headers
        ).json()
        return answer

    def _acknowledge(self) -> None:
        """Note that the server has the last frame, and remove what is not needed any more."""
        self._asked = True
        self._write(replace(self._progress, stored=True), durably=False)
        for number in self._directory.segments():
            if number < self._progress.end.segment:
                self._directory.segment(number).unlink()

    def _begin_again(self, position: int) -> None:
        """Go on with another client id: the server has lost frames that it had acknowledged."""
        _logger.warning(
            "the server has %d frames of this client and had %d before, as after a restore from a "
            "backup; what they held cannot be sent again",
            *(position, self._progress.sequence - 1),
        )
        self._directory.renew_client_id()
        self._write(replace(self._progress, sequence=1), durably=True)

    def _refuse(self, sequence: int, frame: bytes, message: str) -> None:
        """Set aside a frame that the server does not take as it is, and go on behind it."""
        path = self._directory.path / f"refused-{self._progress.change}.frame"
        path.write_bytes(frame)
        self._directory.note_refused([{"frame": path.name, "message": message}])
        self._asked = True
        self._write(replace(self._progress, sequence=sequence - 1, stored=True), durably=True)

    def _write(self, progress: Progress, *, durably: bool) -> None:
        self._progress = replace(progress, change=self._progress.change + 1)
        self._file.write(self._progress, durably=durably)

    def _bring_to_disk(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            with suppress(FileNotFoundError):
                descriptor = os.open(self._directory.segment(number), os.O_RDONLY)
                try:
                    os.fdatasync(descriptor)
                finally:
                    os.close(descriptor)
