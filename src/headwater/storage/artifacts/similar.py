"""Finds the file that a new one is likely to resemble, and its chunks by tensor."""

import hashlib
from collections.abc import Iterator, Sequence

from headwater.storage.artifacts.index import Place
from headwater.storage.artifacts.manifest import Manifest
from headwater.storage.artifacts.tensor_layout import Tensor

_BRANCHES = 4
"""Versions, and groups of them, that are differences to the first one of them."""

_DEEPEST = 16
"""Directories below a declared base in which its file is sought."""

_ARTIFACTS = "/artifacts/"
"""What MLflow has between the directory of a run or logged model and its artifacts' paths."""


class Similar:
    """A stored file, seen as the base of a new one of the same tensors."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._tensors = {each.name: each for each in manifest.tensors}
        self._chunk_at = {int(start): n for n, start in enumerate(manifest.starts[:-1])}

    def chunk(self, tensor: Tensor, at: int, length: int) -> int | None:
        """Return the number of the chunk that holds the same part of the same tensor.

        `at` is where the part begins in the new file.
        """
        span = self._tensors.get(tensor.name)
        if span is None or span.size != tensor.size:
            return None
        number = self._chunk_at.get(span.start + at - tensor.start)
        if number is None or int(self.manifest.chunks["length"][number]) != length:
            return None
        return number

    def places(self, number: int) -> list[tuple[bytes, Place]] | None:
        """Return hash and place of a chunk and of all below it; None where it is in no pack."""
        found = self.manifest.chain(number)
        if any(row["pack"] < 0 for row in found):
            return None
        hashes = [row["hash"].tobytes() for row in found]
        return [
            (
                hashes[depth],
                Place(
                    self.manifest.packs[row["pack"]],
                    int(row["offset"]),
                    int(row["stored"]),
                    int(row["length"]),
                    hashes[depth + 1] if depth + 1 < len(found) else None,
                    len(found) - 1 - depth,
                ),
            )
            for depth, row in enumerate(found)
        ]


def levels_up(position: int) -> int:
    """Return how many differences above the version at that position the base of the next one is.

    The last digit that is not zero of a version's position, in base 4, is zero in its base's: 0 is
    the base of 1, 2, 3, 4, 8, 12, 16, and 4 of 5, 6, 7. So as many differences have to be undone as
    there are such digits, and no base is far away: what a network has changed in four versions is
    not much larger than in one.
    """
    levels = 0
    while position % _BRANCHES == _BRANCHES - 1:
        levels, position = levels + 1, position // _BRANCHES
    return levels + (position % _BRANCHES > 0)


def structure_of(first: Tensor) -> bytes:
    """Return what files have in common whose first tensor has this name and size."""
    named = f"{first.name}\0{first.size}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, digest_size=16, person=b"hw-structure").digest()


def declared(path: str, base: str) -> Iterator[str]:
    """Yield where the predecessor of a new file may be, if `base` is said to be it or to hold it.

    In a directory, it is the file whose path ends like the new one's; the longest such end first.
    """
    yield base
    parts = path.split("/")
    for first in range(max(0, len(parts) - _DEEPEST), len(parts)):
        yield "/".join((base, *parts[first:]))


def is_beside(path: str, other: str) -> bool:
    """Say whether two files are artifacts of the same run or logged model."""
    owner, found, _ = path.partition(_ARTIFACTS)
    return bool(found) and other.startswith(owner + found)


def nearest(path: str, candidates: Sequence[str]) -> str | None:
    """Return the candidate that shares most of its path with a new file; the first of several.

    So a checkpoint resembles the last one of its run rather than the last one of another run.
    """
    parts = path.split("/")

    def shared(other: str) -> int:
        count = 0
        for one, two in zip(parts, other.split("/"), strict=False):
            if one != two:
                break
            count += 1
        return count

    return max(candidates, key=shared, default=None)
