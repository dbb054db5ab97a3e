"""Artifacts through the server: the same files, names and refusals, whoever keeps them."""

from typing import Any

import pytest
from tests.compatibility.calls import Call, case, get
from tests.compatibility.pair import Pair

ROUTES = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
HERE = ROUTES[0]
BINARY = bytes(range(256)) * 300


def put(path: str, content: bytes = b"some text\n") -> Call:
    return Call("PUT", f"{HERE}/{path}", content)


def fetch(path: str, **headers: str) -> Call:
    return get(f"{HERE}/{path}", "", **headers)


def listed(path: str | None = None) -> Call:
    return get(HERE, "" if path is None else f"path={path}")


def delete(path: str) -> Call:
    return Call("DELETE", f"{HERE}/{path}")


_NAMES = (
    *("a.txt", "MLmodel", "model.pkl", "t.json", "no-extension", "x.tar.gz", "UPPER.TXT", "a.b.c"),
    *("with space.txt", "it's.txt", "comma,=+@().txt", "semi;colon.txt", "quo%22te.txt", "pic.png"),
    *("%C3%BCmlaut.txt", "%E6%97%A5%E6%9C%AC", "per%25cent.txt", "hash%23.txt", "tab%09.txt"),
    *(
        "double%2525.txt",
        "back%5Cslash.txt",
        "..dots",
        "trailing.",
        "~tilde",
        "a:b.txt",
        "q%3Fm.txt",
    ),
)
_ODD_PATHS = (
    *("..%2Fx", "%2e%2e/x", "<unique>/..%2f..%2fx", "/x", "%2Fx", "<unique>//b", "<unique>%00b"),
    *("<unique>/", "C:%5Cx", "file:///etc/passwd", "%252e%252e%252fx", "<unique>%0Ab"),
)


def _names() -> list[Any]:
    return [
        case(name, put(f"<unique>/{name}"), fetch(f"<unique>/{name}"), listed("<unique>"))
        for name in _NAMES
    ]


def _odd() -> list[Any]:
    return [
        case(f"{call.method} {path[:30]} {len(path)}", call)
        for path in _ODD_PATHS
        for call in (put(path), fetch(path), delete(path), listed(path))
    ]


@pytest.mark.parametrize("calls", _names())
def test_files_have_the_same_names_and_types(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)


@pytest.mark.parametrize("calls", _odd())
def test_odd_paths_are_refused_alike(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)


@pytest.mark.parametrize(
    "calls",
    [
        case("binary", put("<unique>/b.bin", BINARY), fetch("<unique>/b.bin")),
        case("empty", put("<unique>/e.txt", b""), fetch("<unique>/e.txt"), listed("<unique>")),
        case(
            "replaced",
            *(put("<unique>/r.txt", b"first"), put("<unique>/r.txt", b"second")),
            *(fetch("<unique>/r.txt"), listed("<unique>")),
        ),
        case(
            "nested",
            *(put("<unique>/d/e/f.txt"), put("<unique>/d/g.txt"), put("<unique>/a.txt", b"")),
            *(
                listed("<unique>"),
                listed("<unique>/d"),
                listed("<unique>/d/e"),
                listed("<unique>/"),
            ),
            *(listed("<unique>/d/g.txt"), listed("<unique>/none"), fetch("<unique>/d")),
            *(delete("<unique>/d"), listed("<unique>"), fetch("<unique>/d/g.txt")),
        ),
        case("deleted", put("<unique>/x"), delete("<unique>/x"), delete("<unique>/x")),
        case("missing", fetch("<unique>/missing.txt"), delete("<unique>/missing.txt")),
        case("by the UI", get(f"{ROUTES[1]}/<unique>/none"), get(ROUTES[1], "path=<unique>")),
        case("a file as directory", put("<unique>/f"), fetch("<unique>/f/g")),
        case("query twice", get(HERE, "path=<unique>&path=b")),
        case("unknown query", get(HERE, "surprise=1&path=<unique>")),
        case("other methods", *(Call(m, f"{HERE}/<unique>/x", b"") for m in ("POST", "PATCH"))),
        case(
            "multipart",
            *(
                Call("POST", f"/api/2.0/mlflow-artifacts/mpu/{verb}/<unique>/x", content)
                for verb in ("create", "complete", "abort")
                for content in (b'{"path": "x", "num_parts": 2}', b"{}")
            ),
        ),
        case("presigned", get("/api/2.0/mlflow-artifacts/presigned/<unique>/x")),
    ],
)
def test_files_are_kept_listed_and_deleted_alike(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
