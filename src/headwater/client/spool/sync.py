"""Sends what processes that are gone have left in their spools."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headwater.client.connection import Connection
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.lifeline import Lifeline
from headwater.client.spool.outbox import Outbox
from headwater.client.spool.outbox_sender import FILE_SECONDS, OutboxSender
from headwater.client.spool.progress import ProgressFile
from headwater.client.spool.sender import Sender, sending_settings
from headwater.errors import ConfigurationError, HeadwaterError

Report = Callable[[int], None]
"""Takes the bytes of a spool that were sent since the last call."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a spool."""

    spool: Path
    state: Literal["sent", "refused", "failed", "busy"]
    """``busy``: the process that writes it, or another one, sends it. ``refused``: the server has
    all of it that it would take, and the spool stays for who looks into it."""

    points: int = 0
    operations: int = 0
    refused: int = 0
    message: str = ""
    requests: int = 0
    """What had waited beside them: artifacts, datasets."""


def sync_spool(
    directory: SpoolDirectory, tracking_uri: str | None, report: Report = lambda _: None
) -> Synced:
    """Send all of a spool to the server that is named, or else to its own, and remove it."""
    if directory.is_written():
        return Synced(directory.path, "busy", message="the process that writes it sends it")
    try:
        with directory.sending():
            return _send(directory, tracking_uri, report)
    except ConfigurationError as error:  # of the lock: all others are caught where they arise
        return Synced(directory.path, "busy", message=str(error))


def _send(directory: SpoolDirectory, tracking_uri: str | None, report: Report) -> Synced:
    points = operations = refused = requests = 0
    state: Literal["sent", "refused", "failed"] = "sent"
    message = ""
    left = size_of(directory)
    written = directory.written_at()
    try:
        with (
            Connection(sending_settings(directory, tracking_uri, os.environ)) as connection,
            connection.another(FILE_SECONDS) as for_files,
            ProgressFile(directory.path, writable=True) as progress,
        ):
            sender = Sender(directory, connection, progress)
            while (sent := sender.send_next()) is not None:
                points += sent.points
                operations += sent.operations
                refused += sent.refused
                report(left - size_of(directory))
                left = size_of(directory)
            outbox = OutboxSender(directory, for_files)
            while (denied := outbox.send_next()) is not None:
                requests += 1 - denied
                refused += denied
                report(left - size_of(directory))
                left = size_of(directory)
            Lifeline(directory, connection).conclude(written)
    except HeadwaterError as error:
        state, message = "failed", str(error)
    else:
        report(left)
        if directory.refused():
            state = "refused"
        else:
            directory.remove()
    return Synced(directory.path, state, points, operations, refused, message, requests)


def size_of(directory: SpoolDirectory) -> int:
    """Return the bytes of a spool and of the files that wait in it."""
    return directory.size() + Outbox(directory).size()
