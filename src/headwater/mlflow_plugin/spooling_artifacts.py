"""Artifacts of a server that is reached through a spool: where it is away, they wait there."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import verify_artifact_path
from mlflow.utils.mime_type_utils import _guess_mime_type

from headwater.client.settings import http_uri
from headwater.client.spool.outbox import Request
from headwater.client.spool.session import session_for
from headwater.mlflow_plugin.artifact_server import ROUTE
from headwater.mlflow_plugin.delivery import RETRIES, SETTLE_SECONDS, deliver
from headwater.mlflow_plugin.fast_artifacts import FastArtifactsRepository


class SpoolingArtifactsRepository(FastArtifactsRepository):
    """Sends what it is given, or keeps it in this process's spool to be sent later."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str, registry_uri: str | None = None
    ) -> None:
        """`tracking_uri` is one with a ``headwater`` scheme."""
        super().__init__(artifact_uri, http_uri(tracking_uri), registry_uri)
        self._session = session_for(tracking_uri)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a local file, now or when the server is back."""
        verify_artifact_path(artifact_path)
        file = Path(local_file)
        path = self._server.place(artifact_path, file.name)
        kind = _guess_mime_type(file.name)
        request = Request("PUT", f"{ROUTE}/{quote(path)}", f"artifact {path}", content_type=kind)
        deliver(
            self._session,
            lambda: self._send(file, artifact_path, path),
            lambda: self._session.outbox.add(request, file),
        )

    def _send(self, file: Path, artifact_path: str | None, path: str) -> None:
        with self._server.trying(RETRIES):
            if self._is_large(file):
                super().log_artifact(str(file), artifact_path)
            else:
                self._server.put(path, file, _guess_mime_type(file.name))

    def list_artifacts(self, path: str | None = None) -> Any:
        """List what the server has, unless some of it still waits to be sent."""
        self._settle(path)
        return super().list_artifacts(path)

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Fetch a file, or all below a directory, unless some of it still waits to be sent."""
        self._settle(artifact_path)
        return super().download_artifacts(artifact_path, dst_path)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file, or all below a directory, unless some of it still waits to be sent."""
        self._settle(artifact_path)
        super().delete_artifacts(artifact_path)

    def _settle(self, path: str | None) -> None:
        """Wait until what was logged at a path, or below it, has been sent.

        Raises:
            MlflowException: it still waits.
        """
        if not self._session.has_waiting() or self._session.flush(SETTLE_SECONDS):
            return
        outbox = self._session.outbox
        place = f"{ROUTE}/{self._server.place(path)}"
        waiting = [
            each
            for each in map(unquote, outbox.waiting_paths())
            if f"{each}/".startswith(f"{place.rstrip('/')}/")
        ]
        if waiting:
            raise MlflowException(
                f"{waiting[0].removeprefix(f'{ROUTE}/')} has not reached the server yet and waits "
                f"in {outbox.path}; it can be read when the server has it"
            )
