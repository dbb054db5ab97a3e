"""MLflow's client of a server's artifacts, which sends and fetches only what is not there already.

Where the server is Headwater's and has an artifact store; else all is as in MLflow.
"""

import errno
import uuid
from contextvars import ContextVar
from pathlib import Path

from mlflow.store.artifact.artifact_repo import verify_artifact_path
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

from headwater.mlflow_plugin.artifact_cache import ArtifactCache, default_cache
from headwater.mlflow_plugin.artifact_server import ArtifactServer, ReplacedError
from headwater.mlflow_plugin.cache_use import CacheUse, current_use
from headwater.mlflow_plugin.download import DamagedError, fetch
from headwater.mlflow_plugin.upload import upload
from headwater.wire.artifact_file import SMALL_FILE

declared_base: ContextVar[str | None] = ContextVar("headwater_base", default=None)
"""Path, in the store, of the predecessor of what is logged, or of the directory of that."""

_ATTEMPTS = 3
"""To fetch a file that is replaced meanwhile."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class FastArtifactsRepository(MlflowArtifactsRepository):
    """Artifacts of a server, below a URI."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        self._server = ArtifactServer(self.artifact_uri)
        self._cache: ArtifactCache | None = None
        self._use: CacheUse | None = None

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a local file."""
        file = Path(local_file)
        path = self._server.path(artifact_path, file.name)
        if path is None or not self._is_large(file):
            super().log_artifact(local_file, artifact_path)
            return
        verify_artifact_path(artifact_path)
        upload(self._server, file, path, declared_base.get())

    def _is_large(self, file: Path) -> bool:
        """Say whether a file goes in chunks, of which the server may have some."""
        return file.stat().st_size > SMALL_FILE and self._server.has_store()

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Fetch a file, or all below a directory."""
        # Here and not for each file, which MLflow does on threads of its own.
        self._use = current_use()
        self._cache = default_cache(links=self._use is not None)
        fetched: str = super().download_artifacts(artifact_path, dst_path)
        return fetched

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        path = self._server.path(remote_file_path)
        if path is not None and self._server.has_store():
            for attempt in range(_ATTEMPTS):
                found = self._server.described(path)
                if found is None:
                    break
                try:
                    self._obtain(path, *found, Path(local_path))
                except ReplacedError:
                    if attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return
        super()._download_file(remote_file_path, local_path)

    def _obtain(self, path: str, digest: str, size: int, target: Path) -> None:
        """Put a file into place, and note what of it had to be fetched."""
        was_there = self._place(path, digest, size, target)
        if self._use is not None:
            self._use.note(size, 0 if was_there else size)

    def _place(self, path: str, digest: str, size: int, target: Path) -> bool:
        """Put a file into place, and say whether nothing of it had to be fetched."""
        if self._cache is None:
            self._cache = default_cache()
        if self._cache.place(digest, size, target):
            return True
        try:
            is_mine = self._fetch_into_cache(path, digest, size)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            self._cache.discard(digest)  # there may be room where it is wanted
            is_mine = True
        if not self._cache.place(digest, size, target):
            self._fetch_beside(path, digest, size, target)
            return False
        return not is_mine

    def _fetch_into_cache(self, path: str, digest: str, size: int) -> bool:
        """Fetch a file unless another process does, and say whether it was done here."""
        assert self._cache is not None
        with self._cache.fetching(digest, size) as draft:
            if draft is None:
                return False
            try:
                fetch(self._server, path, digest, size, draft.path, draft.done, draft.note)
            except DamagedError:
                if not draft.done:
                    self._cache.discard(digest)
                    raise
                # What an earlier process has left was no good.
                draft.path.write_bytes(b"")
                fetch(self._server, path, digest, size, draft.path)
        return True

    def _fetch_beside(self, path: str, digest: str, size: int, target: Path) -> None:
        draft = target.with_name(f".{uuid.uuid4().hex}")
        try:
            fetch(self._server, path, digest, size, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
