"""The forms in which a request can arrive: bodies, headers, methods and paths, also broken."""

import gzip
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.compatibility.calls import JSON, Call, case, get, post, raw
from tests.compatibility.deviations import whole_history
from tests.compatibility.endpoints import GETS, POSTS, PREPARATIONS
from tests.compatibility.pair import PREFIXES, Pair

_ALL = sorted({*POSTS, *GETS})


_FORM = "application/x-www-form-urlencoded"
_TYPES = (
    *("text/plain", "application/octet-stream", _FORM, "application/merge-patch+json"),
    *("application/json; charset=utf-8", "APPLICATION/JSON", "application/json;"),
    "application/json; charset=latin1",
)
_THOROUGHLY = ("experiments/create", "runs/create", "runs/log-metric", "runs/log-batch")
_OTHER_QUERY = "key=from+the+query&run_id=x"


def _type(kind: str) -> dict[str, str]:
    return {"Content-Type": kind}


def _body_forms(endpoint: str) -> Iterator[tuple[str, Call]]:
    text = json.dumps(POSTS[endpoint])
    first = next(iter(POSTS[endpoint]))
    yield "as documented", raw(endpoint, text)
    yield "encoded twice", raw(endpoint, json.dumps(text))
    yield "truncated", raw(endpoint, text[:-1])
    yield "with a trailing comma", raw(endpoint, text[:-1] + ",}")
    yield "followed by more", raw(endpoint, text + text)
    yield "absent", Call("POST", endpoint)
    yield "absent but JSON", Call("POST", endpoint, headers=JSON)
    yield "empty object", raw(endpoint, "{}")
    yield "null", raw(endpoint, "null")
    yield "a list with it", raw(endpoint, f"[{text}]")
    yield "a text", raw(endpoint, '"text"')
    yield "with an unknown field", post(endpoint, **POSTS[endpoint], surprise=1)
    yield "with a field twice", raw(endpoint, f'{{"{first}": "first", {text[1:]}')
    yield "as a form", Call("POST", endpoint, urlencode({first: "x"}), headers=_type(_FORM))
    yield "in the query", Call("POST", endpoint, query=urlencode({first: POSTS[endpoint][first]}))
    yield "without content type", Call("POST", endpoint, text)
    for method in ("PUT", "PATCH", "DELETE"):
        yield f"by {method}", raw(endpoint, text, method)


def _rare_body_forms(endpoint: str) -> Iterator[tuple[str, Call]]:
    text = json.dumps(POSTS[endpoint])
    yield "spaced out", raw(endpoint, json.dumps(POSTS[endpoint], indent=4) + "\n\n")
    yield "encoded three times", raw(endpoint, json.dumps(json.dumps(text)))
    yield "after a byte order mark", raw(endpoint, "\ufeff" + text)
    yield "in UTF-16", raw(endpoint, '{"key": "ä"}'.encode("utf-16"))
    yield "invalid UTF-8", raw(endpoint, b'{"key": "\xff"}')
    yield "of no bytes", raw(endpoint, b"")
    yield "an empty list", raw(endpoint, "[]")
    yield "a number", raw(endpoint, "3")
    yield "true", raw(endpoint, "true")
    yield "NaN", raw(endpoint, "NaN")
    yield "not JSON", raw(endpoint, "key=value")
    yield "with an unknown empty field", post(endpoint, **POSTS[endpoint], surprise=None)
    yield "nested deeply", raw(endpoint, '{"a":' * 200 + "1" + "}" * 200)
    for kind in _TYPES:
        yield f"as {kind}", Call("POST", endpoint, text, headers=_type(kind))
    packed = gzip.compress(b'{"key": "k"}')
    yield "gzip", raw(endpoint, packed, Content_Encoding="gzip")
    yield "gzip in name only", raw(endpoint, text, Content_Encoding="gzip")
    yield "asking for XML", raw(endpoint, text, Accept="application/xml")
    yield "with a query beside it", Call("POST", endpoint, text, _OTHER_QUERY, headers=JSON)


def _body_cases() -> Iterator[Any]:
    for endpoint in POSTS:
        before = PREPARATIONS.get(endpoint, ())
        for form, call in _body_forms(endpoint):
            yield case(f"{endpoint} {form}", *before, call)
    for endpoint in _THOROUGHLY:
        for form, call in _rare_body_forms(endpoint):
            yield case(f"{endpoint} {form}", call)


@pytest.mark.parametrize("calls", list(_body_cases()))
def test_body(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()


def _query(endpoint: str, **changes: str) -> str:
    return urlencode({**GETS[endpoint], **changes}, safe="<>")


def _query_forms(endpoint: str) -> Iterator[tuple[str, Call]]:
    query = _query(endpoint)
    yield "as documented", get(endpoint, query)
    yield "without query", get(endpoint)
    yield "with a question mark only", get(endpoint, "&")
    yield "with an unknown parameter", get(endpoint, query + "&surprise=1")
    yield "in a JSON body", raw(endpoint, json.dumps(GETS[endpoint]), "GET")
    yield "in a JSON body without type", Call("GET", endpoint, json.dumps(GETS[endpoint]))
    yield "in a form", Call("GET", endpoint, query, headers=_type(_FORM))
    yield "with a broken body", raw(endpoint, "{", "GET")
    yield "beside a broken body", Call("GET", endpoint, "{", query, headers=JSON)
    yield "by HEAD", Call("HEAD", endpoint, query=query)
    yield "by POST", Call("POST", endpoint, query=query)
    yield "by POST as JSON", post(endpoint, **GETS[endpoint])
    yield "with a bad escape", get(endpoint, query + "&x=%zz")
    yield "with semicolons", get(endpoint, query.replace("&", ";"))
    yield "with an escaped NUL", get(endpoint, query + "%00")
    yield "with invalid UTF-8", get(endpoint, query + "%ff")


_QUERY_VALUES = {
    "empty": "",
    "blank": "+",
    "text": "text",
    "accented": quote("é💧"),
    "zero": "0",
    "negative": "-1",
    "one": "1",
    "with a plus": "%2B1",
    "fraction": "1.5",
    "2**31": str(2**31),
    "2**63": str(2**63),
    "10**30": str(10**30),
    "true": "true",
    "JSON list": "[]",
}


def _query_value_forms(endpoint: str, name: str) -> Iterator[tuple[str, Call]]:
    others = {key: value for key, value in GETS[endpoint].items() if key != name}
    rest = urlencode(others, safe="<>")
    yield "missing", get(endpoint, rest)
    yield "without value", get(endpoint, f"{rest}&{name}")
    yield "twice", get(endpoint, f"{_query(endpoint)}&{name}={GETS[endpoint][name]}")
    yield "first another", get(endpoint, f"{name}=2&{_query(endpoint)}")
    first, *words = name.split("_")
    camel = first + "".join(word.title() for word in words)
    yield "in camelCase", get(endpoint, f"{rest}&{camel}={GETS[endpoint][name]}")
    for kind, value in _QUERY_VALUES.items():
        yield f"= {kind}", get(endpoint, f"{rest}&{name}={value}")


def _query_cases() -> Iterator[Any]:
    for endpoint, parameters in GETS.items():
        before = PREPARATIONS.get(endpoint, ())
        for form, call in _query_forms(endpoint):
            yield case(f"{endpoint} {form}", *before, call)
        for name in parameters:
            for form, call in _query_value_forms(endpoint, name):
                unpaged = endpoint == "metrics/get-history" and name == "max_results"
                odd = unpaged and form in ("missing", "in camelCase", "= negative")
                marks = [whole_history] if odd else []
                yield case(f"{endpoint} {name} {form}", *before, call, marks=marks)


@pytest.mark.parametrize("calls", list(_query_cases()))
def test_query(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)


@pytest.mark.parametrize("prefix", [*PREFIXES, "/api/3.0/mlflow/"])
@pytest.mark.parametrize("endpoint", _ALL)
def test_path(pair: Pair, endpoint: str, prefix: str) -> None:
    path = prefix + endpoint
    pair.play(Call("OPTIONS", path), get(path), raw(path, "{}"))
    pair.play(get(path + "/"), raw(path + "/", "{}"), raw(path.replace("/mlflow/", "//"), "{}"))


_HOSTS = ("localhost", "127.0.0.1:5000", "192.168.1.5", "10.0.0.1:80", "evil.example", "[::1]:5000")
_ORIGINS = ("http://localhost:3000", "http://127.0.0.1", "https://evil.example", "null", "")


@pytest.mark.parametrize("host", _HOSTS)
def test_host_header(pair: Pair, host: str) -> None:
    pair.play(
        raw("runs/log-metric", json.dumps(POSTS["runs/log-metric"]), Host=host),
        get("runs/get", "run_id=<run>", Host=host),
        get("/health", Host=host),
        get("/version", Host=host),
        get("/", Host=host),
    )


@pytest.mark.parametrize("origin", _ORIGINS)
def test_origin_header(pair: Pair, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    pair.play(
        raw("runs/log-metric", json.dumps(POSTS["runs/log-metric"]), Origin=origin),
        get("runs/get", "run_id=<run>", Origin=origin),
        Call("OPTIONS", "runs/log-metric", headers=preflight),
        get("/health", Origin=origin),
        get("/", Origin=origin),
    )
    pair.compare_state()


_PAGES = ("/", "/version", "/health", "/health/", "/version/", "/favicon.ico", "/nowhere", "//")
_FILES = ("manifest.json", "index.html", "nothing.js", "", "../../handlers.py", "%2e%2e/x")


@pytest.mark.parametrize("path", [*_PAGES, *(f"/static-files/{name}" for name in _FILES)])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_page(pair: Pair, method: str, path: str) -> None:
    pair.play(Call(method, path))
