"""The check of an artifact store, for the commands that do it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from headwater.cli import table
from headwater.cli.progress import progress
from headwater.storage.artifacts.check import Damaged, Inventory, check, take_inventory
from headwater.storage.artifacts.store import ArtifactStore


@dataclass(frozen=True)
class ArtifactReport:
    """What a check has found."""

    files: int
    damaged: list[Damaged]
    inventory: Inventory | None
    """None where a manifest is damaged."""

    @property
    def is_sound(self) -> bool:
        """Whether every file can be read; what nobody needs is no fault."""
        found = self.inventory
        return not self.damaged and found is not None and not found.missing + found.unreadable

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        told = {"orphaned": None} if self.inventory is None else asdict(self.inventory)
        return {"files": self.files, "damaged": [asdict(each) for each in self.damaged], **told}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        for each in self.damaged:
            yield f"{each.path}: {each.fault}"
        found = self.inventory
        if found is None:
            yield "Which packs are needed is not known: a manifest is damaged."
        else:
            for name in found.missing:
                yield f"pack {name} is missing; restore it from a backup"
            for name in found.unreadable:
                yield f"the table of pack {name} is damaged; an index cannot be made of it"
            if found.orphaned:
                yield (
                    f"{table.counted(found.orphaned, 'pack')} of {found.orphaned_bytes:,} bytes "
                    "that no file needs; headwater artifacts collect removes them"
                )
        yield f"{table.counted(self.files, 'file')}, {len(self.damaged):,} damaged"


def check_artifacts(store: ArtifactStore) -> ArtifactReport:
    """Read all files of a store. Raises ArtifactStoreError."""
    files = sum(1 for _ in store.paths())
    with progress("Checking files") as bar:
        task = bar.add_task("", total=files)
        damaged = list(check(store, lambda _: bar.advance(task)))
    return ArtifactReport(files, damaged, take_inventory(store))
