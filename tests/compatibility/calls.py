"""The small language in which the tables of cases are written: calls, and cases made of calls.

Inside a call, texts such as ``<run>`` stand for ids which differ between the servers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Call:
    """One HTTP request, free of any server's own ids and address."""

    method: str
    path: str
    """Below ``/api/2.0/mlflow/``; absolute when it begins with a slash."""

    content: str | bytes | None = None
    query: str = ""
    headers: Mapping[str, str] | None = None
    saved: Mapping[str, str] | None = None
    """Label to give -> dotted path in the answer, as ``{"<run>": "run.info.run_id"}``."""

    def saving(self, **labels: str) -> "Call":
        """Keep values of the answer: ``saving(run="run.info.run_id")`` makes ``<run>``."""
        named = {f"<{name.replace('_', ' ')}>": path for name, path in labels.items()}
        return replace(self, saved=named)

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        content = "" if self.content is None else f" {self.content!r}"
        return f"{self.method} {self.path}{query}{content[:2000]}"


def post(path: str, /, **fields: Any) -> Call:
    """POST a JSON object."""
    return Call("POST", path, json.dumps(fields, ensure_ascii=False), headers=JSON)


def patch(path: str, /, **fields: Any) -> Call:
    """PATCH with a JSON object."""
    return replace(post(path, **fields), method="PATCH")


def raw(path: str, content: str | bytes | None, method: str = "POST", **headers: str) -> Call:
    """Send exactly this body, by default as JSON; headers by name with ``_`` for ``-``."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(method, path, content, headers={**JSON, **given})


def get(path: str, query: str = "", /, **headers: str) -> Call:
    """GET with a query string as written."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("GET", path, query=query, headers=given)


def case(name: str, *calls: Call, marks: Sequence[pytest.MarkDecorator] = ()) -> Any:
    """One line of a table: what is tried, and the calls that try it."""
    return pytest.param(calls, id=name, marks=marks)
