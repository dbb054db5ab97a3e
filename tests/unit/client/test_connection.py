import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.client.connection import OWN_API, Connection
from headwater.client.settings import ConnectionSettings
from headwater.errors import (
    AlreadyExistsError,
    ConfigurationError,
    ConflictError,
    HeadwaterError,
    InvalidParameterError,
    NotFoundError,
    ServerError,
    ServerUnreachableError,
)

SERVER = "http://server:5000/prefix"
PATH = f"{OWN_API}/things"


class Scripted(httpx.BaseTransport):
    """A server that answers, or fails, as scripted."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def connection(
    server: httpx.BaseTransport, sleeps: list[float] | None = None, **settings: Any
) -> Connection:
    return Connection(
        ConnectionSettings(SERVER, **settings),
        transport=server,
        sleep=(sleeps if sleeps is not None else []).append,
    )


def refusal(code: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "message": "what is wrong"})


def busy() -> httpx.Response:
    return refusal("TEMPORARILY_UNAVAILABLE", 503)


def test_sends_json_below_the_servers_path_and_returns_json() -> None:
    server = Scripted(httpx.Response(200, json={"a": 1}), httpx.Response(200, json=[2]))
    with connection(server) as client:
        assert client.get(PATH, {"q": "x y"}) == {"a": 1}
        assert client.post(PATH, {"name": "é"}) == [2]
    got, posted = server.requests
    assert str(got.url) == f"{SERVER}{PATH}?q=x+y"
    assert (posted.method, json.loads(posted.content)) == ("POST", {"name": "é"})
    assert posted.headers["content-type"] == "application/json"


def test_bytes_are_asked_for_by_their_type() -> None:
    server = Scripted(httpx.Response(200, content=b"ARROW", headers={"content-type": "x/arrow"}))
    answer = connection(server).request("GET", PATH, accept="x/arrow")
    assert (answer.body, answer.content_type) == (b"ARROW", "x/arrow")
    assert server.requests[0].headers["accept"] == "x/arrow"


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({"username": "ann", "password": "s", "token": "t"}, "Basic YW5uOnM="),
        ({"token": "t"}, "Bearer t"),
        ({}, None),
    ],
)
def test_authenticates(settings: dict[str, Any], header: str | None) -> None:
    server = Scripted(httpx.Response(200, json={}))
    connection(server, **settings).get(PATH)
    assert server.requests[0].headers.get("authorization") == header


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("RESOURCE_DOES_NOT_EXIST", NotFoundError),
        ("RESOURCE_CONFLICT", ConflictError),
        ("RESOURCE_ALREADY_EXISTS", AlreadyExistsError),
        ("INVALID_PARAMETER_VALUE", InvalidParameterError),
    ],
)
def test_a_refusal_is_the_error_of_its_code(code: str, kind: type[HeadwaterError]) -> None:
    with pytest.raises(kind, match=r"^what is wrong$"):
        connection(Scripted(refusal(code))).get(PATH)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refusal("PERMISSION_DENIED", 403), r"^what is wrong \(403\)$"),
        (httpx.Response(401, text="Who are you?"), "answered 401 Unauthorized: Who are you"),
        (httpx.Response(500, html="<h1>oops</h1>"), "answered 500 Internal Server Error$"),
        (httpx.Response(404, html="<h1>not here</h1>"), "is it a Headwater server"),
        (httpx.Response(301, headers={"location": "https://new"}), "moved to https://new"),
        (httpx.Response(200, html="<h1>hello</h1>"), "instead of JSON"),
    ],
)
def test_other_answers_say_what_came(answer: httpx.Response, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        connection(Scripted(answer)).get(PATH)


def test_waits_and_asks_again_where_the_server_is_busy() -> None:
    asked = httpx.Response(503, headers={"retry-after": "2"})
    sleeps: list[float] = []
    server = Scripted(busy(), asked, httpx.ReadError("reset"), httpx.Response(200, json={}))
    connection(server, sleeps).get(PATH)
    assert len(server.requests) == 4
    assert 0.1 < sleeps[0] <= 0.25
    assert sleeps[1] == 2.0
    assert 0.5 <= sleeps[2] <= 1.0


def test_gives_up_after_the_retries() -> None:
    sleeps: list[float] = []
    with pytest.raises(ServerError, match="what is wrong"):
        connection(Scripted(*[busy() for _ in range(3)]), sleeps, retries=2).get(PATH)
    assert len(sleeps) == 2


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (lambda: httpx.ReadError("reset"), "broke off: reset"),
        (lambda: httpx.ReadTimeout("slow"), "may have carried the request out"),
        (busy, "what is wrong"),
    ],
)
def test_does_not_repeat_what_may_have_been_done(
    failure: Callable[[], httpx.Response | Exception], message: str
) -> None:
    server = Scripted(failure())
    with pytest.raises(ServerError, match=message):
        connection(server).post(PATH, {})
    assert len(server.requests) == 1


def test_repeats_what_could_not_be_sent() -> None:
    server = Scripted(httpx.ConnectError("refused"), httpx.Response(200, json={}))
    assert connection(server).post(PATH, {}) == {}
    unreachable: Sequence[Exception] = [httpx.ConnectError("refused")] * 2
    with pytest.raises(
        ServerUnreachableError, match=r"http://server:5000/prefix cannot be reached"
    ):
        connection(Scripted(*unreachable), retries=1).post(PATH, {})


def test_a_certificate_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="certificates cannot be used"):
        Connection(ConnectionSettings("https://server", server_certificates=certificate))


def test_a_certificate_of_nobody_we_trust_is_not_tried_again() -> None:
    server = Scripted(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    with pytest.raises(ServerUnreachableError, match="self-signed"):
        connection(server).get(PATH)
    assert len(server.requests) == 1
