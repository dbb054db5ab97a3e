"""Places of artifact stores under contract: a new one is one more parameter of the fixture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.store import ArtifactStore

Open = Callable[[], ArtifactStore]


@dataclass(frozen=True)
class Place:
    """Where a store is, for tests that do something to its objects or its index."""

    objects: Callable[[], Objects]
    index: Path

    def open(self, machine: str = "index.db") -> ArtifactStore:
        return ArtifactStore(self.objects(), ChunkIndex(self.index.with_name(machine)))

    def lose_index(self) -> None:
        """Remove the indexes of all machines, which no store may have open."""
        for path in self.index.parent.glob("*.db*"):
            path.unlink()

    def change(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Damage an object."""
        objects = self.objects()
        objects.put(name, [change(objects.get(name))])
