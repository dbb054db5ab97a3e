"""The front: answers the hot requests itself and hands all others to MLflow's own application.

Raw ASGI, because routing frameworks cost more than the work of a hot request.
"""

import logging
from dataclasses import dataclass
from enum import Enum, auto

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.config import ServerConfig
from headwater.errors import HeadwaterError, NotServedError
from headwater.mlflow_release import MlflowRelease
from headwater.server.artifacts import UNGUARDED_SEND, ArtifactRoutes
from headwater.server.body import LARGEST_BUFFERED, ClientDisconnectedError, read_body, replay
from headwater.server.errors import INTERNAL, STARTING, TOO_LARGE, ErrorAnswer, answer_for
from headwater.server.gate import Gate
from headwater.server.pages.pages import Pages
from headwater.server.rest.request import Content, Handler, Request
from headwater.server.routes import OWN_API, Routes
from headwater.server.security import Headers, Security, refuse_host
from headwater.server.user_interface import UserInterface
from headwater.tracking.service import TrackingService

_logger = logging.getLogger(__name__)

_JSON = (b"content-type", b"application/json")
_JSON_TYPES = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)
_GATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers
    """All but its length."""

    body: bytes

    def complete_headers(self) -> Headers:
        """Return the headers with the length."""
        return [*self.headers, (b"content-length", str(len(self.body)).encode())]


class _Way(Enum):
    """Who answers a request, and behind what."""

    NATIVE = auto()
    GUARDED = auto()
    """We do, behind the middleware for other origins."""

    REFUSED = auto()
    """Nobody: its Host header is not allowed."""

    MLFLOW = auto()
    """MLflow, which reads what is unusual about requests to our routes."""

    OTHER = auto()
    """It is to none of our routes."""


class Front:
    """The ASGI application of `headwater server`, and of MLflow with Headwater as its app.

    `upstream` is MLflow's application or whatever stands for it.
    """

    def __init__(
        self,
        config: ServerConfig,
        release: MlflowRelease,
        routes: Routes,
        gate: Gate,
        upstream: ASGIApp,
        *,
        gate_seconds: float = _GATE_SECONDS,
        artifacts: ArtifactRoutes | None = None,
    ) -> None:
        self._routes = {} if config.workspaces or config.artifacts_only else routes
        self._gate = gate
        self._gate_seconds = gate_seconds
        self._upstream = upstream
        self._security = Security(config.security, config.static_prefix)
        self._interface = UserInterface(release.user_interface, config.static_prefix)
        self._own_api = f"{config.static_prefix}{OWN_API}/"
        self._texts = _texts(config.static_prefix, release)
        self._guarded_native = self._security.wrap(self._native_without_headers)
        self._guarded_page = self._security.wrap(self._page)
        self._artifacts = artifacts
        self._guarded_artifacts = self._security.wrap(artifacts or upstream)
        # They live on native routes: where those are MLflow's, so is the path.
        self._pages = Pages(config.static_prefix) if self._routes else None
        self._guarded_pages = self._security.wrap(self._pages or upstream)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._upstream(scope, receive, send)
            return
        match self._way(scope):
            case _Way.NATIVE:
                handler = self._routes[scope["method"], scope["path"]]
                await self._native(scope, receive, send, handler, self._security.headers)
            case _Way.GUARDED:
                scope[UNGUARDED_SEND] = send
                await self._guarded_native(scope, receive, send)
            case _Way.REFUSED:
                await refuse_host(dict(scope["headers"]).get(b"host"), send)
            case _Way.MLFLOW:
                await self._upstream(scope, receive, send)
            case _Way.OTHER:
                await self._other(scope, receive, send)

    def _way(self, scope: Scope) -> "_Way":
        if (scope["method"], scope["path"]) not in self._routes:
            return _Way.OTHER
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if not self._is_own(scope) and not _is_ordinary(scope, headers):
            return _Way.MLFLOW
        if not self._security.host_allowed(headers.get(b"host")):
            return _Way.REFUSED
        if b"origin" in headers and self._security.enabled:
            return _Way.GUARDED
        return _Way.NATIVE

    def hot(self, scope: Scope) -> Handler | None:
        """Return who answers a request to which no middleware has anything to add; else None."""
        if self._way(scope) is not _Way.NATIVE:
            return None
        return self._routes[scope["method"], scope["path"]]

    async def answer(
        self, handler: Handler, scope: Scope, body: bytes, headers: Headers | None = None
    ) -> Answer | None:
        """Return the answer to a request, or None where it is MLflow's to answer.

        `headers` are those of every answer.
        """
        headers = self._security.headers if headers is None else headers
        service = self._gate.service or await self._gate.passed(self._gate_seconds)
        if service is None:
            return _error(STARTING, headers)
        try:
            answer = await _ask(handler, service, scope, body)
        except NotServedError:
            return None
        if isinstance(answer, ErrorAnswer):
            return _error(answer, headers)
        if isinstance(answer, Content):
            return Answer(200, [(b"content-type", answer.content_type), *headers], answer.body)
        return Answer(200, [_JSON, *headers], answer)

    async def hand_over(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have MLflow answer a request."""
        await self._upstream(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        """Say whether the route is Headwater's: then no request to it is MLflow's to answer."""
        path: str = scope["path"]
        return path.startswith(self._own_api)

    async def _native_without_headers(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._routes[scope["method"], scope["path"]]
        await self._native(scope, receive, send, handler, [])

    async def _native(
        self, scope: Scope, receive: Receive, send: Send, handler: Handler, headers: Headers
    ) -> None:
        try:
            body, complete = await read_body(receive)
        except ClientDisconnectedError:
            return
        if len(body) > LARGEST_BUFFERED and self._is_own(scope):
            await _send(send, _error(TOO_LARGE, headers))
            return
        answer = await self.answer(handler, scope, body, headers) if complete else None
        if answer is not None:
            await _send(send, answer)
            return
        await self._upstream(
            scope, replay(body, complete, receive), scope.get(UNGUARDED_SEND, send)
        )

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not a native route: artifacts and our few pages, else MLflow."""
        path: str = scope["path"]
        if self._artifacts is not None and self._artifacts.holds(path):
            await self._guard(self._guarded_artifacts, scope, receive, send)
        elif self._pages is not None and self._pages.holds(path):
            await self._guard(self._guarded_pages, scope, receive, send)
        elif (scope["method"], path) in self._texts:
            scope[UNGUARDED_SEND] = send
            await self._guarded_page(scope, receive, send)
        elif self._interface.holds(path):
            await self._guard(self._guarded_page, scope, receive, send)
        else:
            await self._upstream(scope, receive, send)

    async def _guard(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a wrapped application answer, if the Host header is allowed."""
        host = dict(scope["headers"]).get(b"host")
        if self._security.host_allowed(host):
            scope[UNGUARDED_SEND] = send
            await app(scope, receive, send)
        else:
            await refuse_host(host, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = self._texts.get((scope["method"], scope["path"]))
        if text is not None:
            body, content_type = text
            await _send(send, Answer(200, [(b"content-type", content_type)], body))
        elif not await self._interface.answers(scope, receive, send):
            await self._upstream(scope, receive, scope.get(UNGUARDED_SEND, send))


def _texts(
    static_prefix: str, release: MlflowRelease
) -> dict[tuple[str, str], tuple[bytes, bytes]]:
    """Return (body, content type) of the short pages by (method, path), typed as MLflow does."""
    plain, html = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
    health, version = f"{static_prefix}/health", f"{static_prefix}/version"
    return {
        ("GET", health): (b"OK", plain if release.behaviour.plain_health else html),
        ("HEAD", health): (b"OK", html),
        ("GET", version): (release.version.encode(), html),
        ("HEAD", version): (release.version.encode(), html),
    }


def _is_ordinary(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Say whether native code may read the request; MLflow reads all others."""
    if b"x-mlflow-workspace" in headers or b"content-encoding" in headers:
        return False
    if scope["method"] == "GET":
        return (
            scope["query_string"] != b""
            and headers.get(b"content-length", b"0") == b"0"
            and b"transfer-encoding" not in headers
        )
    if headers.get(b"content-type", b"") not in _JSON_TYPES or scope["query_string"]:
        return False
    length = headers.get(b"content-length", b"0")
    return length.isdigit() and int(length) <= LARGEST_BUFFERED


async def _ask(
    handler: Handler, service: TrackingService, scope: Scope, body: bytes
) -> bytes | Content | ErrorAnswer:
    """Run the handler; whatever it raises but NotServedError becomes an answer."""
    try:
        return await handler(
            service, Request(scope["method"], scope["query_string"], body, scope["headers"])
        )
    except NotServedError:
        raise
    except HeadwaterError as error:
        answer = answer_for(error)
        if answer.status >= 500:
            _logger.error("%s %s: %s", scope["method"], scope["path"], error)
        return answer
    except Exception:
        _logger.exception("%s %s failed", scope["method"], scope["path"])
        return INTERNAL


def _error(answer: ErrorAnswer, headers: Headers) -> Answer:
    return Answer(answer.status, [_JSON, *answer.headers(), *headers], answer.body())


async def _send(send: Send, answer: Answer) -> None:
    headers = answer.complete_headers()
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
