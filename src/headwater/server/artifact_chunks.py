"""Artifacts in chunks, for clients with Headwater installed: what is there is not sent again."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs

import zstandard
from starlette.types import Message, Receive, Scope, Send

from headwater.errors import (
    ConflictError,
    HeadwaterError,
    InvalidParameterError,
    NotFoundError,
    QuotaExceededError,
)
from headwater.server.artifact_quotas import Admission, QuotaGuard
from headwater.server.artifact_threads import in_thread, transferring
from headwater.server.body import ClientDisconnectedError, drain, read_body
from headwater.server.errors import answer_for
from headwater.server.routes import OWN_API
from headwater.server.send import JSON, send_error, send_whole
from headwater.storage.artifacts.overlay import STORE_DIRECTORY, Artifacts
from headwater.storage.artifacts.store import FileAssembly, Likeness
from headwater.storage.artifacts.tensor_layout import Tensor
from headwater.wire.artifact_file import (
    HASH_BYTES,
    LARGEST_CHUNK,
    MOST_HASHES,
    Opening,
    Read,
    is_plain_path,
    read_content,
    read_opening,
)

_logger = logging.getLogger(__name__)
_LONGEST_NUMBER = 18
_NO_COPY = "No file in the store is made of these chunks"


class ArtifactChunks:
    """An ASGI application for the routes below headwater/artifacts."""

    def __init__(self, artifacts: Artifacts, static_prefix: str, quotas: QuotaGuard) -> None:
        self._artifacts = artifacts
        self._quotas = quotas
        self._prefix = f"{static_prefix}{OWN_API}/artifacts/"

    def holds(self, path: str) -> bool:
        """Say whether a path is one of the routes'."""
        return path.startswith(self._prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            answer = await self._answer(scope, receive)
        except ClientDisconnectedError:
            return
        except HeadwaterError as error:
            found = answer_for(error)
            if found.status >= 500:
                _logger.error("%s %s: %s", scope["method"], scope["path"], error)
            await send_error(send, found)
            return
        await send_whole(send, 200, [JSON], json.dumps(answer).encode())

    async def _answer(self, scope: Scope, receive: Receive) -> object:
        verb = scope["method"], str(scope["path"]).removeprefix(self._prefix)
        if verb == ("POST", "missing"):
            return await self._missing(receive)
        if verb == ("GET", "file"):
            path = _path(scope)
            return await in_thread(lambda: self._find(path))
        if verb == ("GET", "copy"):
            size = _number(scope, "size")
            return {"lengths": await in_thread(lambda: self._artifacts.store.cuts(size))}
        if verb == ("POST", "copy"):
            return await self._copy(_path(scope), _recipe(scope))
        if verb in (("PUT", "file"), ("PUT", "part")):
            path, base = _path(scope), _path(scope, "base") or None
            body = _Body(receive, asyncio.get_running_loop())
            store = self._store if verb[1] == "file" else self._keep
            with transferring():
                opening = await in_thread(lambda: read_opening(body.read))
                admitted = self._admitted(path, opening.described.least, body, verb[1] == "file")
                with await admitted:
                    return await in_thread(lambda: store(path, base, opening, body.read))
        raise NotFoundError(f"There is no {verb[0]} {scope['path']}")

    async def _admitted(self, path: str, size: int, body: "_Body", publishes: bool) -> Admission:
        try:
            return await self._quotas.admit(path, size, publishes=publishes)
        except QuotaExceededError:
            await body.drain()
            raise

    async def _missing(self, receive: Receive) -> object:
        body, is_whole = await read_body(receive)
        if not is_whole or len(body) % HASH_BYTES or len(body) > MOST_HASHES * HASH_BYTES:
            raise InvalidParameterError(f"The body must be at most {MOST_HASHES:,} hashes")
        digests = [body[at : at + HASH_BYTES] for at in range(0, len(body), HASH_BYTES)]
        missing = await in_thread(lambda: self._artifacts.store.missing(digests))
        return {"missing": missing}

    def _find(self, path: str) -> object:
        found = self._artifacts.store.find(path)
        if found is None:
            raise NotFoundError(f"No such artifact in the store: '{path}'")
        return {"size": found.size, "digest": found.digest.hex()}

    async def _copy(self, path: str, recipe: bytes) -> object:
        size = await in_thread(lambda: self._artifacts.store.size_of(recipe))
        if size is not None:
            with await self._quotas.admit(path, size):
                stored = await in_thread(lambda: self._artifacts.copy(path, recipe))
                if stored is None:
                    raise NotFoundError(_NO_COPY)
                return {"size": stored.head.size, "new_bytes": stored.new_bytes}
        raise NotFoundError(_NO_COPY)

    def _store(self, path: str, base: str | None, opening: Opening, read: Read) -> object:
        """Store a file of which the body has what is missing."""
        assembly, tensors = self._assembly(path, base, opening)
        for digest, length, tensor, content in _contents(opening, tensors, read):
            if content is not None:
                _take(assembly, digest, content, tensor)
            elif not assembly.refer(digest, length):
                raise ConflictError(
                    "A chunk that was there is not any more; ask again which are missing"
                )
        stored = assembly.publish(bytes.fromhex(opening.described.digest), tensors)
        return {"size": stored.head.size, "new_bytes": stored.new_bytes}

    def _keep(self, path: str, base: str | None, opening: Opening, read: Read) -> object:
        """Keep the chunks of a part of a file, which comes later."""
        assembly, tensors = self._assembly(path, base, opening)
        assembly.skip(opening.described.start)
        for digest, length, tensor, content in _contents(opening, tensors, read):
            if content is None:
                assembly.skip(length)
            else:
                _take(assembly, digest, content, tensor)
        assembly.keep()
        return {}

    def _assembly(
        self, path: str, base: str | None, opening: Opening
    ) -> tuple[FileAssembly, list[Tensor]]:
        tensors = [Tensor(*each) for each in opening.described.tensors]
        likeness = Likeness(tensors[0] if tensors else None, base)
        return self._artifacts.assemble(path, likeness), tensors


def _contents(
    opening: Opening, tensors: Sequence[Tensor], read: Read
) -> Iterator[tuple[bytes, int, Tensor | None, bytes | None]]:
    """Yield hash, length, tensor and content of each chunk; None where that does not follow.

    Raises:
        InvalidParameterError: it is not what it should be.
    """
    decompressor = zstandard.ZstdDecompressor()
    for digest, length, number, follows in opening.rows.tolist():
        tensor = tensors[number] if number >= 0 else None
        if not follows:
            yield digest, length, tensor, None
            continue
        try:
            content = decompressor.decompress(read_content(read), max_output_size=LARGEST_CHUNK)
        except zstandard.ZstdError as error:
            raise InvalidParameterError(f"A chunk cannot be decompressed: {error}") from error
        if len(content) != length:
            raise InvalidParameterError("The content of a chunk does not have its length")
        yield digest, length, tensor, content


def _take(assembly: FileAssembly, digest: bytes, content: bytes, tensor: Tensor | None) -> None:
    if not assembly.take(digest, memoryview(content), tensor):
        raise InvalidParameterError("The content of a chunk does not have its hash")


class _Body:
    """A request's body, for a thread that reads it piece by piece."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._buffer = bytearray()
        self._more = True

    async def drain(self) -> None:
        """Read what is left, and forget it."""
        if self._more:
            await drain(self._receive)

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes.

        Raises:
            InvalidParameterError: the body ends before.
            ClientDisconnectedError: the client has gone away.
        """
        while len(self._buffer) < size and self._more:
            message = asyncio.run_coroutine_threadsafe(_next(self._receive), self._loop).result()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            self._buffer += message.get("body", b"")
            self._more = message.get("more_body", False)
        if len(self._buffer) < size:
            raise InvalidParameterError("The body is cut off")
        content = bytes(self._buffer[:size])
        del self._buffer[:size]
        return content


async def _next(receive: Receive) -> Message:
    return await receive()


def _query(scope: Scope, name: str) -> str:
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return str(query.get(name, [""])[0])


def _path(scope: Scope, name: str = "path") -> str:
    """Return an artifact's path; the base may be left out."""
    path = _query(scope, name)
    if not path and name == "base":
        return ""
    if not is_plain_path(path) or path.partition("/")[0] == STORE_DIRECTORY:
        raise InvalidParameterError(f"Invalid value for parameter '{name}': Invalid path")
    return path


def _number(scope: Scope, name: str) -> int:
    text = _query(scope, name)
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise InvalidParameterError(f"Invalid value for parameter '{name}': no number of bytes")
    return int(text)


def _recipe(scope: Scope) -> bytes:
    try:
        recipe = bytes.fromhex(_query(scope, "recipe"))
    except ValueError:
        recipe = b""
    if len(recipe) != HASH_BYTES:
        raise InvalidParameterError(
            "Invalid value for parameter 'recipe': no BLAKE3 in hexadecimal"
        )
    return recipe
