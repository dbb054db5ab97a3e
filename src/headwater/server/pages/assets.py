"""The files that pages load: the scripts and styles beside this module, and Plotly's bundle."""

import gzip
import hashlib
import importlib.util
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PLOTLY = "plotly.min.js"
_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_LONGEST_VERSION = 12
_STYLE_GUARD = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


@dataclass(frozen=True)
class Asset:
    """One file, as it goes over the wire."""

    content_type: str
    plain: bytes
    packed: bytes
    """The same, by gzip."""

    etag: str
    """With its quotes; of both forms the weak one, since they are different bytes."""


class Assets:
    """All files by name; read, hashed and compressed once, when the first one is asked for.

    Safe to use from several threads.
    """

    def __init__(self, plotly: Path | None) -> None:
        self._plotly_path = plotly
        self._lock = threading.Lock()

    @cached_property
    def version(self) -> str:
        """A text that changes with any of the files: a page's modules are of one version."""
        digest = hashlib.sha256()
        for name, asset in self._own.items():
            digest.update(f"{name} {asset.etag}\n".encode())
        if self._plotly_path is not None:
            digest.update(str(self._plotly_path.stat().st_size).encode())
        return digest.hexdigest()[:_LONGEST_VERSION]

    @property
    def has_plotly(self) -> bool:
        """Say whether there is a chart library to serve."""
        return self._plotly_path is not None

    def get(self, name: str) -> Asset | None:
        """Return a file; None where there is none of that name. Reads and compresses: it blocks."""
        if name == PLOTLY:
            with self._lock:
                return self._plotly
        return self._own.get(name)

    def style_guards(self) -> list[str]:
        """Return the ids of elements which keep Plotly's parts from adding inline styles.

        Its map library, of which no chart here makes use, adds a style sheet when it is loaded,
        unless there is an element of its id: our Content-Security-Policy would refuse it.
        """
        with self._lock:
            bundle = self._plotly
        if bundle is None:
            return []
        return sorted({guard.decode() for guard in _STYLE_GUARD.findall(bundle.plain)})

    @cached_property
    def _own(self) -> Mapping[str, Asset]:
        files = sorted(path for path in _STATIC.rglob("*") if path.suffix in _TYPES)
        return {path.relative_to(_STATIC).as_posix(): _read(path) for path in files}

    @cached_property
    def _plotly(self) -> Asset | None:
        return None if self._plotly_path is None else _read(self._plotly_path)


def installed_plotly() -> Path | None:
    """Return where Plotly's bundle is, without importing Plotly; None where it is not installed."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "package_data" / PLOTLY
    return path if path.is_file() else None


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    return Asset(
        _TYPES[path.suffix],
        plain,
        gzip.compress(plain, compresslevel=6, mtime=0),
        f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"',
    )
