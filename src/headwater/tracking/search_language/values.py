"""What a field is compared with: numbers, texts, times and durations, each where it makes sense."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

from headwater.entities.expression import Comparator, Value
from headwater.tracking.search_language.pattern import normalised
from headwater.tracking.search_language.vocabulary import Kind

Fail = Callable[[int, str], NoReturn]
"""Raises the error for a problem at a position of the filter."""

_UNITS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}
"""In milliseconds."""

_DURATION = re.compile(r"([0-9.]+)([a-z]+)")
_MOST_ITEMS = 1_000
_LONGEST_NUMBER = 64
_LARGEST = 1 << 62
"""Of times and durations: what databases add and subtract without overflow."""

_WANTED = {
    "number": "a number",
    "time": "a time: now() - 7d, or milliseconds since 1970",
    "duration": "a duration such as 2h, or milliseconds",
    "text": "a quoted text",
    "either": "a quoted text, or a number",
    "id": "an id such as '1'",
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as written."""

    kind: str
    """``STRING``, ``SIGNED_NUMBER``, ``duration`` or ``moment``."""

    texts: tuple[str, ...]
    position: int


def comparison_value(
    kind: Kind, operator: Comparator, operands: Sequence[Operand], now_ms: int, fail: Fail
) -> Value:
    """Return what a field of this kind is compared with; `fail` is called where it cannot be."""
    if operator in ("IS NULL", "IS NOT NULL"):
        return None
    first = operands[0]
    plain = operator.removeprefix("NOT ")
    if plain in ("LIKE", "ILIKE", "RLIKE"):
        if kind not in ("text", "either"):
            fail(first.position, f"{plain} is for texts; expected a comparison with a number")
        text = _text(first)
        if plain != "RLIKE" and "\\" in text:
            # It escapes on PostgreSQL and does not on SQLite.
            fail(first.position + 1 + text.index("\\"), f"a backslash means nothing to {plain}")
        return _pattern(text, first.position, fail) if plain == "RLIKE" else text
    values = [_value(kind, operand, now_ms, fail) for operand in operands]
    is_text = isinstance(values[0], str)
    for value, operand in zip(values, operands, strict=True):
        if isinstance(value, str) != is_text:
            fail(operand.position, "expected all texts, or all numbers")
    if is_text and (plain == "BETWEEN" or plain[0] in "<>"):
        fail(first.position, f"texts have no order here: {plain} compares with a number")
    if plain == "IN":
        if len(values) > _MOST_ITEMS:
            fail(operands[_MOST_ITEMS].position, f"a list has at most {_MOST_ITEMS} items")
        return cast(Value, tuple(values))
    return cast(Value, tuple(values)) if plain == "BETWEEN" else values[0]


def _value(kind: Kind, operand: Operand, now_ms: int, fail: Fail) -> str | int | float:
    fits = {
        "STRING": kind in ("text", "either") or (kind == "id" and _is_id(operand)),
        "SIGNED_NUMBER": kind != "text",
        "duration": kind == "duration",
        "moment": kind == "time",
    }
    if not fits[operand.kind]:
        fail(operand.position, f"expected {_WANTED[kind]}")
    if operand.kind == "STRING":
        return int(_text(operand)) if kind == "id" else _text(operand)
    if operand.kind == "SIGNED_NUMBER":
        return _number(kind, operand, fail)
    value = 0
    if operand.kind == "duration":
        value = round(_milliseconds(operand.texts[0]))
    else:
        value = now_ms + sum(
            _milliseconds(text) * (1 if sign == "+" else -1)
            for sign, text in zip(operand.texts[1::2], operand.texts[2::2], strict=True)
        )
    if not -_LARGEST < value < _LARGEST:
        fail(operand.position, "this lies too many years away")
    return value


def _number(kind: Kind, operand: Operand, fail: Fail) -> int | float:
    text = operand.texts[0]
    if len(text) > _LONGEST_NUMBER:
        fail(operand.position, f"a number has at most {_LONGEST_NUMBER} characters")
    if kind in ("number", "either") or set(text) & set(".eE"):
        return float(text)
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value


def _milliseconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    assert match is not None, "the grammar knows durations"
    amount = min(float(match[1]), float(_LARGEST))
    return round(amount * _UNITS[match[2]])


def _is_id(operand: Operand) -> bool:
    text = _text(operand)
    return text.isascii() and text.isdigit() and len(text) < 19


def _text(operand: Operand) -> str:
    return operand.texts[0][1:-1]


def _pattern(text: str, position: int, fail: Fail) -> str:
    return normalised(text, lambda offset, problem: fail(position + 1 + offset, problem))
