"""Every field of every native request, holding every kind of JSON value."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from tests.compatibility.calls import Call, case, post, raw
from tests.compatibility.endpoints import POSTS, PREPARATIONS
from tests.compatibility.pair import Pair

_VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "whole number": "7",
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "whole float": "2.0",
    "2**31": "2147483648",
    "2**63 - 1": "9223372036854775807",
    "2**63": "9223372036854775808",
    "1e400": "1e400",
    "NaN": "NaN",
    "text": '"text"',
    "number in text": '"7"',
    "NaN in text": '"NaN"',
    "empty text": '""',
    "empty list": "[]",
    "list of text": '["text"]',
    "list of null": "[null]",
    "object": '{"key": "k"}',
    "list of objects": '[{"key": "k"}]',
}
_MARK = "@@value@@"


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every field, also within lists of objects."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for name, child in children:
        if isinstance(value, dict):
            yield (*path, name)
        if isinstance(child, dict | list) and child:
            yield from _paths(child, (*path, name))


def _parent(fields: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        fields = fields[step]
    return fields


def _with_value(endpoint: str, path: tuple[str | int, ...], value: str) -> Call:
    fields = deepcopy(POSTS[endpoint])
    _parent(fields, path)[path[-1]] = _MARK
    return raw(endpoint, json.dumps(fields).replace(f'"{_MARK}"', value))


def _without(endpoint: str, path: tuple[str | int, ...]) -> Call:
    fields = deepcopy(POSTS[endpoint])
    del _parent(fields, path)[path[-1]]
    return post(endpoint, **fields)


def _in_camel_case(endpoint: str, path: tuple[str | int, ...]) -> Call:
    fields = deepcopy(POSTS[endpoint])
    parent = _parent(fields, path)
    first, *rest = str(path[-1]).split("_")
    parent[first + "".join(word.title() for word in rest)] = parent.pop(path[-1])
    return post(endpoint, **fields)


def _cases() -> Iterator[Any]:
    for endpoint, fields in POSTS.items():
        for path in _paths(fields):
            name = f"{endpoint} {'.'.join(map(str, path))}"
            before = PREPARATIONS.get(endpoint, ())
            yield case(f"{name} missing", *before, _without(endpoint, path))
            if "_" in str(path[-1]):
                yield case(f"{name} in camelCase", *before, _in_camel_case(endpoint, path))
            for kind, value in _VALUES.items():
                yield case(f"{name} = {kind}", *before, _with_value(endpoint, path, value))


@pytest.mark.parametrize("calls", list(_cases()))
def test_same_answer_and_state(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(*calls)
    pair.compare_state()
