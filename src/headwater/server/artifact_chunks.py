"""Artifacts in chunks, for clients with Headwater installed: what is there is not sent again."""

import asyncio
import json
import logging
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
        if verb == ("PUT", "file"):
            path, loop = _path(scope), asyncio.get_running_loop()
            body = _Body(receive, loop)
            with transferring():
                opening = await in_thread(lambda: read_opening(body.read))
                with await self._admitted(path, opening.described.size, body):
                    return await in_thread(lambda: self._store(path, opening, body.read))
        raise NotFoundError(f"There is no {verb[0]} {scope['path']}")

    async def _admitted(self, path: str, size: int, body: "_Body") -> Admission:
        try:
            return await self._quotas.admit(path, size)
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

    def _store(self, path: str, opening: Opening, read: Read) -> object:
        """Store a file of which the body has what is missing."""
        described = opening.described
        tensors = [Tensor(*each) for each in described.tensors]
        assembly = self._artifacts.assemble(path)
        decompressor = zstandard.ZstdDecompressor()
        for digest, length, number, follows in opening.rows.tolist():
            if not follows:
                if not assembly.refer(digest, length):
                    raise ConflictError(
                        "A chunk that was there is not any more; ask again which are missing"
                    )
                continue
            try:
                content = decompressor.decompress(read_content(read), max_output_size=LARGEST_CHUNK)
            except zstandard.ZstdError as error:
                raise InvalidParameterError(f"A chunk cannot be decompressed: {error}") from error
            if len(content) != length or not assembly.take(
                digest, memoryview(content), tensors[number] if number >= 0 else None
            ):
                raise InvalidParameterError("The content of a chunk does not have its hash")
        stored = assembly.publish(bytes.fromhex(described.digest), tensors)
        return {"size": stored.head.size, "new_bytes": stored.new_bytes}


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


def _path(scope: Scope) -> str:
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = str(query.get("path", [""])[0])
    if not is_plain_path(path) or path.partition("/")[0] == STORE_DIRECTORY:
        raise InvalidParameterError("Invalid value for parameter 'path': Invalid path")
    return path
