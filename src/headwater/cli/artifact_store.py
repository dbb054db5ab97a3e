"""The artifact store that a command works on."""

from pathlib import Path

from headwater.entities.artifact_store_uri import (
    BUCKET_SCHEME,
    STORE_SCHEME,
    is_store,
    store_directory,
)
from headwater.errors import ConfigurationError
from headwater.server.settings import DEFAULT_DATA_DIR, INDEX_DIRECTORY
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.overlay import STORE_DIRECTORY
from headwater.storage.artifacts.store import ArtifactStore, open_local_store


def existing_store(destination: str, data_dir: str | None = None) -> ArtifactStore:
    """Return the store at a destination of artifacts, such as ``headwater-cas+s3://bucket/prefix``.

    `data_dir` is the server's, where the index of a bucket may be.

    Raises:
        ConfigurationError: there is none.
        ArtifactStoreError: the bucket cannot be asked.
    """
    if not is_store(destination):
        raise ConfigurationError(
            f"{destination} is no artifact store of Headwater's; name yours with --data-dir, or "
            f"with --artifacts-destination {STORE_SCHEME}:///path or {BUCKET_SCHEME}://bucket"
        )
    if destination.startswith(f"{BUCKET_SCHEME}:"):
        return _bucket_store(destination, data_dir)
    return directory_store(store_directory(destination))


def has_store(root: Path) -> bool:
    """Say whether there is a store in a directory of artifacts."""
    return (root / STORE_DIRECTORY).is_dir()


def directory_store(root: Path) -> ArtifactStore:
    """Return the store in a directory of artifacts.

    Raises:
        ConfigurationError: there is none.
        ArtifactStoreError: it cannot be used.
    """
    if not has_store(root):
        raise ConfigurationError(
            f"there is no artifact store in {root}; name yours with --data-dir or "
            "--artifacts-destination"
        )
    return open_local_store(root / STORE_DIRECTORY)


def _bucket_store(uri: str, data_dir: str | None) -> ArtifactStore:
    index = Path(data_dir or DEFAULT_DATA_DIR) / INDEX_DIRECTORY
    store = open_uri(uri, index if index.is_dir() else None).store
    found = store.objects.list_directory("")
    if not (found.directories or found.objects):
        store.close()
        raise ConfigurationError(f"there is no artifact store in {uri}: nothing was stored there")
    return store
