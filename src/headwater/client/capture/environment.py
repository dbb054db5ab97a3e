"""Command line, interpreter, packages and machine of this process."""

import json
import os
import platform
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from headwater.client.capture.text import plain
from headwater.client.system_metrics.gpu_names import gpu_names
from headwater.wire.capture import Command, Host, Python

_SECRETS = frozenset(
    {"apikey", "credential", "credentials", "passphrase", "passwd", "password", "pwd"}
    | {"secret", "token"}
)
_KINDS_OF_KEYS = frozenset({"access", "api", "auth", "private", "secret"})
_HIDDEN = "***"
_VARIABLES = frozenset(
    {
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_VISIBLE_DEVICES",
        "JAX_ENABLE_X64",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PYTHONHASHSEED",
        "PYTHONPATH",
        "TF_DETERMINISTIC_OPS",
        "XLA_FLAGS",
    }
)
_DISTRIBUTION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*)-(?P<version>[^-]+)(-py[0-9.]+)?\.(dist|egg)-info"
)
_URL_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def command_line(environment: Mapping[str, str]) -> Command:
    """Return how this process was started; values that look like secrets are left out."""
    return Command(
        arguments=[plain(each) for each in without_secrets(sys.orig_argv)],
        directory=plain(str(Path.cwd())),
        variables={
            name: plain(environment[name]) for name in sorted(_VARIABLES & environment.keys())
        },
    )


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which options that are named like a secret have ``***``.

    So have user names and passwords in URLs.
    """
    shown: list[str] = []
    is_secret = False
    for argument in arguments:
        name, separator, _ = argument.partition("=")
        if is_secret and not argument.startswith("-"):
            shown.append(_HIDDEN)
            is_secret = False
            continue
        looks_secret = argument.startswith("-") and _names_secret(name)
        if separator and re.fullmatch(r"[\w.+-]+", name) and _names_secret(name):
            shown.append(f"{name}={_HIDDEN}")
        else:
            shown.append(_URL_PASSWORD.sub(f"{_HIDDEN}@", argument))
        is_secret = looks_secret and not separator
    return shown


def _names_secret(name: str) -> bool:
    """Say whether ``--api-key`` or ``logger.token`` is a secret; ``--max-tokens`` is none."""
    words = re.findall(r"[a-z]+", name.lower())
    kinds = {kind for kind, word in pairwise(words) if word == "key"}
    return bool(_SECRETS.intersection(words) or kinds & _KINDS_OF_KEYS)


def interpreter() -> Python:
    """Return what runs this program."""
    return Python(
        version=platform.python_version(),
        implementation=platform.python_implementation(),
        executable=plain(sys.executable),
    )


def host() -> Host:
    """Return the machine that this process runs on."""
    return Host(
        name=plain(socket.gethostname()),
        system=platform.platform(),
        machine=platform.machine(),
        processor=_processor(),
        processors=_processors(),
        memory=_memory(),
        gpus=gpu_names(),
    )


def packages(path: Sequence[str]) -> list[str]:
    """Return what is installed there, as lines of a requirements file that installs it again.

    Source: the PyPA specification of recorded projects, by which a distribution's directory tells
    its name and version; to ask `importlib.metadata` takes 30 times as long.
    """
    lines: dict[str, str] = {}
    for directory in path:
        try:
            found = sorted(Path(directory or ".").iterdir())
        except OSError:  # a path that does not exist, or an archive
            continue
        for entry in found:
            named = _DISTRIBUTION.fullmatch(entry.name)
            if named is not None:
                name = re.sub(r"[-_.]+", "-", named["name"]).lower()
                # The first one on the path is what is imported.
                lines.setdefault(name, plain(_requirement(name, named["version"], entry)))
    return [lines[name] for name in sorted(lines)]


def _requirement(name: str, version: str, entry: Path) -> str:
    """Return a line for a distribution. Source: PEP 610 for what did not come from an index."""
    try:
        origin = json.loads((entry / "direct_url.json").read_bytes())
        url = _URL_PASSWORD.sub("", str(origin["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return f"{name}=={version}"
    part = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
    version_control = origin.get("vcs_info")
    if version_control:
        at = version_control.get("commit_id", "")
        return f"{name} @ {version_control.get('vcs', 'git')}+{url}@{at}{part}"
    if origin.get("dir_info", {}).get("editable"):
        return f"-e {url}{part}"
    return f"{name} @ {url}{part}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor()


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
