"""MLflow's network protections: Host check, cross-origin blocking, response headers."""

import fnmatch
import logging
import urllib.parse
from collections.abc import Coroutine
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.config import SecurityConfig

Headers = list[tuple[bytes, bytes]]

_logger = logging.getLogger(__name__)

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104  # a Host header
_PRIVATE_HOSTS = (
    "192.168.*",
    "10.*",
    *(f"172.{number}.*" for number in range(16, 32)),
    "fc00:*",
    "fd00:*",
)
_LOCAL_ORIGIN = "|".join(
    rf"^http://{host}(:[0-9]+)?$" for host in ("localhost", r"127\.0\.0\.1", r"\[::1\]")
)
_LOCAL_ORIGIN_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")
_STATE_CHANGING = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_FRAMED_ANYWHERE = "/static-files/lib/notebook-trace-renderer"
"""MLflow lets notebooks embed its trace renderer."""

_INVALID_HOST = b"Invalid Host header - possible DNS rebinding attack detected"
_BLOCKED_ORIGIN = b"Cross-origin request blocked"
_REMEMBERED_HOSTS = 1024


class Security:
    """Decides which requests are refused and what headers the answers carry."""

    def __init__(self, config: SecurityConfig, static_prefix: str = "") -> None:
        self._config = config
        self._api_paths = (f"{static_prefix}/api/", f"{static_prefix}/ajax-api/")
        hosts = config.allowed_hosts or _default_hosts()
        self._hosts = None if not config.enabled or "*" in hosts else hosts
        self._decisions: dict[bytes, bool] = {}
        self.headers: Headers = _headers_without_origin(self) if config.enabled else []
        """What every answer to a request without Origin header carries."""

    @property
    def enabled(self) -> bool:
        """False after --disable-security-middleware."""
        return self._config.enabled

    def host_allowed(self, host: bytes | None) -> bool:
        """Say whether a request with this Host header may be answered."""
        if self._hosts is None:
            return True
        if not host:
            return False
        allowed = self._decisions.get(host)
        if allowed is None:
            allowed = _matches(host.decode("utf-8", "replace"), self._hosts)
            if len(self._decisions) < _REMEMBERED_HOSTS:
                self._decisions[host] = allowed
        return allowed

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application behind the checks on Origin and with the headers added.

        The Host check is the caller's, who knows the exempt paths.
        """
        if not self.enabled:
            return app
        app = self._with_headers(app)
        if "*" in self._config.cors_allowed_origins:
            return CORSMiddleware(
                app,
                allow_origins=["*"],
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["*"],
            )
        return CORSMiddleware(
            self._blocking(app),
            allow_origins=self._config.cors_allowed_origins,
            allow_origin_regex=_LOCAL_ORIGIN,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"],
            allow_headers=["*"],
            expose_headers=["*"],
        )

    def _with_headers(self, app: ASGIApp) -> ASGIApp:
        frame_options = self._config.x_frame_options.upper()

        async def adding(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers: Headers = [
                        *message["headers"],
                        (b"x-content-type-options", b"nosniff"),
                    ]
                    if frame_options not in ("", "NONE") and not scope["path"].startswith(
                        _FRAMED_ANYWHERE
                    ):
                        headers.append((b"x-frame-options", frame_options.encode()))
                    message["headers"] = headers
                await send(message)

            await app(scope, receive, sending)

        return adding

    def _blocking(self, app: ASGIApp) -> ASGIApp:
        async def blocking(scope: Scope, receive: Receive, send: Send) -> None:
            if self._is_blocked(scope):
                await _refuse(send, _BLOCKED_ORIGIN)
            else:
                await app(scope, receive, send)

        return blocking

    def _is_blocked(self, scope: Scope) -> bool:
        if scope["method"] not in _STATE_CHANGING or not scope["path"].startswith(self._api_paths):
            return False
        origin = dict(scope["headers"]).get(b"origin", b"").decode("utf-8", "replace")
        if not origin or _is_local(origin):
            return False
        if _matches(origin, self._config.cors_allowed_origins):
            return False
        _logger.warning("Blocked cross-origin request from %s", origin)
        return True


async def refuse_host(host: bytes | None, send: Send) -> None:
    """Answer a request whose Host header is not allowed."""
    _logger.warning("Rejected request with invalid Host header: %r", host)
    await _refuse(send, _INVALID_HOST)


async def _refuse(send: Send, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _default_hosts() -> tuple[str, ...]:
    ports = tuple(f"{host.replace('[', '[[]', 1)}:*" for host in _LOCAL_HOSTS)
    return (*_LOCAL_HOSTS, *ports, *_PRIVATE_HOSTS)


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(
        fnmatch.fnmatch(text, pattern) if "*" in pattern else text == pattern
        for pattern in patterns
    )


def _is_local(origin: str) -> bool:
    try:
        return urllib.parse.urlparse(origin).hostname in _LOCAL_ORIGIN_HOSTS
    except ValueError:
        return False


def _headers_without_origin(security: Security) -> Headers:
    """Find out what the middleware adds, which depends on the release of Starlette."""
    added: Headers = []

    async def empty(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        added.extend(message["headers"])

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    _run_at_once(security.wrap(empty)(scope, receive, send))
    return added


def _run_at_once(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    assert isinstance(coroutine, Coroutine)
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("the coroutine waited")
