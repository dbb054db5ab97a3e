"""What a sender says of itself, for the process that logs and for ``headwater sync``."""

from pathlib import Path

import msgspec

_FILE = "status.json"


class Status(msgspec.Struct, frozen=True):
    """How sending goes."""

    failure: str = ""
    """Why it fails at present, as a person reads it."""

    since: int = 0
    """Milliseconds since the epoch when that began; for who looks into the directory."""


def read_status(spool: Path) -> Status:
    """Return what the spool's sender said last; that all is well if nothing."""
    try:
        return msgspec.json.decode((spool / _FILE).read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.DecodeError):
        return Status()


def write_status(spool: Path, status: Status) -> None:
    """Say how sending goes; readers see the old text or the new one."""
    draft = spool / f"{_FILE}.new"
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(spool / _FILE)
