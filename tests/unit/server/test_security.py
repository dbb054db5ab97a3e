"""Compares the protections with MLflow's own middleware, request by request."""

import inspect
import itertools
import warnings
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.asgi import Answer, call

from headwater.config import SecurityConfig
from headwater.server.security import Security, refuse_host

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own, as it is imported
    from mlflow.server import fastapi_security

API = "/api/2.0/mlflow/runs/log-metric"
HOSTS = (
    *(
        "localhost",
        "localhost:5000",
        "127.0.0.1:5000",
        "0.0.0.0:1",
        "[::1]",
        "[::1]:5000",
        "[::1]x",
    ),
    *("10.0.0.7:5000", "172.15.0.1", "172.16.0.1", "172.31.9.9:80", "172.32.0.1", "192.168.1.1"),
    *(
        "fc00:1",
        "evil.example",
        "localhost.evil.example",
        "LOCALHOST",
        "app-1.internal.example",
        "",
    ),
)
ORIGINS = (
    *("http://localhost", "http://localhost:3000", "https://localhost", "http://127.0.0.1:1"),
    *("http://[::1]:5000", "http://evil.example", "https://app.example", "http://localhost.evil"),
    *("null", "http://[bad", ""),
)
CONFIGS: tuple[dict[str, str], ...] = (
    {},
    {"MLFLOW_SERVER_ALLOWED_HOSTS": "a.example, app-*.internal.example,b.example:5000"},
    {"MLFLOW_SERVER_ALLOWED_HOSTS": "*"},
    {"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "https://app.example,http://*.evil"},
    {"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*"},
    {"MLFLOW_SERVER_X_FRAME_OPTIONS": "deny"},
    {"MLFLOW_SERVER_X_FRAME_OPTIONS": "none"},
    {"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true"},
)
OLDER = "allow_credentials=False" not in inspect.getsource(fastapi_security)


def config_from(environment: dict[str, str]) -> SecurityConfig:
    def listed(name: str) -> tuple[str, ...]:
        text = environment.get(f"MLFLOW_SERVER_{name}")
        return tuple(part.strip() for part in text.split(",")) if text else ()

    return SecurityConfig(
        enabled="MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE" not in environment,
        allowed_hosts=listed("ALLOWED_HOSTS") or None,
        cors_allowed_origins=listed("CORS_ALLOWED_ORIGINS"),
        x_frame_options=environment.get("MLFLOW_SERVER_X_FRAME_OPTIONS", "SAMEORIGIN"),
    )


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("inner")(scope, receive, send)


def ours(environment: dict[str, str]) -> ASGIApp:
    """The protections as the front applies them."""
    security = Security(config_from(environment))
    wrapped = security.wrap(inner)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host")
        if security.host_allowed(host):
            await wrapped(scope, receive, send)
        else:
            await refuse_host(host, send)

    return app


@pytest.fixture(params=CONFIGS, ids=lambda environment: ",".join(environment) or "default")
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    chosen: dict[str, str] = request.param
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    return chosen


@pytest.fixture
def stock(environment: dict[str, str]) -> ASGIApp:
    if environment.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS") == "*" and OLDER:
        pytest.skip("older releases let every origin use the cookies of its visitors; we do not")
    app = FastAPI()
    fastapi_security.init_fastapi_security(app)
    app.mount("/", inner)
    return app


def seen(answer: Answer) -> tuple[Any, ...]:
    headers = [(name.lower(), value) for name, value in answer.headers]
    return (
        answer.status,
        sorted(header for header in headers if header[0] != "content-length"),
        answer.body,
    )


async def test_decides_on_hosts_as_mlflow_does(environment: dict[str, str], stock: ASGIApp) -> None:
    candidate = ours(environment)
    for host in (*HOSTS, *HOSTS):  # the second time from memory
        headers = {"host": host}
        assert seen(await call(candidate, "GET", API, headers)) == seen(
            await call(stock, "GET", API, headers)
        ), host
    assert seen(await call(candidate, "GET", API, {})) == seen(await call(stock, "GET", API, {}))


async def test_decides_on_origins_as_mlflow_does(
    environment: dict[str, str], stock: ASGIApp
) -> None:
    candidate = ours(environment)
    host = {"host": "a.example" if "MLFLOW_SERVER_ALLOWED_HOSTS" in environment else "localhost"}
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    paths = (API, "/ajax-api/2.0/mlflow/runs/search", "/")
    for method, path, origin in itertools.product(methods, paths, ORIGINS):
        headers = {**host, "origin": origin}
        assert seen(await call(candidate, method, path, headers)) == seen(
            await call(stock, method, path, headers)
        ), (method, path, origin)


async def test_answers_preflights_as_mlflow_does(
    environment: dict[str, str], stock: ASGIApp
) -> None:
    candidate = ours(environment)
    if "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE" in environment:
        pytest.skip("without the middleware, preflights are ordinary requests")
    host = {"host": "a.example" if "MLFLOW_SERVER_ALLOWED_HOSTS" in environment else "localhost"}
    for origin in ORIGINS:
        headers = {**host, "origin": origin, "access-control-request-method": "POST"}
        assert seen(await call(candidate, "OPTIONS", API, headers)) == seen(
            await call(stock, "OPTIONS", API, headers)
        ), origin


async def test_knows_the_headers_of_ordinary_answers(environment: dict[str, str]) -> None:
    security = Security(config_from(environment))
    answer = await call(security.wrap(inner), "GET", API, {"host": "localhost"})
    own = {b"content-length", b"content-type"}
    assert security.headers == [
        header for header in answer.messages[0]["headers"] if header[0] not in own
    ]


async def test_the_static_prefix_moves_the_api() -> None:
    app = Security(SecurityConfig(), "/mlflow").wrap(inner)
    headers = {"host": "localhost", "origin": "http://evil.example"}
    assert (await call(app, "POST", f"/mlflow{API}", headers)).status == 403
    assert (await call(app, "POST", API, headers)).status == 200


def test_remembers_a_bounded_number_of_hosts() -> None:
    security = Security(SecurityConfig(allowed_hosts=("*.example",)))
    for number in range(3000):
        assert security.host_allowed(f"h{number}.example".encode())
        assert not security.host_allowed(f"h{number}.evil".encode())
    assert len(security._decisions) <= 1024
