"""What ten versions of a model that is being fine-tuned take on the disk."""

import hashlib
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import zstandard

from benchmarks.artifacts import new_run, time_transfer
from benchmarks.client import Connection, encode
from benchmarks.network import checkpoint, fine_tuned
from benchmarks.read_back import WRITTEN_EXPERIMENT
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
_LEVEL = 3
_VERSIONS = 10
_LABEL = "10 checkpoints, {}, to zstd -3 of each"
_KINDS = {
    "weights": ("float32 weights", 72),
    "states": ("with AdamW's states", 84),
    "bfloat16": ("bfloat16 weights", 50),
    "frozen": ("all but the last layer frozen", 10),
}


class Checkpoints(Trial):
    """Ten checkpoints of each kind through the server, by MLflow's own client."""

    figures = (
        *(
            Figure("checkpoints", _LABEL.format(label), "%", "lower", bound=bound)
            for label, bound in _KINDS.values()
        ),
        Figure("checkpoints", "download of the tenth with states", "MB/s", "higher"),
        Figure("checkpoints", "largest memory of the server's processes", "MB", "lower"),
    )
    rounds = 1

    def run(self) -> Sequence[float | None]:
        """Return percents of what ``zstd -3`` makes of each, MB/s, and MB."""
        made = _checkpoints(self.scale.network_width, _VERSIONS)
        shares = [self._share(number, made[kind]) for number, kind in enumerate(_KINDS)]
        last = made["states"][-1]
        run_id = self._upload(len(_KINDS), made["states"])
        seconds = time_transfer(self.server, "download", run_id, _name(_VERSIONS - 1))
        place = f"{_ROUTE}/{WRITTEN_EXPERIMENT}/{run_id}/artifacts/{_name(_VERSIONS - 1)}"
        with Connection(self.server.address) as connection:
            content = connection.fetch(encode("GET", place))
        if hashlib.sha256(content).digest() != hashlib.sha256(last).digest():
            raise RuntimeError("another file came back")
        memory = max(each.memory_info().rss for each in self.server.processes())
        return [*shares, len(last) / 1e6 / seconds, memory / 1e6]

    def _share(self, number: int, files: Sequence[bytes]) -> float:
        before = self._stored()
        self._upload(number, files)
        compressed = sum(len(zstandard.compress(each, _LEVEL)) for each in files)
        return 100 * (self._stored() - before) / compressed

    def _upload(self, number: int, files: Sequence[bytes]) -> str:
        run_id = new_run(self.server, number)
        with tempfile.TemporaryDirectory() as directory:
            paths = [Path(directory, _name(version)) for version in range(len(files))]
            for path, content in zip(paths, files, strict=True):
                path.write_bytes(content)
            time_transfer(self.server, "upload", run_id, *map(str, paths))
        return run_id

    def _stored(self) -> int:
        """Return the bytes of all artifacts; an index of them that may be lost does not count."""
        files = (self.server.directory / "artifacts").rglob("*")
        return sum(
            path.stat().st_size
            for path in files
            if path.is_file() and not path.name.startswith("index.db")
        )


@cache
def _checkpoints(width: int, versions: int) -> dict[str, list[bytes]]:
    """Return the files by kind; all servers get the same."""
    found: dict[str, list[bytes]] = {}
    for seed, kind in enumerate(_KINDS):  # networks of their own, which share no tensor
        found[kind] = [
            checkpoint(network, states=kind == "states", bfloat16=kind == "bfloat16")
            for network in fine_tuned(width, versions, seed, frozen=kind == "frozen")
        ]
    return found


def _name(version: int) -> str:
    return f"checkpoint-{version}.safetensors"
