"""Entry point of ``headwater-cas+file:`` and ``headwater-cas+s3:``: MLflow's code on our store.

So the store serves ``mlflow server --artifacts-destination`` as well, and what Headwater's front
leaves to MLflow sees the same files.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, BinaryIO

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE
from mlflow.store.artifact import artifact_repo
from mlflow.store.artifact.artifact_repo import ArtifactRepository, verify_artifact_path

from headwater.entities.artifact_store_uri import BUCKET_SCHEME, store_bucket, store_directory
from headwater.errors import (
    ArtifactStoreError,
    ConfigurationError,
    InvalidParameterError,
    StoreUnavailableError,
)
from headwater.storage.artifacts.open_uri import find_root, open_uri
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts, open_directory
from headwater.storage.artifacts.store import FileWriter

_BLOCK = 4 * 1024 * 1024
_BASES: tuple[Any, ...] = (ArtifactRepository,)
if hasattr(artifact_repo, "StreamUploadMixin"):  # newer releases hand over the stream
    _BASES = (ArtifactRepository, artifact_repo.StreamUploadMixin)


class ChunkedArtifactRepository(*_BASES):  # type: ignore[misc]  # which bases there are depends on the release
    """Files below a URI, in the store of its directory or bucket."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        try:
            self._artifacts, self._below = _located(artifact_uri)
        except ConfigurationError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        except ArtifactStoreError as error:
            raise _translated(error) from error

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a local file."""
        with Path(local_file).open("rb") as file:
            self.log_artifact_from_stream(file, Path(local_file).name, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Store all files below a local directory."""
        for directory, _, names in os.walk(local_dir):
            below = Path(directory).relative_to(local_dir).as_posix()
            parts = [part for part in (artifact_path, below) if part and part != "."]
            for name in names:
                self.log_artifact(str(Path(directory, name)), "/".join(parts) or None)

    def log_artifact_from_stream(
        self, stream: BinaryIO, artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        """Store what a stream holds."""
        writer = self._create(artifact_file_name, artifact_path)
        try:
            while content := stream.read(_BLOCK):
                writer.write(content)
            writer.publish()
        except ArtifactStoreError as error:
            raise _translated(error) from error

    async def log_artifact_from_async_stream(
        self,
        chunks: AsyncIterable[bytes],
        artifact_file_name: str,
        artifact_path: str | None = None,
    ) -> None:
        """Store what a stream of a request holds."""
        writer = self._create(artifact_file_name, artifact_path)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(writer.write, chunk)
            await asyncio.to_thread(writer.publish)
        except ArtifactStoreError as error:
            raise _translated(error) from error

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly below a directory."""
        try:
            found = self._artifacts.list(self._path(path))
        except ArtifactStoreError as error:
            raise _translated(error) from error
        skipped = len(self._below) + 1 if self._below else 0
        return [FileInfo(each.path[skipped:], each.size is None, each.size) for each in found]

    def get_local_path(self, artifact_path: str) -> str | None:
        """Return some directory for a directory, and nothing for a file, which has no path.

        MLflow's server only asks which of the two a path is.

        Raises:
            MlflowException: there is neither.
        """
        path = self._path(artifact_path)
        try:
            if path and self._artifacts.open(path) is not None:
                return None
        except ArtifactStoreError as error:
            raise _translated(error) from error
        if not path or self._artifacts.is_directory(path):
            return tempfile.gettempdir()
        raise MlflowException(
            f"No such artifact: '{artifact_path}'", error_code=RESOURCE_DOES_NOT_EXIST
        )

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Fetch a file, or all below a directory; where no place is named, as a local path is."""
        if dst_path is None:
            self.get_local_path(artifact_path)  # says what is not there
        fetched: str = super().download_artifacts(artifact_path, dst_path)
        return fetched

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file, or all below a directory; not all of a store.

        Raises:
            MlflowException: it cannot be deleted.
        """
        path = self._path(artifact_path)
        if not path:
            raise MlflowException.invalid_parameter_value("Invalid path")
        try:
            self._artifacts.delete(path)
        except ArtifactStoreError as error:
            raise _translated(error) from error

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        try:
            path = os.path.normpath(remote_file_path)
            found = self._artifacts.open(self._path(path))
            if found is None:
                raise MlflowException(
                    f"No such artifact: '{path}'", error_code=RESOURCE_DOES_NOT_EXIST
                )
            with Path(local_path).open("wb") as file:
                file.writelines(found.read())
        except ArtifactStoreError as error:
            raise _translated(error) from error

    def _create(self, file_name: str, artifact_path: str | None) -> FileWriter:
        verify_artifact_path(artifact_path)
        name = Path(file_name).name
        try:
            return self._artifacts.create(
                self._path(f"{artifact_path}/{name}" if artifact_path else name)
            )
        except InvalidParameterError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _path(self, path: str | None) -> str:
        """Return where something is in the store; empty for the whole of it."""
        normal = os.path.normpath("/".join(part for part in (self._below, path) if part) or ".")
        return "" if normal == "." else normal


def _located(uri: str) -> tuple[Artifacts, str]:
    """Open the store that a place is in, and return where the place is there."""
    if uri.startswith(f"{BUCKET_SCHEME}:"):
        bucket, below = find_root(store_bucket(uri))
        at = f"{bucket.name}/{bucket.prefix}" if bucket.prefix else bucket.name
        return open_uri(f"{BUCKET_SCHEME}://{at}"), below
    directory = store_directory(uri)
    for root in (directory, *directory.parents):
        if (root / STORE_DIRECTORY).is_dir():
            below = directory.relative_to(root).as_posix()
            return open_directory(root), "" if below == "." else below
    return open_directory(directory), ""


def _translated(error: ArtifactStoreError) -> MlflowException:
    if isinstance(error, StoreUnavailableError):
        return MlflowException(str(error), error_code=TEMPORARILY_UNAVAILABLE)
    return MlflowException(str(error))
