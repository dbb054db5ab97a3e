"""Requests to the artifact store of a server, with MLflow's settings for authentication and TLS."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import augmented_raise_for_status, http_request

from headwater.client.connection import OWN_API
from headwater.wire.artifact_file import LARGEST_CHUNK, MOST_HASHES, is_plain_path

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
"""Of MLflow's own, behind whatever prefix a server has."""

_FOUND, _PARTIAL = 200, 206
_TOO_LARGE = 413


class ReplacedError(MlflowException):
    """A file has another content by now."""


class NotReadyError(MlflowException):
    """The server, or a proxy before it, says that it is not ready."""


class ArtifactServer:
    """The server behind the URI of an artifact repository."""

    def __init__(self, artifact_uri: str) -> None:
        before, _, below = artifact_uri.partition(ROUTE)
        self._root = before.rstrip("/")
        self._below = below.strip("/")
        self._has_store: bool | None = None
        self._retries: int | None = None

    def path(self, *parts: str | None) -> str | None:
        """Return where something below the repository is in the store; None for an odd path."""
        path = self.place(*parts)
        return path if is_plain_path(path) else None

    def place(self, *parts: str | None) -> str:
        """Return where something below the repository is, plain or odd."""
        return "/".join(part.strip("/") for part in (self._below, *parts) if part)

    def has_store(self) -> bool:
        """Say whether it is Headwater's and keeps artifacts in chunks."""
        if self._has_store is None:
            self._has_store = self.request("POST", "missing", data=b"").status_code == _FOUND
        return self._has_store

    @contextmanager
    def trying(self, retries: int) -> Iterator[None]:
        """Repeat requests so many times only that fail meanwhile, of any thread."""
        before, self._retries = self._retries, retries
        try:
            yield
        finally:
            self._retries = before

    def put(self, path: str, file: Path, content_type: str) -> None:
        """Store a file as MLflow's client does.

        Raises:
            MlflowException: the server cannot be reached.
            requests.HTTPError: it does not take the file.
        """
        with file.open("rb") as opened:
            answer = http_request(
                get_default_host_creds(self._root),
                f"{ROUTE}/{quote(path)}",
                "PUT",
                data=opened,
                extra_headers={"Content-Type": content_type},
                max_retries=self._retries,
                raise_on_status=False,
            )
        augmented_raise_for_status(answer)

    def described(self, path: str) -> tuple[str, int] | None:
        """Return digest and size of a file; None where it is in no store."""
        answer = self.request("GET", "file", {"path": path})
        if answer.status_code != _FOUND:
            return None
        found = answer.json()
        return str(found["digest"]), int(found["size"])

    def missing(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return the hashes of chunks that the server lacks."""
        missing: set[bytes] = set()
        for first in range(0, len(digests), MOST_HASHES):
            some = digests[first : first + MOST_HASHES]
            answer = self.request("POST", "missing", data=b"".join(some))
            augmented_raise_for_status(answer)
            missing.update(some[number] for number in answer.json()["missing"])
        return missing

    def cuts(self, size: int) -> list[list[int]]:
        """Return the lengths of the chunks of files of so many bytes that the server has."""
        answer = self.request("GET", "copy", {"size": str(size)})
        found: list[list[int]] = answer.json()["lengths"] if answer.status_code == _FOUND else []
        return [
            each
            for each in found
            if sum(each) == size and min(each) > 0 and max(each) <= LARGEST_CHUNK
        ]

    def copy(self, path: str, recipe: bytes) -> bool:
        """Have the server store the file of these chunks, and say whether it could.

        Raises:
            requests.HTTPError: a limit does not allow the file.
        """
        answer = self.request("POST", "copy", {"path": path, "recipe": recipe.hex()})
        if answer.status_code == _TOO_LARGE:
            augmented_raise_for_status(answer)
        return bool(answer.status_code == _FOUND)

    def open(self, path: str, digest: str, start: int, end: int) -> Any:
        """Return a response that yields the bytes from `start` to before `end`; close it.

        Raises:
            ReplacedError: the file is not this one any more.
            requests.HTTPError: there is none.
        """
        answer = http_request(
            get_default_host_creds(self._root),
            f"{ROUTE}/{quote(path)}",
            "GET",
            extra_headers={
                "Range": f"bytes={start}-{end - 1}",
                "If-Range": f'"{digest}"',
                "Accept-Encoding": "identity",
            },
            stream=True,
            raise_on_status=False,
        )
        is_whole = answer.status_code == _FOUND and answer.headers.get("ETag") == f'"{digest}"'
        if answer.status_code == _PARTIAL or (is_whole and start == 0):
            return answer
        answer.close()
        augmented_raise_for_status(answer)
        raise ReplacedError(f"{path} was replaced while it was fetched")

    def request(
        self, method: str, verb: str, query: dict[str, str] | None = None, **options: Any
    ) -> Any:
        """Send a request to a route of Headwater's; return any answer that there is."""
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        options.setdefault("max_retries", self._retries)
        return http_request(
            get_default_host_creds(self._root),
            f"{OWN_API}/artifacts/{verb}{asked}",
            method,
            raise_on_status=False,
            **options,
        )
