"""Writes stored files as plain ones."""

from collections.abc import Iterator
from pathlib import Path

from headwater.errors import CorruptArtifactError
from headwater.storage.artifacts.store import ArtifactStore


def export(store: ArtifactStore, target: Path) -> Iterator[tuple[str, str | None]]:
    """Write all files below a directory; yield each path, with what was wrong with it.

    A file that is there with the same size stays, so that an interrupted export goes on.
    """
    for path in sorted(store.paths()):
        place = target / path
        try:
            found = store.open(path)
            if found is None:  # deleted meanwhile
                continue
            if not place.exists() or place.stat().st_size != found.head.size:
                place.parent.mkdir(parents=True, exist_ok=True)
                draft = place.with_name(f".{place.name[:200]}.partial")
                with draft.open("wb") as file:
                    file.writelines(found.read())
                draft.replace(place)
        except (CorruptArtifactError, OSError) as error:
            yield path, f"{path}: {error}"
            continue
        yield path, None
