"""Large files through the server, by MLflow's own client."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks.client import Connection
from benchmarks.network import safetensors
from benchmarks.run_requests import RunRequests, run_id_in
from benchmarks.servers import Server
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_SECONDS = 600
_MEGABYTE = 1e6


class Artifacts(Trial):
    """One file up, and down again: random bytes, and weights of a model."""

    figures = (
        Figure("artifacts", "upload of 1 GB of random bytes", "MB/s", "higher", floor=3),
        Figure("artifacts", "download of 1 GB of random bytes", "MB/s", "higher", floor=3),
        Figure("artifacts", "upload of a model of 1 GB", "MB/s", "higher", floor=3),
        Figure("artifacts", "download of a model of 1 GB", "MB/s", "higher", floor=3),
    )
    rounds = 3
    _round = 0

    def run(self) -> Sequence[float | None]:
        """Return megabytes a second, up and down, of both files."""
        self._round += 1
        rates: list[float] = []
        with tempfile.TemporaryDirectory() as directory:
            for name, content in (
                ("random.bin", np.random.default_rng(self._round).bytes(self.scale.artifact_bytes)),
                ("model.safetensors", _model(self._round, self.scale.artifact_bytes)),
            ):
                path = Path(directory, name)
                path.write_bytes(content)
                os.sync()
                size = len(content) / _MEGABYTE
                run_id = new_run(self.server, self._round)
                rates.append(size / time_transfer(self.server, "upload", run_id, str(path)))
                rates.append(size / time_transfer(self.server, "download", run_id, name))
                path.unlink()
        return rates


class FastArtifacts(Trial):
    """A model up and down again by the client that Headwater brings, with what is there already."""

    figures = (
        Figure("artifacts", "fast client, first upload of a model of 1 GB", "MB/s", "higher"),
        Figure("artifacts", "the same again, unchanged, a GB", "s", "lower", bound=0.5),
        Figure("artifacts", "with 1 % changed, bytes sent", "%", "lower", bound=5),
        Figure("artifacts", "download, nothing kept", "MB/s", "higher"),
        Figure("artifacts", "download of a kept file, linked, a GB", "s", "lower"),
    )
    rounds = 3
    ours_only = True
    _round = 0

    def run(self) -> Sequence[float | None]:
        """Return MB/s, seconds, percent, MB/s and seconds."""
        self._round += 1
        content = bytearray(_model(100 + self._round, self.scale.artifact_bytes))
        gigabytes = len(content) / 1e9
        with tempfile.TemporaryDirectory() as directory:
            fast = {"ARTIFACT_CLIENT": "fast", "HEADWATER_CACHE_DIR": f"{directory}/kept"}
            linked = {**fast, "HEADWATER_CACHE_LINKS": "true"}
            path = Path(directory, "model.safetensors")

            def up() -> float:
                path.write_bytes(content)
                os.sync()
                run_id = new_run(self.server, self._round)
                return time_transfer(self.server, "upload", run_id, str(path), more=fast)

            first, again = up(), up()
            share = len(content) // 100
            at = len(content) // 2
            content[at : at + share] = np.random.default_rng(self._round).bytes(share)
            before = _sent()
            up()
            changed = (_sent() - before) / len(content)
            run_id = new_run(self.server, self._round)
            time_transfer(self.server, "upload", run_id, str(path), more=fast)
            cold = time_transfer(self.server, "download", run_id, path.name, more=linked)
            warm = time_transfer(self.server, "download", run_id, path.name, more=linked)
        return [
            gigabytes * 1000 / first,
            again / gigabytes,
            100 * changed,
            gigabytes * 1000 / cold,
            warm / gigabytes,
        ]


def _sent() -> int:
    """Return the bytes that went over this machine's loopback so far, in both directions."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


def new_run(server: Server, number: int) -> str:
    """Create a run and return its id."""
    with Connection(server.address) as connection:
        return run_id_in(connection.fetch(RunRequests(number, ()).create)).decode()


def time_transfer(
    server: Server, verb: str, run_id: str, *names: str, more: Mapping[str, str] | None = None
) -> float:
    """Return the seconds that a process of MLflow's own client takes for files.

    `more` are environment variables for it.
    """
    host, port = server.address
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.artifact_program", verb, run_id, *names],
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": f"http://{host}:{port}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **(more or {}),
        },
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    return float(ended.stdout.split()[-1])


def _model(seed: int, size: int) -> bytes:
    """Return a safetensors file of normal float32 weights in tensors of 16 MiB."""
    rng = np.random.default_rng(seed)
    count = 4 * 1024 * 1024
    tensors = {
        f"layer.{number}": rng.standard_normal(count, np.float32) * np.float32(0.02)
        for number in range(max(1, size // (4 * count)))
    }
    return safetensors("F32", tensors)
