import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from tests.asgi import JSON, LOCAL, Answer, Echo, call

from headwater.config import SecurityConfig, ServerConfig
from headwater.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    NotFoundError,
    NotServedError,
)
from headwater.mlflow_release import MlflowRelease, installed_release
from headwater.server.app import Front
from headwater.server.body import LARGEST_BUFFERED
from headwater.server.gate import Gate
from headwater.server.rest.request import Request
from headwater.server.routes import Routes
from headwater.tracking.service import TrackingService

LOG = "/api/2.0/mlflow/runs/log-metric"
GET = "/api/2.0/mlflow/runs/get"
SERVICE = cast(TrackingService, object())

MLFLOW_HEADERS = [(b"x-frame-options", b"SAMEORIGIN"), (b"vary", b"Origin")]


class Handler:
    """Keeps what it is asked; answers or raises what it is told."""

    def __init__(self, outcome: bytes | Exception = b'{"a": 1}') -> None:
        self.outcome = outcome
        self.requests: list[Request] = []

    async def __call__(self, service: TrackingService, request: Request) -> bytes:
        assert service is SERVICE
        self.requests.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture(scope="module")
def release() -> MlflowRelease:
    return installed_release()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def upstream() -> Echo:
    return Echo(MLFLOW_HEADERS)


@pytest.fixture
def front(release: MlflowRelease, handler: Handler, upstream: Echo) -> Callable[..., Front]:
    def build(*, gate: Gate | None = None, **changes: Any) -> Front:
        config = ServerConfig(database=Path("x.db"), artifact_root="mlflow-artifacts:/", **changes)
        prefix = config.static_prefix
        routes: Routes = {("POST", prefix + LOG): handler, ("GET", prefix + GET): handler}
        return Front(config, release, routes, gate or Gate(SERVICE), upstream, gate_seconds=0.05)

    return build


async def test_answers_natively(front: Callable[..., Front], handler: Handler) -> None:
    answer = await call(front(), "POST", LOG, JSON, [b'{"run', b'_id": 1}'])
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert handler.requests == [Request("POST", b"", b'{"run_id": 1}')]
    headers = dict(answer.headers)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"


async def test_passes_the_query_on(front: Callable[..., Front], handler: Handler) -> None:
    assert (await call(front(), "GET", f"{GET}?run_id=%20a&x=")).status == 200
    assert handler.requests == [Request("GET", b"run_id=%20a&x=", b"")]


async def test_hands_over_what_the_handler_declines(
    front: Callable[..., Front], handler: Handler, upstream: Echo
) -> None:
    handler.outcome = NotServedError("odd")
    answer = await call(front(), "POST", LOG, JSON, [b"{", b"}"])
    assert (answer.status, answer.body) == (299, b"from upstream")
    assert upstream.requests == [("POST", LOG, b"{}")]
    assert answer.messages[0]["headers"] == MLFLOW_HEADERS


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("POST", LOG, {**JSON, "content-encoding": "gzip"}),
        ("POST", LOG, {**JSON, "content-type": "text/plain"}),
        ("POST", LOG, LOCAL),
        ("POST", LOG, {**JSON, "x-mlflow-workspace": "default"}),
        ("POST", LOG, {**JSON, "content-length": str(LARGEST_BUFFERED + 1)}),
        ("POST", LOG, {**JSON, "content-length": "+1"}),
        ("POST", f"{LOG}?run_id=1", JSON),
        ("GET", GET, LOCAL),
        ("GET", f"{GET}?run_id=1", {**LOCAL, "content-length": "2"}),
        ("GET", f"{GET}?run_id=1", {**LOCAL, "transfer-encoding": "chunked"}),
        ("HEAD", f"{GET}?run_id=1", LOCAL),
        ("OPTIONS", LOG, LOCAL),
        ("POST", LOG + "/", JSON),
        ("GET", "/api/2.0/mlflow/registered-models/search", LOCAL),
        ("POST", "/", LOCAL),
        ("POST", "/health", LOCAL),
        ("GET", "/static-files/../__init__.py", LOCAL),
        ("GET", "/static-files//etc/passwd", LOCAL),
        ("GET", "/static-files/", LOCAL),
        ("GET", "/static-files/nope.js", LOCAL),
        ("GET", "/static-files/\0", LOCAL),
    ],
)
async def test_leaves_the_unusual_to_mlflow(
    front: Callable[..., Front],
    handler: Handler,
    upstream: Echo,
    method: str,
    target: str,
    headers: dict[str, str],
) -> None:
    answer = await call(front(), method, target, headers, [b"{}"])
    assert answer.status == 299
    assert upstream.requests == [(method, target.partition("?")[0], b"{}")]
    assert answer.messages[0]["headers"] == MLFLOW_HEADERS
    assert not handler.requests


@pytest.mark.parametrize("changes", [{"workspaces": True}, {"artifacts_only": True}])
async def test_leaves_everything_to_mlflow_in_its_other_modes(
    front: Callable[..., Front], changes: dict[str, bool]
) -> None:
    assert (await call(front(**changes), "POST", LOG, JSON, [b"{}"])).status == 299


async def test_streams_on_a_body_that_outgrows_the_buffer(
    front: Callable[..., Front], handler: Handler, upstream: Echo
) -> None:
    chunks = [bytes([number]) * (LARGEST_BUFFERED // 4) for number in range(7)]
    answer = await call(front(), "POST", LOG, JSON, chunks)
    assert answer.status == 299
    assert upstream.requests == [("POST", LOG, b"".join(chunks))]
    assert not handler.requests


async def test_drops_a_request_whose_client_left(
    front: Callable[..., Front], handler: Handler, upstream: Echo
) -> None:
    answer = await call(front(), "POST", LOG, JSON, [b'{"run'], disconnects=True)
    assert not answer.messages
    assert not handler.requests
    assert not upstream.requests


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (NotFoundError("Run with id=x not found"), 404, "RESOURCE_DOES_NOT_EXIST", None),
        (DatabaseBusyError("locked"), 503, "TEMPORARILY_UNAVAILABLE", "2"),
        (DatabaseFullError("full"), 507, "INTERNAL_ERROR", None),
    ],
)
async def test_words_errors_as_mlflow_does(
    front: Callable[..., Front],
    handler: Handler,
    error: Exception,
    status: int,
    code: str,
    retry_after: str | None,
) -> None:
    handler.outcome = error
    answer = await call(front(), "POST", LOG, JSON, [b"{}"])
    assert answer.status == status
    assert json.loads(answer.body)["error_code"] == code
    assert str(error) in json.loads(answer.body)["message"]
    assert dict(answer.headers).get("retry-after") == retry_after
    assert dict(answer.headers)["x-content-type-options"] == "nosniff"


async def test_logs_what_nobody_expected(
    front: Callable[..., Front], handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    handler.outcome = ZeroDivisionError("a secret")
    answer = await call(front(), "POST", LOG, JSON, [b"{}"])
    assert answer.status == 500
    assert json.loads(answer.body)["error_code"] == "INTERNAL_ERROR"
    assert b"a secret" not in answer.body
    assert "ZeroDivisionError: a secret" in caplog.text


async def test_asks_to_come_back_while_the_database_is_prepared(
    front: Callable[..., Front],
) -> None:
    answer = await call(front(gate=Gate()), "POST", LOG, JSON, [b"{}"])
    assert answer.status == 503
    assert dict(answer.headers)["retry-after"] == "5"
    assert json.loads(answer.body)["error_code"] == "TEMPORARILY_UNAVAILABLE"


async def test_answers_as_soon_as_the_database_is_there(front: Callable[..., Front]) -> None:
    gate = Gate()
    waiting = asyncio.create_task(call(front(gate=gate), "POST", LOG, JSON, [b"{}"]))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    gate.open(SERVICE)
    assert (await waiting).status == 200


@pytest.mark.parametrize("prefix", ["", "/mlflow"])
async def test_serves_pages_at_once(
    front: Callable[..., Front], release: MlflowRelease, prefix: str
) -> None:
    app = front(gate=Gate(), static_prefix=prefix)
    assert (await call(app, "GET", f"{prefix}/health")).body == b"OK"
    assert (await call(app, "GET", f"{prefix}/version")).body == release.version.encode()
    index = await call(app, "GET", f"{prefix}/")
    assert index.body == (release.user_interface / "index.html").read_bytes()
    assert dict(index.headers)["cache-control"] == "no-cache"
    assert dict(index.headers)["x-frame-options"] == "SAMEORIGIN"


async def test_only_the_prefixed_paths_exist(front: Callable[..., Front]) -> None:
    app = front(static_prefix="/mlflow")
    assert (await call(app, "POST", f"/mlflow{LOG}", JSON, [b"{}"])).status == 200
    for path in ("/health", "/version", "/", LOG, "/static-files/index.html"):
        method = "POST" if path == LOG else "GET"
        assert (await call(app, method, path, JSON, [b"{}"])).status == 299


async def test_static_files_are_cached(front: Callable[..., Front], release: MlflowRelease) -> None:
    script = next((release.user_interface / "static" / "js").glob("*.js"))
    path = f"/static-files/{script.relative_to(release.user_interface)}"
    answer = await call(front(), "GET", path)
    headers = dict(answer.headers)
    assert answer.body == script.read_bytes()
    assert headers["cache-control"] == "public, max-age=2419200"
    again = await call(front(), "GET", path, {**LOCAL, "if-none-match": headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = await call(front(), "HEAD", path)
    assert (head.status, head.body) == (200, b"")


async def test_notebooks_may_frame_the_trace_renderer(front: Callable[..., Front]) -> None:
    path = "/static-files/lib/notebook-trace-renderer/index.html"
    headers = dict((await call(front(), "GET", path)).headers)
    assert "x-frame-options" not in headers
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("target", [f"{GET}?run_id=1", "/", "/static-files/index.html"])
async def test_refuses_foreign_hosts(
    front: Callable[..., Front], handler: Handler, upstream: Echo, target: str
) -> None:
    app = front()
    for headers in ({"host": "evil.example"}, {}):
        answer = await call(app, "GET", target, headers)
        assert answer.status == 403
        assert b"DNS rebinding" in answer.body
    assert not handler.requests
    assert not upstream.requests
    for path in ("/health", "/version"):
        assert (await call(app, "GET", path, {"host": "evil.example"})).status == 200


async def test_blocks_foreign_origins(
    front: Callable[..., Front], handler: Handler, upstream: Echo
) -> None:
    answer = await call(front(), "POST", LOG, {**JSON, "origin": "http://evil.example"}, [b"{}"])
    assert (answer.status, answer.body) == (403, b"Cross-origin request blocked")
    assert not handler.requests
    assert not upstream.requests


async def test_local_origins_may_read_the_answer(front: Callable[..., Front]) -> None:
    origin = "http://localhost:3000"
    headers = (await call(front(), "POST", LOG, {**JSON, "origin": origin}, [b"{}"])).headers
    assert dict(headers)["access-control-allow-origin"] == origin
    assert len(headers) == len(dict(headers))


async def test_adds_nothing_to_mlflows_own_answers(
    front: Callable[..., Front], handler: Handler
) -> None:
    handler.outcome = NotServedError("odd")
    origin = {**JSON, "origin": "http://localhost:3000"}
    answers: list[Awaitable[Answer]] = [
        call(front(), "POST", LOG, origin, [b"{}"]),
        call(front(), "GET", "/static-files/nope.js", origin),
    ]
    for answer in answers:
        assert (await answer).messages[0]["headers"] == MLFLOW_HEADERS


async def test_protections_can_be_turned_off(front: Callable[..., Front]) -> None:
    app = front(security=SecurityConfig(enabled=False))
    foreign = {**JSON, "host": "evil.example", "origin": "http://evil.example"}
    answer = await call(app, "POST", LOG, foreign, [b"{}"])
    assert answer.status == 200
    assert [name for name, _ in answer.headers] == ["content-type", "content-length"]
