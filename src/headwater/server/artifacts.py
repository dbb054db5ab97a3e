"""Artifacts over HTTP: MLflow's ``mlflow-artifacts`` routes on the artifact store.

Ordinary requests are answered here, as streams. All others are MLflow's to answer, whose own code
works on the same store: odd paths, files that are not there, directories, multipart uploads.
"""

import asyncio
import json
import logging
import posixpath
import re
import threading
import unicodedata
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.errors import ArtifactStoreError, HeadwaterError, QuotaExceededError
from headwater.server.artifact_chunks import ArtifactChunks
from headwater.server.artifact_quotas import Admission, QuotaGuard, declared_length
from headwater.server.artifact_threads import in_thread, start, transferring
from headwater.server.body import ClientDisconnectedError, drain
from headwater.server.errors import STOPPING, answer_for
from headwater.server.send import JSON, send_error, send_whole
from headwater.storage.artifacts.cut import Bytes
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts, Opened, media_type
from headwater.storage.artifacts.store import ArtifactStore, FileWriter, Listed
from headwater.wire.artifact_file import is_plain_path

_logger = logging.getLogger(__name__)

_ROUTES = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
_BLOCK = 2 * 1024 * 1024
UNGUARDED_SEND = "headwater.send"
"""Scope key of the `send` that bypasses our middleware: MLflow's answers carry its own headers."""

_RANGE = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")


@dataclass(frozen=True, slots=True)
class _Range:
    """Part of a file that is wanted."""

    start: int
    end: int


class ArtifactRoutes:
    """An ASGI application for the routes; `upstream` answers what is not ordinary."""

    def __init__(
        self,
        artifacts: Artifacts,
        static_prefix: str,
        upstream: ASGIApp,
        *,
        empty_put: bool,
        quotas: QuotaGuard | None = None,
        quotes_names: bool = True,
        nosniff: bool = True,
    ) -> None:
        """Take how the release of MLflow answers.

        `empty_put`: an upload with nothing, where older ones answer ``{}``. `quotes_names`: with
        quotes around odd names of files. `nosniff`: no middleware adds that header to all answers.
        """
        self._quotes_names = quotes_names
        self._more_headers = [(b"x-content-type-options", b"nosniff")] if nosniff else []
        self._artifacts = artifacts
        self._prefixes = tuple(f"{static_prefix}{route}" for route in _ROUTES)
        self._upstream = upstream
        self._empty_put = empty_put
        self._quotas = quotas or QuotaGuard(artifacts.store)
        self._chunks = ArtifactChunks(artifacts, static_prefix, self._quotas)

    @property
    def store(self) -> ArtifactStore:
        """Return what the artifacts are kept in."""
        return self._artifacts.store

    def holds(self, path: str) -> bool:
        """Say whether a path is one of the routes'."""
        return path.startswith(self._prefixes) or self._chunks.holds(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            if scope["method"] != "PUT":
                raise
            # The server does not wait for it any longer; nothing is half there.
            _logger.warning("the upload to %s was cut off: the server is stopping", scope["path"])
            await send_error(send, STOPPING)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._chunks.holds(scope["path"]):
            await self._chunks(scope, receive, send)
            return
        method, path = scope["method"], self._artifact(scope)
        if path == "" and method == "GET":
            await self._list(scope, receive, send)
        elif method == "PUT" and path is None:
            await self._upload_oddly(scope, receive, send)
        elif not path:
            await self._hand_over(scope, receive, send)
        elif method == "PUT":
            await self._upload(path, scope, receive, send)
        elif method == "GET":
            await self._download(path, scope, receive, send)
        elif method == "DELETE" and not scope["query_string"]:
            await self._delete(path, scope, receive, send)
        else:
            await self._hand_over(scope, receive, send)

    async def _hand_over(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._upstream(scope, receive, scope.get(UNGUARDED_SEND, send))

    def _artifact(self, scope: Scope) -> str | None:
        """Return the artifact that a request names, "" for none, None for one that is not plain."""
        path: str = scope["path"]
        prefix = next(each for each in self._prefixes if path.startswith(each))
        rest = path[len(prefix) :]
        if rest == "":
            return ""
        if not rest.startswith("/") or b"%25" in scope.get("raw_path", b""):
            return None
        return _plain(rest[1:])

    async def _list(self, scope: Scope, receive: Receive, send: Send) -> None:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        path = _plain(pairs[0][1]) if len(pairs) == 1 and pairs[0][0] == "path" else None
        if pairs and path is None:
            await self._hand_over(scope, receive, send)
            return
        try:
            found = await in_thread(lambda: self._artifacts.list(path or ""))
        except ArtifactStoreError as error:
            await _fail(send, error)
            return
        files = [_listed(each) for each in found]
        await _answer_json(send, {"files": files} if files else {})

    async def _upload(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if b"content-encoding" in headers or scope["query_string"]:
            await self._upload_oddly(scope, receive, send)
            return
        try:
            with await self._admitted(path, scope, receive) as admission:
                writer = await in_thread(lambda: self._artifacts.create(path))
                with transferring():
                    await _write(writer, admission.counting(receive))
        except ClientDisconnectedError:
            return
        except HeadwaterError as error:
            await _fail(send, error)
            return
        if self._empty_put:
            await send_whole(send, 200, [], b"")
        else:
            await _answer_json(send, {})

    async def _upload_oddly(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have MLflow's own code store a file, as far as the limits allow what is declared."""
        path: str = scope["path"]
        prefix = next(each for each in self._prefixes if path.startswith(each))
        place = posixpath.normpath("/" + unquote(path[len(prefix) :])).strip("/")
        try:
            admission = await self._admitted(place, scope, receive, publishes=False)
        except HeadwaterError as error:
            await _fail(send, error)
            return
        with admission:
            await self._hand_over(scope, receive, send)
        self._quotas.tell_stored(place)

    async def _admitted(
        self, path: str, scope: Scope, receive: Receive, *, publishes: bool = True
    ) -> Admission:
        """Let a file of the declared length in. Raises as `QuotaGuard.admit`."""
        try:
            return await self._quotas.admit(path, declared_length(scope), publishes=publishes)
        except QuotaExceededError:
            await drain(receive)
            raise

    async def _download(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            found = await in_thread(lambda: self._artifacts.open(path))
        except ArtifactStoreError as error:
            await _fail(send, error)
            return
        if found is None:
            await self._hand_over(scope, receive, send)
            return
        tag = f'"{found.tag}"'.encode()
        described = [
            (b"content-type", media_type(path).encode()),
            (b"content-disposition", self._disposition(path.rpartition("/")[2]).encode()),
            *self._more_headers,
            (b"accept-ranges", b"bytes"),
            (b"etag", tag),
        ]
        if headers.get(b"if-none-match") == tag:
            await send_whole(send, 304, described, b"")
            return
        wanted = _range(headers, found.size, tag)
        if wanted is None:
            await send_whole(send, 416, [(b"content-range", f"bytes */{found.size}".encode())], b"")
            return
        with transferring():
            await _stream(receive, send, found, wanted, described, is_part=b"range" in headers)

    def _disposition(self, name: str) -> str:
        return content_disposition(name) if self._quotes_names else f"attachment; filename={name}"

    async def _delete(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            count = await in_thread(lambda: self._artifacts.delete(path))
        except ArtifactStoreError as error:
            await _fail(send, error)
            return
        if count:
            self._quotas.tell_deleted(path)
            await _answer_json(send, {})
        else:
            await self._hand_over(scope, receive, send)


def _listed(found: Listed) -> dict[str, object]:
    """Return an entry of a listing as MLflow has it, which tells no size of an empty file."""
    size = {"file_size": found.size} if found.size else {}
    return {"path": found.path.rpartition("/")[2], "is_dir": found.size is None, **size}


def content_disposition(name: str) -> str:
    """Return the header by which MLflow has browsers keep a file. Source: RFC 6266, RFC 5987."""
    if name.isascii():
        return f"attachment; filename={_quoted(name)}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "download"
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return f"attachment; filename={_quoted(plain)}; filename*=UTF-8''{encoded}"


def _quoted(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(path: str) -> str | None:
    """Return the path if nothing about it needs MLflow's rules."""
    is_own = path.partition("/")[0] == STORE_DIRECTORY
    return path if is_plain_path(path) and not is_own else None


def _range(headers: dict[bytes, bytes], size: int, tag: bytes) -> _Range | None:
    """Return what part is wanted; all of it where the range is not one; None: there is no such."""
    given = headers.get(b"range")
    found = _RANGE.fullmatch(given) if given else None
    if found is None or found[0] == b"bytes=-" or headers.get(b"if-range", tag) != tag:
        return _Range(0, size)
    first, last = found[1], found[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return _Range(start, end) if start < end else None


async def _write(writer: FileWriter, receive: Receive) -> None:
    """Store a request's body; one block is stored while the next one comes in."""
    storing: asyncio.Future[None] | None = None
    block: list[bytes] = []
    size = 0
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            body = message.get("body", b"")
            block.append(body)
            size += len(body)
            more = message.get("more_body", False)
            if size >= _BLOCK or not more:
                if storing is not None:
                    await storing
                storing = start(lambda block=block: _store(writer, block))  # type: ignore[misc]
                block, size = [], 0
        assert storing is not None
        await storing
        storing = None
        await in_thread(writer.publish)
    finally:
        if storing is not None:
            await asyncio.wait([storing])
            storing.exception()


def _store(writer: FileWriter, block: list[bytes]) -> None:
    # As it came: what is cut is joined once, by the cutter.
    for part in block:
        writer.write(part)


async def _stream(
    receive: Receive,
    send: Send,
    found: Opened,
    wanted: _Range,
    described: list[tuple[bytes, bytes]],
    *,
    is_part: bool,
) -> None:
    status = 200
    headers = [(b"content-length", str(wanted.end - wanted.start).encode()), *described]
    if is_part and (wanted.start, wanted.end) != (0, found.size):
        status = 206
        part = f"bytes {wanted.start}-{wanted.end - 1}/{found.size}"
        headers.append((b"content-range", part.encode()))
    blocks = _Blocks(found.read(wanted.start, wanted.end))
    gone = asyncio.ensure_future(_gone(receive))
    try:
        try:
            block = await start(blocks.next)
        except ArtifactStoreError as error:  # before anything is sent
            await _fail(send, error)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        while block and not gone.done():
            reading = start(blocks.next)
            await send({"type": "http.response.body", "body": block, "more_body": True})
            try:
                block = await reading
            except ArtifactStoreError as error:
                # The status is out: an unfinished body is what tells the client.
                _logger.error("%s", error)
                raise
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        await in_thread(blocks.close)


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Blocks:
    """A file's content in pieces worth sending; any thread."""

    def __init__(self, content: Generator[Bytes, None, None]) -> None:
        self._content = content
        self._lock = threading.Lock()

    def next(self) -> bytes:
        """Return the next piece, nothing at the end."""
        parts, size = [], 0
        with self._lock:
            for part in self._content:
                parts.append(part)
                size += len(part)
                if size >= _BLOCK:
                    break
        return b"".join(parts)

    def close(self) -> None:
        """End what is read ahead, once nobody reads any more."""
        with self._lock:
            self._content.close()


async def _fail(send: Send, error: HeadwaterError) -> None:
    answer = answer_for(error)
    if answer.status >= 500:
        _logger.error("artifacts: %s", error)
    await send_error(send, answer)


async def _answer_json(send: Send, value: object) -> None:
    await send_whole(send, 200, [JSON], json.dumps(value, indent=2).encode())
