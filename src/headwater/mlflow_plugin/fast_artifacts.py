"""MLflow's client of a server's artifacts, which sends and fetches only what is not there already.

Where the server is Headwater's and has an artifact store; else all is as in MLflow.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import zstandard
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import verify_artifact_path
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import augmented_raise_for_status, http_request

from headwater.mlflow_plugin.artifact_cache import ArtifactCache, default_cache
from headwater.storage.artifacts.cut_file import CutFile, cut_file
from headwater.wire.artifact_file import (
    CONTENT_TYPE,
    HASH_BYTES,
    MOST_HASHES,
    ROW,
    Described,
    encode_content,
    encode_opening,
    is_plain_path,
)

_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
_OWN = "/api/2.0/headwater/artifacts"
_SMALL = 256 * 1024
"""Files up to this size go as MLflow sends them: asking what is missing would take longer."""

_ATTEMPTS = 4
_DELAY = 1.0
_LEVEL = 1
_CONFLICT = 409


class FastArtifactsRepository(MlflowArtifactsRepository):
    """Artifacts of a server, below a URI."""

    _has_store: bool | None = None
    _cache: ArtifactCache | None = None

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a local file."""
        path = Path(local_file)
        name = "/".join(part for part in (self._below, artifact_path, path.name) if part)
        is_usual = is_plain_path(name) and path.stat().st_size > _SMALL
        if not is_usual or not self._server_has_store():
            super().log_artifact(local_file, artifact_path)
            return
        verify_artifact_path(artifact_path)
        with cut_file(path) as cut:
            for attempt in range(_ATTEMPTS):
                try:
                    answer = self._request(
                        "PUT",
                        f"file?path={quote(name)}",
                        data=_body(cut, self._missing(cut)),
                        extra_headers={"Content-Type": CONTENT_TYPE},
                        max_retries=0,  # what a body has yielded it cannot yield again
                    )
                except (MlflowException, OSError):
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(_DELAY * 2**attempt)
                    continue
                if answer.status_code != _CONFLICT:
                    break
        augmented_raise_for_status(answer)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        found = self._described(remote_file_path) if self._server_has_store() else None
        if found is None:
            super()._download_file(remote_file_path, local_path)
            return
        if self._cache is None:
            self._cache = default_cache()
        digest, size = found["digest"], int(found["size"])
        if self._cache.place(digest, size, Path(local_path)):
            return
        super()._download_file(remote_file_path, local_path)
        self._cache.keep(digest, size, Path(local_path))

    @property
    def _below(self) -> str:
        """Return where the repository is among the server's artifacts."""
        uri: str = self.artifact_uri
        return uri.partition(_ROUTE)[2].strip("/")

    def _described(self, remote_file_path: str) -> dict[str, Any] | None:
        name = "/".join(part for part in (self._below, remote_file_path) if part)
        answer = self._request("GET", f"file?path={quote(name)}")
        if answer.status_code != 200:
            return None
        found: dict[str, Any] = answer.json()
        return found

    def _server_has_store(self) -> bool:
        if self._has_store is None:
            answer = self._request("POST", "missing", data=b"")
            self._has_store = answer.status_code == 200
        return self._has_store

    def _missing(self, cut: CutFile) -> set[int]:
        """Return the numbers of the chunks that the server lacks, one of each kind."""
        numbers: dict[bytes, int] = {}
        for number, digest in enumerate(cut.digests):
            numbers.setdefault(digest, number)
        digests = list(numbers)
        missing: set[int] = set()
        for first in range(0, len(digests), MOST_HASHES):
            some = digests[first : first + MOST_HASHES]
            answer = self._request("POST", "missing", data=b"".join(some))
            augmented_raise_for_status(answer)
            missing.update(numbers[some[each]] for each in answer.json()["missing"])
        return missing

    def _request(self, method: str, path: str, **options: Any) -> Any:
        return http_request(
            get_default_host_creds(self.artifact_uri.partition(_ROUTE)[0].rstrip("/")),
            f"{_OWN}/{path}",
            method,
            raise_on_status=False,
            **options,
        )


def _body(cut: CutFile, missing: set[int]) -> Iterator[bytes]:
    """Yield the file as the server takes it."""
    rows = np.zeros(len(cut.digests), ROW)
    rows["hash"] = np.frombuffer(b"".join(cut.digests), f"V{HASH_BYTES}")
    rows["length"] = np.diff(cut.starts)
    rows["tensor"] = cut.tensor_numbers
    rows["follows"][sorted(missing)] = 1
    described = Described(
        cut.starts[-1],
        cut.digest.hex(),
        len(cut.digests),
        [(each.name, each.start, each.size) for each in cut.tensors],
    )
    yield encode_opening(described, rows)
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    for number in sorted(missing):
        yield encode_content(compressor.compress(cut.read(number)))
