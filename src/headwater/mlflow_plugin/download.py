"""Fetches a file of a server's artifact store: ranges at once, what is there already not again."""

import os
import threading
import time
from collections.abc import Callable, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3
from mlflow.exceptions import MlflowException

from headwater.mlflow_plugin.artifact_server import ArtifactServer
from headwater.mlflow_plugin.transfer_progress import Progress, transfer_progress
from headwater.mlflow_plugin.upload import digest_of

RANGE_BYTES = 16 * 1024 * 1024
CONNECTIONS = 4
_BLOCK = 1024 * 1024
_ATTEMPTS = 4
"""For a range, in a row without a byte that gets here."""

_DELAY = 0.5


class DamagedError(MlflowException):
    """What was fetched is not what the server has announced."""


def fetch(
    server: ArtifactServer,
    path: str,
    digest: str,
    size: int,
    target: Path,
    done: Set[int] = frozenset(),
    note: Callable[[int], None] = lambda _: None,
) -> None:
    """Write a file of the store to `target`, and compare it with its hash.

    `done` are the numbers of the ranges that are there already, and `note` is told of others, one
    at a time.

    Raises:
        OSError: the file cannot be written.
        ReplacedError: it has another content by now.
        DamagedError: it does not have the hash.
        MlflowException: the server cannot be reached.
    """
    wanted = [number for number in range(-(-size // RANGE_BYTES)) if number not in done]
    lock = threading.Lock()
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.ftruncate(descriptor, size)
        total = sum(_end(number, size) - number * RANGE_BYTES for number in wanted)
        with transfer_progress(f"Downloading {path}", total) as progress:

            def one(number: int) -> None:
                start, end = number * RANGE_BYTES, _end(number, size)
                _fetch_range(server, path, digest, descriptor, start, end, progress)
                with lock:
                    note(number)

            _all(one, wanted)
    finally:
        os.close(descriptor)
    if digest_of(target) != digest:
        raise DamagedError(f"{path} was damaged on its way; download it again")


def _all(one: Callable[[int], None], wanted: list[int]) -> None:
    if len(wanted) == 1:
        one(wanted[0])
        return
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="headwater-download") as threads:
        started = [threads.submit(one, number) for number in wanted]
        try:
            for each in started:
                each.result()
        finally:
            threads.shutdown(cancel_futures=True)


def _end(number: int, size: int) -> int:
    return min(size, (number + 1) * RANGE_BYTES)


def _fetch_range(
    server: ArtifactServer,
    path: str,
    digest: str,
    descriptor: int,
    start: int,
    end: int,
    progress: Progress,
) -> None:
    """Write a range where it belongs; a connection that is cut is continued where it was."""
    failures = 0
    while start < end:
        before = start
        fault: Exception | None = None
        answer = server.open(path, digest, start, end)
        try:
            while start < end and (
                content := answer.raw.read(min(_BLOCK, end - start), decode_content=False)
            ):
                _write(descriptor, content, start)
                start += len(content)
                progress.advance(len(content))
        except urllib3.exceptions.HTTPError as error:
            fault = error
        finally:
            answer.close() if start < end else answer.raw.release_conn()
        failures = 0 if start > before else failures + 1
        if failures == _ATTEMPTS:
            raise MlflowException(f"{path} is cut off again and again") from fault
        if start < end:
            time.sleep(_DELAY)


def _write(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(descriptor, view, at)
        view, at = view[count:], at + count
