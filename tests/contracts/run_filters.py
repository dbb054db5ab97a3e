"""Filters of the superset beside what they mean, as a function of runs in memory."""

import math
import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from tests.contracts.run_model import (
    HOUR,
    KEYS,
    METRICS,
    NOW,
    NUMBERS,
    STATUSES,
    TEXTS,
    ModelRun,
    children_of,
    parent_of,
)

from headwater.entities.metric import LARGEST

Means = Callable[[ModelRun, list[ModelRun]], bool]
Filter = tuple[str, Means]
"""A text, and whether a run among others satisfies it."""

Values = Callable[[ModelRun], list[Any]]
"""What a field is for a run: usually one value or none."""

Field = tuple[str, Values]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_LITERALS = st.sampled_from([-5.0, -1.5, 0.0, 0.1, 0.5, 2.0, 7.0, 1e-310, 100.0, 1e22])


def _ordered(operator: str, low: Any, high: Any) -> Callable[[Any], bool]:
    return lambda value: (low <= value <= high) == (operator == "BETWEEN")


@st.composite
def _numeric(draw: st.DrawFn, fields: st.SearchStrategy[Field], literals: Any) -> Filter:
    """Compare numbers; `literals` are drawn as (text, value)."""
    name, values = draw(fields)
    shape = draw(st.sampled_from(["compare", "compare", "between", "in"]))
    if shape == "compare":
        operator = draw(st.sampled_from(sorted(_COMPARE)))
        text, value = draw(literals)
        compare = _COMPARE[operator]
        return f"{name} {operator} {text}", _any(values, lambda v: compare(v, value))
    negation = draw(st.sampled_from(["", "NOT "]))
    items = draw(st.lists(literals, min_size=2, max_size=2 if shape == "between" else 3))
    if shape == "between":
        (first, low), (second, high) = items
        holds = _ordered(f"{negation}BETWEEN", low, high)
        return f"{name} {negation}BETWEEN {first} and {second}", _any(values, holds)
    listed = [value for _, value in items]
    return (
        f"{name} {negation}in ({', '.join(text for text, _ in items)})",
        _any(values, lambda v: (v in listed) == (not negation)),
    )


def _any(values: Values, holds: Callable[[Any], bool]) -> Means:
    return lambda run, _: any(holds(value) for value in values(run))


def _like(pattern: str, *, ignoring_case: bool) -> "re.Pattern[str]":
    translated = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    # Databases fold the case of ASCII only.
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if ignoring_case else 0)
    return re.compile(rf"(?:{translated})\Z", flags)


@st.composite
def _textual(draw: st.DrawFn, fields: st.SearchStrategy[Field]) -> Filter:
    name, values = draw(fields)
    negation = draw(st.sampled_from(["", "not "]))
    shape = draw(st.sampled_from(["=", "LIKE", "ILIKE", "IN", "RLIKE"]))
    if shape == "=":
        operator = draw(st.sampled_from(["=", "!="]))
        text = draw(st.sampled_from([t for t in [*TEXTS, *STATUSES, "data"] if "\n" not in t]))
        return f"{name} {operator} '{text}'", _any(
            values, lambda v: (v == text) == (operator == "=")
        )
    if shape == "IN":
        texts = draw(st.lists(st.sampled_from([t for t in TEXTS if "\n" not in t]), min_size=1))
        listed = ", ".join(f"'{text}'" for text in texts)
        return f"{name} {negation}IN ({listed})", _any(
            values, lambda v: (v in texts) == (not negation)
        )
    if shape == "RLIKE":
        written, pattern = draw(PATTERNS)
        return f"{name} {negation}RLIKE '{written}'", _any(
            values, lambda v: (pattern.search(v) is not None) == (not negation)
        )
    text = draw(st.sampled_from(["%", "a%", "A%", "_b_", "%b%c", "%[x]%", "", "7_", "1e%"]))
    like = _like(text, ignoring_case=shape == "ILIKE")
    return f"{name} {negation}{shape} '{text}'", _any(
        values, lambda v: (like.match(v) is not None) == (not negation)
    )


@st.composite
def _null(draw: st.DrawFn, fields: st.SearchStrategy[Field]) -> Filter:
    name, values = draw(fields)
    words = draw(st.sampled_from(["IS NULL", "not exists", "is not null", "EXISTS"]))
    absent = words in ("IS NULL", "not exists")
    return f"{name} {words}", lambda run, _: (not values(run)) == absent


def _entry(run: ModelRun, table: str, key: str) -> list[str]:
    entries: dict[str, str] = getattr(run, table)
    return [entries[key]] if key in entries else []


def _number(text: str) -> list[float]:
    number = NUMBERS.get(text)
    return [] if number is None else [number]


def _statistic(run: ModelRun, key: str, statistic: str) -> list[float]:
    series = [value for _, _, value in run.series(key)]
    numbers = [value for value in series if not math.isnan(value)]
    finite = [value for value in numbers if abs(value) != LARGEST]
    if not series:
        return []
    found: dict[str, list[float]] = {
        "first": series[:1],
        "last": series[-1:],
        "count": [float(len(series))],
        "min": [min(numbers)] if numbers else [],
        "max": [max(numbers)] if numbers else [],
        "mean": [sum(finite) / len(finite)] if finite else [],
    }
    return found[statistic]


def _quoted(key: str) -> str:
    return f"`{key}`" if " " in key else key


def _entries(table: str) -> st.SearchStrategy[Field]:
    return st.sampled_from(KEYS).map(
        lambda key: (f"{table}.{_quoted(key)}", lambda run: _entry(run, table, key))
    )


def _numbers(table: str) -> st.SearchStrategy[Field]:
    return st.sampled_from(KEYS).map(
        lambda key: (
            f"{table}.{_quoted(key)}",
            lambda run: [n for text in _entry(run, table, key) for n in _number(text)],
        )
    )


METRIC_FIELDS: st.SearchStrategy[Field] = st.sampled_from(METRICS).map(
    lambda key: (f"metrics.{_quoted(key)}", lambda run: _statistic(run, key, "last"))
)
STATISTIC_FIELDS: st.SearchStrategy[Field] = st.builds(
    lambda key, statistic, quote: (
        f"metrics.{f'`{key}`' if quote else _quoted(key)}.{statistic}",
        lambda run: _statistic(run, key, statistic),
    ),
    st.sampled_from([*METRICS, "acc"]),
    st.sampled_from(["min", "max", "first", "last", "mean", "count"]),
    st.booleans(),
).filter(lambda named: named[0] != "metrics.acc.max")  # a metric of this name exists
_STATUS: st.SearchStrategy[Field] = st.just(("attributes.status", lambda run: [run.status]))
_NAME: st.SearchStrategy[Field] = st.just(
    ("run_name", lambda run: _entry(run, "tags", "mlflow.runName"))
)
_START: st.SearchStrategy[Field] = st.just(("start_time", lambda run: [run.start_time]))
_END: st.SearchStrategy[Field] = st.just(
    ("attributes.end_time", lambda run: [] if run.end_time is None else [run.end_time])
)
DURATION: st.SearchStrategy[Field] = st.just(
    (
        "attributes.duration",
        lambda run: [] if run.end_time is None else [run.end_time - run.start_time],
    )
)
_DATASETS: st.SearchStrategy[Field] = st.sampled_from(
    [
        ("dataset.name", lambda run: [name for name, _ in run.datasets]),
        ("datasets.context", lambda run: [context for _, context in run.datasets]),
    ]
)
_PLAIN = _LITERALS.map(lambda value: (repr(value), value))
_TIMES = st.sampled_from(
    [
        ("now()", NOW),
        ("now() - 2h", NOW - 2 * HOUR),
        ("NOW ( )-1d + 1ms", NOW - 24 * HOUR + 1),
        (str(NOW - HOUR), NOW - HOUR),
    ]
)
_DURATIONS = st.sampled_from(
    [("1h", HOUR), ("90m", 1.5 * HOUR), ("0", 0), ("7200s", 2 * HOUR), ("0.5d", 12 * HOUR)]
)
_RUN_LEAVES = st.one_of(
    _numeric(st.one_of(METRIC_FIELDS, _numbers("params"), _numbers("tags")), _PLAIN),
    _numeric(STATISTIC_FIELDS, _PLAIN),
    _numeric(st.one_of(_START, _END), _TIMES),
    _numeric(DURATION, _DURATIONS),
    _textual(st.one_of(_entries("params"), _entries("tags"), _STATUS, _NAME, _DATASETS)),
    _null(
        st.one_of(
            METRIC_FIELDS, STATISTIC_FIELDS, _entries("params"), _entries("tags"), _END, DURATION
        )
    ),
)


def _of_relatives(leaf: Filter, relation: str) -> Filter:
    text, means = leaf
    related = parent_of if relation == "parent" else children_of
    return f"{relation}.{text}", lambda run, runs: any(means(r, runs) for r in related(run, runs))


def _negated(term: Filter) -> Filter:
    text, means = term
    return f"NOT ({text})", lambda run, runs: not means(run, runs)


def _joined(terms: list[Filter], word: str) -> Filter:
    whole = all if word == "and" else any
    return (
        f" {word} ".join(f"({text})" for text, _ in terms),
        lambda run, runs: whole(means(run, runs) for _, means in terms),
    )


_LEAVES = st.one_of(
    _RUN_LEAVES,
    _RUN_LEAVES,
    st.builds(_of_relatives, _RUN_LEAVES, st.sampled_from(["parent", "children"])),
)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str, "re.Pattern[str]"]:
    """Draw a regular expression, and the same for Python."""
    atoms = st.sampled_from(
        ["a", "b", "7", r"\d", r"\w", r"\s", ".", "[a-c]", "[^a]", r"[\d_]", r"\.", "É", "[%-]"]
    )
    bounds = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{0,3}"])

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        groups = st.builds("{}{}{}".format, st.sampled_from(["(", "(?:"]), inner, st.just(")"))
        return st.one_of(
            st.builds("{}{}".format, groups, bounds),
            st.builds("{}|{}".format, inner, inner),
            st.builds("{}{}".format, inner, inner),
        )

    written = draw(st.recursive(st.builds("{}{}".format, atoms, bounds), grown, max_leaves=4))
    if draw(st.booleans()):
        written = f"^({written})$"
    return written, re.compile(written.replace("$", r"\Z"), re.DOTALL | re.ASCII)


PATTERNS = patterns()
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    _LEAVES,
    lambda terms: st.one_of(
        terms.map(_negated),
        st.builds(_joined, st.lists(terms, min_size=2, max_size=3), st.sampled_from(["and", "OR"])),
    ),
    max_leaves=4,
)
