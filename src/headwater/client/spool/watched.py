"""Which runs hang on the process that logs: it says so to the process that sends."""

from pathlib import Path

import msgspec

_FILE = "watched.json"


class Watched(msgspec.Struct, frozen=True):
    """The runs that have failed if the process is gone."""

    run_ids: tuple[str, ...] = ()
    lost_after: int = 0
    """Milliseconds of silence after which the server takes them for lost; 0 never."""

    ranks: dict[str, int] = {}
    """Runs that hang on another process, which this one logs into as a rank from 1 on."""

    has_left: bool = False
    """Whether the process has come to its regular end: what it leaves running, it means to."""


def read_watched(spool: Path) -> Watched:
    """Return what the spool's process said last."""
    try:
        return msgspec.json.decode((spool / _FILE).read_bytes(), type=Watched)
    except (FileNotFoundError, msgspec.DecodeError):
        return Watched()


def write_watched(spool: Path, watched: Watched) -> None:
    """Say which runs there are; readers see the old text or the new one. Raises OSError."""
    draft = spool / f"{_FILE}.new"
    draft.write_bytes(msgspec.json.encode(watched))
    draft.replace(spool / _FILE)
