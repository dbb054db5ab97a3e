"""Answers what is under ``/headwater/``: the pages, and the files that they load."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.types import Receive, Scope, Send

from headwater.server.pages.assets import PLOTLY, Assets, installed_plotly
from headwater.server.send import send_whole

_Headers = list[tuple[bytes, bytes]]

_FOREVER = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # how a chart becomes a PNG
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_GUARDS: _Headers = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


@dataclass(frozen=True, slots=True)
class Page:
    """One page; its template is called as it is."""

    name: str
    """The last part of its path."""

    title: str
    key: str
    """What is pressed after ``g`` to go there."""

    needs_charts: bool = False


PAGES: Sequence[Page] = (
    Page("runs", "Runs", "r"),
    Page("charts", "Charts", "c", needs_charts=True),
    Page("compare", "Compare", "v", needs_charts=True),
    Page("params", "Params", "p", needs_charts=True),
)
"""In the order of the navigation; the first one is where ``/headwater/`` leads."""


class Pages:
    """The ASGI application of the pages."""

    def __init__(self, static_prefix: str, assets: Assets | None = None) -> None:
        self._prefix = static_prefix
        self._base = f"{static_prefix}/headwater"
        self._assets = assets or Assets(installed_plotly())
        self._pages = {f"{self._base}/{page.name}": page for page in PAGES}
        self._rendered: dict[str, bytes] = {}
        self._templates = Environment(
            loader=PackageLoader("headwater.server.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def holds(self, path: str) -> bool:
        """Say whether the path is of the pages."""
        return path == self._base or path.startswith(f"{self._base}/")

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request to a path that it holds."""
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            allow = (b"allow", b"GET, HEAD")
            await self._send(scope, send, 405, [*_text("plain"), allow], b"Method not allowed\n")
        elif path.startswith(f"{self._base}/static/"):
            await self._file(scope, send, path.removeprefix(f"{self._base}/static/"))
        elif path in (self._base, f"{self._base}/"):
            first = (b"location", f"{self._base}/{PAGES[0].name}".encode())
            await self._send(scope, send, 302, [*_text("plain"), first], b"")
        else:
            page = self._pages.get(path)
            body = await asyncio.to_thread(self._page, page)
            await self._html(scope, send, 404 if page is None else 200, body)

    def _page(self, page: Page | None) -> bytes:
        """Return a page, or that there is none; nothing of a request is in it."""
        name = "missing" if page is None else page.name
        if name not in self._rendered:
            self._rendered[name] = self._render(name, page).encode()
        return self._rendered[name]

    def _render(self, name: str, page: Page | None) -> str:
        charts = page is not None and page.needs_charts and self._assets.has_plotly
        return self._templates.get_template(f"{name}.html").render(
            prefix=self._prefix,
            base=self._base,
            static=f"{self._base}/static/{self._assets.version}",
            pages=PAGES,
            page=page,
            plotly=PLOTLY if charts else None,
            style_guards=self._assets.style_guards() if charts else [],
        )

    async def _html(self, scope: Scope, send: Send, status: int, body: bytes) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
        headers = [*_text("html"), (b"etag", etag), (b"cache-control", _ASK_AGAIN)]
        if status == 200 and _has(scope, b"if-none-match", etag):
            await self._send(scope, send, 304, headers, b"")
        else:
            await self._send(scope, send, status, headers, body)

    async def _file(self, scope: Scope, send: Send, rest: str) -> None:
        version, _, name = rest.partition("/")
        asset, newest = await asyncio.to_thread(
            lambda: (self._assets.get(name), self._assets.version)
        )
        if asset is None:
            await self._send(scope, send, 404, _text("plain"), b"Not found\n")
            return
        # Beside a server of another version its pages ask for files of that version: they get ours.
        etag = asset.etag.encode()
        headers = [
            (b"content-type", asset.content_type.encode()),
            (b"etag", etag),
            (b"cache-control", _FOREVER if version == newest else _ASK_AGAIN),
            (b"vary", b"Accept-Encoding"),
        ]
        if _has(scope, b"if-none-match", etag):
            await self._send(scope, send, 304, headers, b"")
        elif _has(scope, b"accept-encoding", b"gzip"):
            packed = [*headers, (b"content-encoding", b"gzip")]
            await self._send(scope, send, 200, packed, asset.packed)
        else:
            await self._send(scope, send, 200, headers, asset.plain)

    async def _send(
        self, scope: Scope, send: Send, status: int, headers: _Headers, body: bytes
    ) -> None:
        headers = [*headers, *_GUARDS]
        if status == 304:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        elif scope["method"] == "HEAD":
            length = (b"content-length", str(len(body)).encode())
            await send(
                {"type": "http.response.start", "status": status, "headers": [*headers, length]}
            )
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_whole(send, status, headers, body)


def _text(kind: str) -> _Headers:
    return [(b"content-type", f"text/{kind}; charset=utf-8".encode())]


def _has(scope: Scope, name: bytes, wanted: bytes) -> bool:
    """Say whether a header that lists values names one, unless with a weight of nothing."""
    for header, value in scope["headers"]:
        if header != name:
            continue
        for item in value.split(b","):
            what, _, weight = item.strip().partition(b";")
            if what.strip() == wanted and weight.replace(b" ", b"") not in (b"q=0", b"q=0.0"):
                return True
    return False
