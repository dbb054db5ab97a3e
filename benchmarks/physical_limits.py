"""What this machine can do at best: the ceiling above every figure."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.client import encode, time_in_turn, time_side_by_side
from benchmarks.points import Point, PointSource, log_batch

_SECONDS = 0.5


@dataclass(frozen=True)
class Limit:
    """One measured bound."""

    label: str
    value: float
    unit: str


class _Batch(msgspec.Struct):
    run_id: str
    metrics: list[Point]


def measure_limits(directory: Path) -> list[Limit]:
    """Measure all limits; takes a few seconds."""
    small, large = _blob_commits(directory, 1_000), _blob_commits(directory, 30_000)
    single, batches, many = _null_server()
    return [
        Limit("fsync after a 4 KiB write", 1000 * fsync_seconds(directory), "ms"),
        Limit("SQLite WAL+FULL commits of a 1 KB blob", small, "commits/s"),
        Limit("SQLite WAL+FULL commits of a 30 KB blob", large, "commits/s"),
        Limit("msgspec decode of a 1000-point batch, 1 thread", _decode_rate(), "points/s"),
        Limit("this client against a server that does nothing, one request", single, "ms"),
        Limit("the same, 1000-point batches, 1 writer", batches, "points/s"),
        Limit("the same, 100-point batches, 8 writers", many, "points/s"),
    ]


def fsync_seconds(directory: Path) -> float:
    """Return the median seconds of a 4 KiB append with fsync."""
    path = directory / "fsync.bin"
    times: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(200):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    path.unlink()
    return median(times)


def _rate(action: Callable[[], object]) -> float:
    """Return how often an action runs per second."""
    started = time.perf_counter()
    count = 0
    while time.perf_counter() - started < _SECONDS:
        action()
        count += 1
    return count / (time.perf_counter() - started)


def _blob_commits(directory: Path, size: int) -> float:
    path = directory / f"blobs-{size}.db"
    blob = os.urandom(size)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE blobs (id INTEGER PRIMARY KEY, payload BLOB)")
        return _rate(lambda: connection.execute("INSERT INTO blobs (payload) VALUES (?)", [blob]))


def _decode_rate() -> float:
    request = log_batch("0" * 32, PointSource(3, 10).take(1000))
    body = request.split(b"\r\n\r\n", 1)[1]
    decode = msgspec.json.Decoder(_Batch).decode
    return 1000 * _rate(lambda: decode(body))


def _null_server() -> tuple[float, float, float]:
    """Return ms per request and points per second against a server that only answers."""
    command = [sys.executable, "-m", "benchmarks.null_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            address = ("127.0.0.1", int(process.stdout.readline()))
            single = time_in_turn(address, [encode("GET", "/health")] * 2000) / 2000
            points = PointSource(4, 10).take(1000)
            large, small = log_batch("0" * 32, points), log_batch("0" * 32, points[:100])
            batches = 1000 * 1000 / time_in_turn(address, [large] * 1000)
            many = 8 * 500 * 100 / time_side_by_side(address, [[small] * 500] * 8)
        finally:
            process.kill()
    return 1000 * single, batches, many
