"""Which parts of which packs files need."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.storage.artifacts import moved, pack
from headwater.storage.artifacts.manifest import Manifest, decode_manifest
from headwater.storage.artifacts.moved import Moved, decode_moved
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.store import MANIFESTS

PART = np.dtype([("offset", "<u8"), ("stored", "<u4")])
"""An encoded chunk in a pack."""

_GATHERED = 64
"""Tables of one pack's parts that are held before they are made one."""


@dataclass(frozen=True)
class References:
    """What all files need."""

    parts: Mapping[str, NDArray[np.void]]
    """Of `PART` by pack, each once, in the order of the offsets; also of packs that were moved."""

    moved: Mapping[str, Moved]
    """By the old pack."""

    @property
    def packs(self) -> set[str]:
        """The packs that must stay: those of which not all that is needed was packed anew."""
        return {name for name in self.parts if not self.is_moved(name)}

    def is_moved(self, name: str) -> bool:
        """Say whether all that files need of a pack is elsewhere as well."""
        found = self.moved.get(name)
        return found is not None and found.covers(self.parts[name]["offset"])


def read_references(objects: Objects) -> References:
    """Read all manifests, and where packs were moved.

    Raises:
        CorruptArtifactError: one is damaged: what it needs is not known.
    """
    gathered = _Gathered()
    for _, content in objects.get_each([each.name for each in objects.list(MANIFESTS)]):
        if content is not None:  # not deleted meanwhile
            gathered.add(decode_manifest(content))
    found: dict[str, Moved] = {}
    for name, content in objects.get_each([each.name for each in objects.list(moved.PREFIX)]):
        if content is not None:
            found[pack.pack_of(name)] = decode_moved(content)
    return References(followed(gathered.parts(), found), found)


def followed(
    parts: Mapping[str, NDArray[np.void]], moves: Mapping[str, Moved]
) -> dict[str, NDArray[np.void]]:
    """Return the parts with those of the packs to which they were moved, step by step."""
    needed = {name: [rows] for name, rows in parts.items()}
    # A pack is made before it is moved, so that no way leads back to one.
    waiting = [name for name in needed if name in moves]
    while waiting:
        name = waiting.pop()
        for new, rows in _moved_parts(_once(needed[name]), moves[name]).items():
            before = needed.get(new, ())
            joined = _once([*before, rows])
            if new in moves and len(joined) > len(_once(before)):
                waiting.append(new)
            needed[new] = [joined]
    return {name: _once(rows) for name, rows in needed.items()}


def _moved_parts(rows: NDArray[np.void], found: Moved) -> dict[str, NDArray[np.void]]:
    """Return where parts of one pack are now, by the new pack."""
    old = found.rows["offset"]
    numbers = np.searchsorted(old, rows["offset"])
    is_moved = numbers < len(old)
    is_moved[is_moved] = old[numbers[is_moved]] == rows["offset"][is_moved]
    places = found.rows[numbers[is_moved]]
    parts = np.empty(len(places), PART)
    parts["offset"], parts["stored"] = places["to"], rows["stored"][is_moved]
    return {
        name: parts[places["pack"] == number]
        for number, name in enumerate(found.packs)
        if (places["pack"] == number).any()
    }


class _Gathered:
    """The parts that manifests name; those of a pack are joined now and then, to stay small."""

    def __init__(self) -> None:
        self._tables: dict[str, list[NDArray[np.void]]] = defaultdict(list)

    def add(self, manifest: Manifest) -> None:
        for table in (manifest.chunks, manifest.bases):
            for number in np.unique(table["pack"]).tolist():
                if number >= 0:
                    named = table[table["pack"] == number]
                    rows = np.empty(len(named), PART)
                    rows["offset"], rows["stored"] = named["offset"], named["stored"]
                    self._take(manifest.packs[number], rows)
        for name in manifest.packs:  # named, though nothing of it is: to be kept all the same
            self._tables[name]

    def parts(self) -> dict[str, NDArray[np.void]]:
        return {name: _once(tables) for name, tables in self._tables.items()}

    def _take(self, name: str, rows: NDArray[np.void]) -> None:
        tables = self._tables[name]
        tables.append(rows)
        if len(tables) >= _GATHERED:
            self._tables[name] = [_once(tables)]


def _once(tables: Iterable[NDArray[np.void]]) -> NDArray[np.void]:
    """Return all rows in the order of the offsets, each once."""
    joined = np.concatenate([np.empty(0, PART), *tables])
    numbers = np.unique(joined["offset"], return_index=True)[1]
    once: NDArray[np.void] = joined[numbers]
    return once
