"""The artifact store that a command works on."""

from headwater.entities.artifact_store_uri import STORE_SCHEME, store_directory
from headwater.errors import ConfigurationError
from headwater.storage.artifacts.overlay import STORE_DIRECTORY
from headwater.storage.artifacts.store import ArtifactStore, open_local_store


def existing_store(destination: str) -> ArtifactStore:
    """Return the store at a destination of artifacts, such as ``headwater-cas+file:///srv/a``.

    Raises:
        ConfigurationError: there is none.
    """
    if not destination.startswith(f"{STORE_SCHEME}:"):
        raise ConfigurationError(
            f"{destination} is no artifact store of Headwater's; name yours with --data-dir, "
            f"or with --artifacts-destination {STORE_SCHEME}:///path"
        )
    place = store_directory(destination) / STORE_DIRECTORY
    if not place.is_dir():
        raise ConfigurationError(
            f"there is no artifact store in {place.parent}; name yours with --data-dir or "
            "--artifacts-destination"
        )
    return open_local_store(place)
