"""The working tree of a program: which commit, and how it differs from that.

Only reads: git takes no lock here, and runs nothing that the tree's own settings name.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from headwater.client.capture.text import plain
from headwater.wire.capture import Git
from headwater.wire.operations import LARGEST_DIFF

_SECONDS = 10.0
_MOST_SOURCES = 100
_LARGEST_SOURCE = 256 * 1024
_MOST_NAMED = 100
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_DIFF = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
_DIFF_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """What was found."""

    git: Git
    diff: bytes | None
    """Difference to the commit, Python files included that git does not know; None: too large."""


def read_working_tree(directory: Path) -> WorkingTree | None:
    """Return the state of the working tree that a directory is in; None where there is none.

    None as well where git is missing, is too slow, or there is no commit yet.
    """
    try:
        top = _git(directory, "rev-parse", "--show-toplevel", "HEAD").decode().splitlines()
        root = Path(top[0])
        return _read(root, top[1])
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError, IndexError):
        return None


def _read(root: Path, commit: str) -> WorkingTree:
    diff = _git(root, *_DIFF, *_DIFF_PREFIXES, "HEAD", "--")
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
    others = [os.fsdecode(name) for name in listed if name]
    sources = [name for name in others if _is_source(root / name)][:_MOST_SOURCES]
    is_dirty = bool(diff or others)
    diff += b"".join(_added(root, name) for name in sources)
    rest = sorted(set(others) - set(sources))[:_MOST_NAMED]
    git = Git(
        commit=commit,
        root=plain(str(root)),
        branch=_asked(root, "symbolic-ref", "--short", "-q", "HEAD"),
        remote=without_credentials(_asked(root, "remote", "get-url", "origin")),
        is_dirty=is_dirty,
        diff_size=len(diff),
        untracked=[plain(name) for name in rest],
    )
    return WorkingTree(git, diff if len(diff) <= LARGEST_DIFF else None)


def without_credentials(url: str) -> str:
    """Return a remote's URL without user name and password; ``git@host:path`` as it is."""
    if "://" not in url:
        return url
    split = urlsplit(url)
    if split.scheme == "ssh":
        return url  # who logs in is part of the address, and its password would not work there
    return urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2]))


def _is_source(path: Path) -> bool:
    try:
        return path.suffix == ".py" and path.is_file() and path.stat().st_size <= _LARGEST_SOURCE
    except OSError:
        return False


def _added(root: Path, name: str) -> bytes:
    """Return the patch that adds a file which git does not know."""
    arguments = (*_DIFF, *_DIFF_PREFIXES, "--no-index", "--", "/dev/null", name)
    return _git(root, *arguments, expected=(0, 1))


def _asked(root: Path, *arguments: str) -> str:
    """Return what git answers; nothing where it has no answer."""
    try:
        return plain(os.fsdecode(_git(root, *arguments)).strip())
    except subprocess.CalledProcessError:
        return ""


def _git(directory: Path, *arguments: str, expected: Sequence[int] = (0,)) -> bytes:
    command = ["git", *_SAFE, *arguments]
    done = subprocess.run(  # noqa: S603  # no word of it is anybody's input
        command,
        cwd=directory,
        env={**os.environ, **_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode not in expected:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout
