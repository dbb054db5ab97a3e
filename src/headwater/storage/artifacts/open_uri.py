"""Opens the artifacts that a URI names: in a directory or in a bucket."""

import hashlib
import os
from pathlib import Path

from headwater.entities.artifact_store_uri import (
    BUCKET_SCHEME,
    INDEX_VARIABLE,
    Bucket,
    store_bucket,
    store_directory,
)
from headwater.errors import ArtifactStoreError, ConfigurationError
from headwater.storage.artifacts.index import ChunkIndex
from headwater.storage.artifacts.objects import Objects
from headwater.storage.artifacts.overlay import Artifacts, open_directory
from headwater.storage.artifacts.plain import STORE_DIRECTORY
from headwater.storage.artifacts.plain_objects import PlainObjects
from headwater.storage.artifacts.store import ArtifactStore


def open_uri(uri: str, index: Path | None = None) -> Artifacts:
    """Open the artifacts; `index` is the directory for the index of a bucket, if it is named.

    A bucket is not asked for anything.

    Raises:
        ConfigurationError: the URI or the environment names no place.
        ArtifactStoreError: the directory, or the index, cannot be used.
    """
    if not uri.startswith(f"{BUCKET_SCHEME}:"):
        return open_directory(store_directory(uri))
    bucket = store_bucket(uri)
    below = "/".join(part for part in (bucket.prefix, STORE_DIRECTORY) if part)
    store = ArtifactStore(
        bucket_objects(Bucket(bucket.name, below)), ChunkIndex(index_file(bucket, index))
    )
    return Artifacts(store, PlainObjects(bucket_objects(bucket)))


def bucket_objects(bucket: Bucket) -> Objects:
    """Return the objects of a bucket.

    Raises:
        ConfigurationError: they cannot be reached from here, whatever the bucket says.
    """
    try:
        # Only where there is a bucket: it is an extra.
        from headwater.storage.artifacts.s3_objects import S3Objects  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        raise ConfigurationError(
            "an artifact store in a bucket needs obstore: pip install 'headwater[s3]'"
        ) from error
    return S3Objects(bucket)


def find_root(bucket: Bucket) -> tuple[Bucket, str]:
    """Return where the store is that a part of a bucket is in, and the path of the part there.

    Raises:
        ConfigurationError, ArtifactStoreError: the bucket cannot be asked.
    """
    parts = bucket.prefix.split("/") if bucket.prefix else []
    for count in range(len(parts), -1, -1):
        root = Bucket(bucket.name, "/".join(parts[:count]))
        found = bucket_objects(root).list_directory(STORE_DIRECTORY)
        if found.directories or found.objects:
            return root, "/".join(parts[count:])
    return bucket, ""


def index_file(bucket: Bucket, directory: Path | None) -> Path:
    """Return where this machine keeps the index of a store in a bucket.

    Raises:
        ArtifactStoreError: the directory cannot be made.
    """
    if directory is None:
        named = os.environ.get(INDEX_VARIABLE)
        home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        directory = Path(named) if named else Path(home) / "headwater" / "artifact-index"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactStoreError(f"the index {directory} cannot be made: {error}") from error
    # The endpoint belongs to the name: buckets of two providers may be called alike.
    endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL", "")
    told = "\0".join((endpoint, bucket.name, bucket.prefix)).encode()
    return directory / f"{hashlib.sha256(told).hexdigest()[:16]}.db"
