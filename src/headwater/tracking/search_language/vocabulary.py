"""What fields a filter may name, and with what they compare."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, cast, get_args

from headwater.entities.expression import Field, Relation, Source, Statistic
from headwater.tracking.search_language.refusal import nearest

Kind = Literal["number", "time", "duration", "text", "either", "id"]
"""What a field compares with; ``either`` is a text that may spell a number, ``id`` a number that
may be spelled as a text."""

Fail = Callable[[int, str], NoReturn]
"""Raises the error for a problem at an offset within the field."""

_PART = re.compile(r'`([^`]+)`|"([^"]+)"|([^.`"]+)')
_STATISTICS = frozenset(get_args(Statistic))
_RELATIONS = frozenset(get_args(Relation))
_DATASET_KEYS = ("name", "digest", "context")
_KINDS: dict[Source, Kind] = {
    "metric": "number",
    "param": "either",
    "tag": "either",
    "dataset": "text",
}


@dataclass(frozen=True)
class Vocabulary:
    """The fields of one kind of search."""

    entities: Mapping[str, Source]
    """By every spelling."""

    attributes: Mapping[str, Kind]
    aliases: Mapping[str, str]
    """Other spellings of keys, be they attributes, metrics, parameters or tags."""

    related: bool
    """Whether fields of parents and children may be named."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a field's text names."""

    field: Field
    kind: Kind
    relation: Relation | None


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    quoted: bool
    start: int


def named(text: str, vocabulary: Vocabulary, fail: Fail) -> Named:
    """Return what a field names; `fail` is called where it names nothing."""
    parts = [
        _Part(match[1] or match[2] or match[3], match[3] is None, match.start())
        for match in _PART.finditer(text)
    ]
    relation: Relation | None = None
    if vocabulary.related and len(parts) > 1 and parts[0].text in _RELATIONS:
        relation = cast(Relation, parts.pop(0).text)
    entity, rest = parts[0], parts[1:]
    if not rest:
        field, kind = _attribute(entity, vocabulary, fail)
        return Named(field, kind, relation)
    source = vocabulary.entities.get(entity.text)
    if source is None:
        spellings = [*vocabulary.entities, *(_RELATIONS if vocabulary.related else ())]
        fail(
            entity.start,
            f"nothing is called {entity.text!r}.{nearest(entity.text, spellings)}"
            f" There are {_listed(_canonical(spellings))}.",
        )
    if source == "attribute":
        field, kind = _attribute(_whole(rest, fail), vocabulary, fail)
        return Named(field, kind, relation)
    if source == "dataset":
        return Named(_dataset(_whole(rest, fail), fail), "text", relation)
    if source == "metric" and (summary := _summary(rest)) is not None:
        return Named(summary, "number", relation)
    key = _whole(rest, fail).text
    return Named(Field(source, vocabulary.aliases.get(key, key)), _KINDS[source], relation)


def _whole(parts: list[_Part], fail: Fail) -> _Part:
    """Return parts as one key."""
    if len(parts) > 1:
        for part in parts:
            if part.quoted:
                fail(part.start, "quote the whole key, as in `a.b`")
    return _Part(".".join(part.text for part in parts), parts[0].quoted, parts[0].start)


def _summary(parts: list[_Part]) -> Field | None:
    """Return the summary that a metric's parts name, if they do."""
    *key, last = parts
    if not key or last.quoted or last.text not in _STATISTICS:
        return None
    statistic = cast(Statistic, last.text)
    if any(part.quoted for part in key):
        return Field("metric", key[0].text, statistic) if len(key) == 1 else None
    name = ".".join(part.text for part in key)
    return Field("metric", name, statistic, shadowed_by=f"{name}.{statistic}")


def _attribute(part: _Part, vocabulary: Vocabulary, fail: Fail) -> tuple[Field, Kind]:
    key = vocabulary.aliases.get(part.text, part.text)
    kind = vocabulary.attributes.get(key)
    if kind is None:
        fail(
            part.start,
            f"there is no attribute {part.text!r}.{nearest(part.text, vocabulary.attributes)}"
            f" There are {_listed(sorted(vocabulary.attributes))}.",
        )
    return Field("attribute", key), kind


def _dataset(part: _Part, fail: Fail) -> Field:
    if part.text not in _DATASET_KEYS:
        fail(
            part.start,
            f"datasets have no {part.text!r}.{nearest(part.text, _DATASET_KEYS)}"
            f" They have {_listed(_DATASET_KEYS)}.",
        )
    return Field("dataset", part.text)


def _canonical(spellings: list[str]) -> list[str]:
    """Return the spellings that the documentation uses."""
    return [name for name in spellings if name.endswith("s") or name in ("parent", "children")]


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
