"""Sends a file to a server's artifact store: what is there already does not go again."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard
from blake3 import blake3
from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import augmented_raise_for_status
from requests import HTTPError

from headwater.mlflow_plugin.artifact_server import ArtifactServer, NotReadyError
from headwater.mlflow_plugin.transfer_progress import Progress, transfer_progress
from headwater.storage.artifacts.cut_file import CutFile, open_file
from headwater.wire.artifact_file import (
    CONTENT_TYPE,
    HASH_BYTES,
    ROW,
    Described,
    encode_content,
    encode_opening,
    recipe_of,
)

PART_BYTES = 32 * 1024 * 1024
"""Of a file that goes in parts, each of which the server keeps: what a cut costs at most."""

CONNECTIONS = 3
"""Parts that are on their way at once. A server keeps as many in memory."""

_ATTEMPTS = 4
"""In a row without a part that gets there."""

_DELAY = 1.0
_BLOCK = 4 * 1024 * 1024
_LEVEL = 1
_CONFLICT = 409
_TRANSIENT = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Part:
    """Some chunks of a file, one after another."""

    first: int
    end: int
    missing: tuple[int, ...]
    """Numbers, in the file, of those that are sent."""


def upload(server: ArtifactServer, file: Path, path: str, base: str | None = None) -> None:
    """Store a file, which has some bytes, under a path; `base` is the path of its predecessor.

    Raises:
        OSError: the file cannot be read.
        MlflowException: the server cannot be reached.
        requests.HTTPError: it does not take the file.
    """
    with open_file(file) as opened:
        for lengths in server.cuts(opened.size):
            recipe = recipe_of(opened.hash_parts(lengths), np.array(lengths))
            if server.copy(path, recipe):
                return
        _send_cut(server, opened.cut(), {"path": path, **({"base": base} if base else {})})


def digest_of(file: Path) -> str:
    """Return the BLAKE3 of a file in hexadecimal, by all processors. Raises OSError."""
    found = blake3(max_threads=blake3.AUTO)
    buffer = memoryview(bytearray(_BLOCK))
    with file.open("rb", buffering=0) as opened:
        while count := opened.readinto(buffer):
            found.update(buffer[:count])
    return found.hexdigest()


def plan_parts(cut: CutFile, missing: Sequence[int]) -> list[Part]:
    """Divide what is missing, in its order, into parts of about `PART_BYTES` to send."""
    parts: list[Part] = []
    gathered: list[int] = []
    size = 0
    for number in missing:
        gathered.append(number)
        size += cut.starts[number + 1] - cut.starts[number]
        if size >= PART_BYTES:
            parts.append(Part(gathered[0], number + 1, tuple(gathered)))
            gathered, size = [], 0
    if gathered:
        parts.append(Part(gathered[0], gathered[-1] + 1, tuple(gathered)))
    return parts


def _send_cut(server: ArtifactServer, cut: CutFile, query: dict[str, str]) -> None:
    failures, least = 0, len(cut.digests) + 1
    while True:
        missing = _missing(server, cut)
        if len(missing) < least:  # something has got there since
            failures, least = 0, len(missing)
        try:
            if _try(server, cut, missing, query):
                return
        except HTTPError:  # an answer, which would be the same again
            raise
        except (MlflowException, OSError):
            if failures == _ATTEMPTS - 1:
                raise
            time.sleep(_DELAY * 2**failures)
        failures += 1
        if failures == _ATTEMPTS:
            raise MlflowException(f"{query['path']} could not be stored: its chunks disappear")


def _try(server: ArtifactServer, cut: CutFile, missing: list[int], query: dict[str, str]) -> bool:
    """Send what is missing, then the file; False: something else is missing now.

    Raises:
        MlflowException: the connection fails, or the server is not ready.
        requests.HTTPError: the server refuses the file.
    """
    parts = plan_parts(cut, missing)
    total = sum(cut.starts[number + 1] - cut.starts[number] for number in missing)
    with transfer_progress(f"Uploading {query['path']}", total) as progress:
        if len(parts) > 1:
            with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="headwater-upload") as threads:
                sent = [
                    threads.submit(_put, server, "part", cut, part, query, progress)
                    for part in parts
                ]
                try:
                    for each in sent:
                        each.result()
                finally:
                    threads.shutdown(cancel_futures=True)
            missing = []
        whole = Part(0, len(cut.digests), tuple(missing))
        return _put(server, "file", cut, whole, query, progress)


def _put(
    server: ArtifactServer,
    verb: str,
    cut: CutFile,
    part: Part,
    query: dict[str, str],
    progress: Progress,
) -> bool:
    answer = server.request(
        "PUT",
        verb,
        query,
        data=_body(cut, part, progress),
        extra_headers={"Content-Type": CONTENT_TYPE},
        max_retries=0,  # what a body has yielded it cannot yield again
    )
    if answer.status_code == _CONFLICT:
        return False
    if answer.status_code in _TRANSIENT:
        raise NotReadyError(f"the server is not ready: {answer.status_code} {answer.reason}")
    augmented_raise_for_status(answer)
    return True


def _missing(server: ArtifactServer, cut: CutFile) -> list[int]:
    """Return the numbers of the chunks that the server lacks, one of each kind."""
    numbers: dict[bytes, int] = {}
    for number, digest in enumerate(cut.digests):
        numbers.setdefault(digest, number)
    return sorted(numbers[digest] for digest in server.missing(list(numbers)))


def _body(cut: CutFile, part: Part, progress: Progress) -> Iterator[bytes]:
    """Yield chunks of the file as the server takes them."""
    described, rows = describe(cut, part)
    yield encode_opening(described, rows)
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    for number in part.missing:
        content = cut.read(number)
        yield encode_content(compressor.compress(content))
        progress.advance(len(content))


def describe(
    cut: CutFile, part: Part
) -> "tuple[Described, np.ndarray[tuple[int], np.dtype[np.void]]]":
    """Return what precedes the contents of a part, which may be all of the file."""
    numbers = np.array(cut.tensor_numbers[part.first : part.end], np.int64)
    # The first one, by which alike files are found, and those of the part.
    named = np.union1d(numbers, [0]) if len(cut.tensors) else np.array([-1])
    named = named[named >= 0]
    if part.end - part.first == len(cut.digests):
        named = np.arange(len(cut.tensors))
    rows = np.zeros(part.end - part.first, ROW)
    digests = b"".join(cut.digests[part.first : part.end])
    rows["hash"] = np.frombuffer(digests, f"V{HASH_BYTES}")
    rows["length"] = np.diff(cut.starts[part.first : part.end + 1])
    rows["tensor"] = np.where(numbers < 0, -1, np.searchsorted(named, numbers))
    rows["follows"][[number - part.first for number in part.missing]] = 1
    tensors = [cut.tensors[number] for number in named.tolist()]
    described = Described(
        cut.starts[part.end] - cut.starts[part.first],
        cut.digest.hex(),
        len(rows),
        [(each.name, each.start, each.size) for each in tensors],
        cut.starts[part.first],
        cut.starts[-1],
    )
    return described, rows
