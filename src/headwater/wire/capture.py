"""What a process tells of itself when it starts a run: enough to do again what it did."""

import msgspec


class Command(msgspec.Struct, frozen=True):
    """How the process was started."""

    arguments: list[str]
    """The interpreter first; what looks like a secret is ``***``."""

    directory: str
    """Where, as an absolute path."""

    variables: dict[str, str] = {}
    """Environment variables that have a say in results, such as PYTHONHASHSEED; no others."""


class Python(msgspec.Struct, frozen=True):
    """The interpreter."""

    version: str
    implementation: str
    executable: str


class Host(msgspec.Struct, frozen=True):
    """The machine."""

    name: str
    system: str
    machine: str
    """Such as x86_64."""

    processor: str
    processors: int
    """That this process may use."""

    memory: int
    """Bytes."""

    gpus: list[str] = []
    """Names of the graphics processors, in their order."""


class Git(msgspec.Struct, frozen=True):
    """The working tree that the program stands in."""

    commit: str
    root: str
    """The tree's absolute path."""

    branch: str = ""
    remote: str = ""
    """URL without credentials; empty where there is none."""

    is_dirty: bool = False
    diff_size: int = 0
    """Bytes of the difference to the commit; it is kept unless it is too large."""

    untracked: list[str] = []
    """Files that are neither in the commit nor in the difference, relative to the root."""


class Captured(msgspec.Struct, frozen=True):
    """What one rank of a run has told."""

    command: Command
    python: Python
    host: Host
    packages: list[str] = []
    """Installed distributions as lines of a requirements file, in order."""

    git: Git | None = None
    captured_at: int = 0
    """Milliseconds since the epoch."""
