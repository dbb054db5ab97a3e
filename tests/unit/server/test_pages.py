import gzip
import re
from pathlib import Path

import pytest
from tests.asgi import LOCAL, Answer, Echo, call

from headwater.config import SecurityConfig, ServerConfig
from headwater.mlflow_release import installed_release
from headwater.server.app import Front
from headwater.server.gate import Gate
from headwater.server.pages.assets import PLOTLY, Assets, installed_plotly
from headwater.server.pages.pages import PAGES, Pages
from headwater.server.rest.request import Request
from headwater.server.routes import Routes
from headwater.tracking.service import TrackingService

PACKED = {**LOCAL, "accept-encoding": "br;q=0.5, gzip, deflate"}


async def handler(_service: TrackingService, _request: Request) -> bytes:
    raise AssertionError("no page asks for it")


def front(upstream: Echo, **changes: object) -> Front:
    config = ServerConfig(Path("x.db"), "mlflow-artifacts:/", **changes)  # type: ignore[arg-type]  # of each test's own
    routes: Routes = {("GET", "/api"): handler}
    return Front(config, installed_release(), routes, Gate(), upstream)


@pytest.fixture
def pages() -> Pages:
    return Pages("")


def header(answer: Answer, name: str) -> str:
    return dict(answer.headers)[name]


def files(answer: Answer) -> list[str]:
    """Return what a page loads."""
    return re.findall(r'(?:src|href)="([^"#]+/static/[^"]+)"', answer.body.decode())


async def test_pages_are_served_beside_mlflows_with_their_protections() -> None:
    upstream = Echo()
    app = front(upstream)
    for page in PAGES:
        answer = await call(app, "GET", f"/headwater/{page.name}")
        assert answer.status == 200
        assert header(answer, "content-type") == "text/html; charset=utf-8"
        assert header(answer, "x-content-type-options") == "nosniff"
        assert header(answer, "x-frame-options") == "SAMEORIGIN"
        assert f'aria-current="page">{page.title}' in answer.body.decode()
    assert upstream.requests == []
    assert (await call(app, "GET", "/headwaters")).status == 299
    refused = await call(app, "GET", "/headwater/runs", {"host": "evil.example"})
    assert refused.status == 403


async def test_no_script_or_style_stands_in_a_page(pages: Pages) -> None:
    for path in ("runs", "charts", "nothing"):
        answer = await call(pages, "GET", f"/headwater/{path}")
        text = answer.body.decode()
        assert re.findall(r"<script(?![^>]* src=)", text) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=", text) == []
        policy = dict(
            rule.split(" ", 1) for rule in header(answer, "content-security-policy").split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["base-uri"] == policy["form-action"] == "'none'"


async def test_nothing_of_a_request_comes_back(pages: Pages) -> None:
    for path in (
        "/headwater/<script>alert(1)</script>",
        "/headwater//evil.example",
        "/headwater/../x",
    ):
        answer = await call(pages, "GET", path)
        assert answer.status == 404
        assert b"alert" not in answer.body
        assert b"evil" not in answer.body
    for path in ("/headwater", "/headwater/", "/headwater/?next=//evil.example"):
        answer = await call(pages, "GET", path)
        assert (answer.status, header(answer, "location")) == (302, "/headwater/runs")
    assert (await call(pages, "POST", "/headwater/runs")).status == 405
    head = await call(pages, "HEAD", "/headwater/runs")
    assert (head.status, head.body) == (200, b"")
    assert int(header(head, "content-length")) > 1000


async def test_lives_below_the_static_prefix() -> None:
    upstream = Echo()
    app = front(upstream, static_prefix="/ml & flow")
    answer = await call(app, "GET", "/ml & flow/headwater/runs")
    text = answer.body.decode()
    assert 'data-prefix="/ml &amp; flow"' in text
    assert all(name.startswith("/ml &amp; flow/headwater/static/") for name in files(answer))
    assert (await call(app, "GET", "/headwater/runs")).status == 299


@pytest.mark.parametrize("mode", ["workspaces", "artifacts_only"])
async def test_is_not_there_without_native_routes(mode: str) -> None:
    assert (await call(front(Echo(), **{mode: True}), "GET", "/headwater/runs")).status == 299


async def test_answers_without_checks_when_they_are_off() -> None:
    app = front(Echo(), security=SecurityConfig(enabled=False))
    answer = await call(app, "GET", "/headwater/runs", {"host": "any.example"})
    assert answer.status == 200
    assert "content-security-policy" in dict(answer.headers)


async def test_files_are_kept_for_ever_and_sent_packed(pages: Pages) -> None:
    loaded = files(await call(pages, "GET", "/headwater/charts"))
    assert len(loaded) == 6
    for name in loaded:
        plain = await call(pages, "GET", name)
        packed = await call(pages, "GET", name, PACKED)
        assert plain.status == packed.status == 200
        assert header(packed, "content-encoding") == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert header(plain, "cache-control") == "public, max-age=31536000, immutable"
        assert header(plain, "vary") == "Accept-Encoding"
        again = {**LOCAL, "if-none-match": header(plain, "etag")}
        unchanged = await call(pages, "GET", name, again)
        assert (unchanged.status, unchanged.body) == (304, b"")
    unwanted = await call(pages, "GET", loaded[0], {**LOCAL, "accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in dict(unwanted.headers)


async def test_pages_are_asked_for_again(pages: Pages) -> None:
    answer = await call(pages, "GET", "/headwater/runs")
    assert header(answer, "cache-control") == "no-cache"
    again = await call(
        pages, "GET", "/headwater/runs", {**LOCAL, "if-none-match": header(answer, "etag")}
    )
    assert again.status == 304


async def test_files_of_another_version_are_ours_but_not_kept(pages: Pages) -> None:
    answer = await call(pages, "GET", "/headwater/static/0123456789ab/shell.js")
    assert (answer.status, header(answer, "cache-control")) == (200, "no-cache")


@pytest.mark.parametrize(
    "name",
    ["../pages.py", "..%2fpages.py", "/etc/passwd", "", "runs", "nothing.js", "runs/../shell.js"],
)
async def test_only_the_files_of_pages_are_served(pages: Pages, name: str) -> None:
    assert (await call(pages, "GET", f"/headwater/static/1/{name}")).status == 404


async def test_says_what_charts_need_where_it_is_missing() -> None:
    pages = Pages("", Assets(None))
    answer = await call(pages, "GET", "/headwater/charts")
    assert answer.status == 200
    assert (
        b"pip install &#39;headwater[charts]&#39;" in answer.body
        or b"pip install 'headwater[charts]'" in answer.body
    )
    assert PLOTLY.encode() not in answer.body
    assert (await call(pages, "GET", f"/headwater/static/1/{PLOTLY}")).status == 404


def test_plotly_is_found_without_importing_it() -> None:
    path = installed_plotly()
    assert path is not None
    assert path.stat().st_size > 1_000_000


async def test_modules_import_only_what_is_served(pages: Pages) -> None:
    static = Path("src/headwater/server/pages/static")
    static = Path(__file__).parents[3] / static
    scripts = sorted(static.rglob("*.js"))
    assert len(scripts) > 20
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for wanted in re.findall(r'from "([^"]+)"', text):
            assert wanted.startswith(".")
            assert (script.parent / wanted).resolve() in scripts
        # Values are put in as text; nothing that reads markup or code may creep in.
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://(?!www\.w3\.org/2000/svg)",
            text,
        )
