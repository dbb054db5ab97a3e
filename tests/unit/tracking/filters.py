"""Filters and orderings: mostly ordinary ones, some with a quirk."""

from hypothesis import strategies as st
from tests.unit.tracking.searched import ENTRY_KEYS, METRIC_KEYS, RUN_IDS, STATUSES, TEXTS

_SPACE = st.sampled_from([" ", " ", "  ", "\n", "\t"])
_COMPARATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
_NUMBERS = st.sampled_from(["0", "0.5", "-1.5", "1e22", "1E-300", "1e400", "7", "0.1", "007"])
_TIMES = st.sampled_from(["0", "1000", "2000", "5000", "-1", "1999.5", "2e3"])
_ALSO = ["in", "values", "as", "group", "count", "1a", "a-b"]
_EXPERIMENT_KEYS = ["name", "creation_time", "last_update_time"]
_QUIRKS = st.sampled_from(
    [" ", "'", '"', "`", "(", ")", ";", "--", "OR", "\\", ".", "%s", "é", ","]
)


def _quoted_key(key: str) -> st.SearchStrategy[str]:
    spellings = [f"`{key}`", f'"{key}"']
    return st.sampled_from([*spellings, key] if key.replace(".", "").isalnum() else spellings)


def _field(entities: list[str], keys: list[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from([*keys * 9, *_ALSO]).flatmap(_quoted_key)
    return st.builds("{}.{}".format, st.sampled_from(entities), names)


def _literal(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def _texts(values: list[str]) -> st.SearchStrategy[str]:
    patterns = [*values, *(f"%{value}%" for value in values), "_b_", "%a%"]
    return st.sampled_from(patterns).map(_literal)


def _compare_text(
    fields: st.SearchStrategy[str], values: list[str], likes: tuple[str, ...] = ("LIKE", "ILIKE")
) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["=", "!=", *likes])
    return st.builds("{}{}{}{}{}".format, fields, _SPACE, operators, _SPACE, _texts(values))


def _compare_null(fields: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{} {}".format, fields, st.sampled_from(["IS NULL", "is not null"]))


def _compare_list(fields: st.SearchStrategy[str], values: list[str]) -> st.SearchStrategy[str]:
    lists = st.lists(st.sampled_from(values), min_size=1, max_size=4).map(
        lambda items: f"({', '.join(map(_literal, items))})"
    )
    return st.builds("{} {} {}".format, fields, st.sampled_from(["IN", "NOT IN", "in"]), lists)


def _attributes(names: list[str]) -> st.SearchStrategy[str]:
    return st.builds(
        "{}{}".format,
        st.sampled_from(["", "", "attributes.", "attribute.", "attr.", "run."]),
        st.sampled_from(names),
    )


_LIKES = ("LIKE", "ILIKE", "like", "Ilike")
_PARAMS = _field(["params", "param", "parameters", "parameter"], ENTRY_KEYS)
_TAGS = _field(["tags", "tag"], ENTRY_KEYS)
_DATASETS = _field(["datasets", "dataset"], ["name", "digest", "context"])
_METRICS = _field(["metrics", "metric"], METRIC_KEYS)
_RUN_CLAUSES = st.one_of(
    st.builds("{}{}{}".format, _METRICS, _COMPARATORS, _NUMBERS),
    st.builds("{} {} {}".format, _METRICS, _COMPARATORS, _NUMBERS),
    _compare_text(_PARAMS, TEXTS, _LIKES),
    _compare_text(_TAGS, TEXTS, _LIKES),
    _compare_null(st.one_of(_PARAMS, _TAGS)),
    st.builds(
        "{} {} {}".format,
        _attributes(["start_time", "end_time", "created", "Created"]),
        _COMPARATORS,
        _TIMES,
    ),
    _compare_text(_attributes(["status"]), STATUSES, _LIKES),
    _compare_text(_attributes(["run_name", "user_id", "artifact_uri"]), [*TEXTS, "me"], _LIKES),
    _compare_text(_attributes(["run_id"]), RUN_IDS[:9], _LIKES),
    _compare_list(_attributes(["run_id"]), [*RUN_IDS[:9], RUN_IDS[0].upper(), "7"]),
    _compare_text(_DATASETS, ["data0", "di2", "train", "Train", "eval"], _LIKES),
    _compare_list(_DATASETS, ["data0", "di2", "train", "Train", "eval", "0"]),
)
_SUPERSET_CLAUSES = st.sampled_from(
    [
        "metrics.loss.max > 0.5",
        "metrics.`loss`.max > 0.5",
        "metrics.acc BETWEEN 0 AND 1",
        "metrics.acc IS NULL",
        "params.lr < 1",
        "params.lr NOT LIKE '0%'",
        "tags.team IN ('abc', 'Abc')",
        "tags.team RLIKE '^a.c'",
        "tags.team EXISTS",
        "start_time > now() - 7d",
        "duration > 2h",
        "parent.tags.team = 'abc'",
        "children.metrics.acc > 0",
        "NOT status = 'FAILED'",
        "(status = 'FAILED' or run_name = 'abc')",
    ]
)
_EXPERIMENT_TAGS = _field(["tags", "tag"], ENTRY_KEYS)
_EXPERIMENT_ATTRIBUTES = st.sampled_from(["", "attribute."])
_EXPERIMENT_CLAUSES = st.one_of(
    _compare_text(
        st.builds("{}name".format, _EXPERIMENT_ATTRIBUTES), ["Default", "alpha", "É"], _LIKES
    ),
    _compare_text(_EXPERIMENT_TAGS, TEXTS, _LIKES),
    _compare_null(_EXPERIMENT_TAGS),
    st.builds(
        "{}{} {} {}".format,
        _EXPERIMENT_ATTRIBUTES,
        st.sampled_from(["creation_time", "last_update_time"]),
        _COMPARATORS,
        st.sampled_from(["5", "6", "9", "0"]),
    ),
    st.builds("{}experiment_id = {}".format, _EXPERIMENT_ATTRIBUTES, st.sampled_from(["'1'", "2"])),
    _compare_list(st.builds("{}experiment_id".format, _EXPERIMENT_ATTRIBUTES), ["0", "1", "x"]),
)


@st.composite
def _filters(draw: st.DrawFn, clauses: st.SearchStrategy[str], conditions: int) -> str:
    parts = draw(st.lists(clauses, max_size=conditions))
    text = draw(st.sampled_from([" AND ", " and ", "\nAND  "])).join(parts)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(_QUIRKS) + text[at:]
    return text


def run_filters(conditions: int = 4) -> st.SearchStrategy[str]:
    """Filters on runs of up to so many comparisons."""
    return _filters(_RUN_CLAUSES, conditions)


@st.composite
def mixed_filters(draw: st.DrawFn) -> str:
    """Filters on runs with something of the superset, or something that is in no language."""
    parts = draw(st.lists(st.one_of(_RUN_CLAUSES, _SUPERSET_CLAUSES), min_size=1, max_size=3))
    joins = st.sampled_from([" AND ", " and ", " OR ", " AND NOT ", ", ", " "])
    text = parts[0] + "".join(f"{draw(joins)}{part}" for part in parts[1:])
    return draw(st.sampled_from(["{}", "{}", "({})", "NOT {}", "{} OR", "{})"])).format(text)


def experiment_filters() -> st.SearchStrategy[str]:
    """Filters on experiments."""
    return _filters(_EXPERIMENT_CLAUSES, 3)


def _directed(fields: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    directions = [*["", " ASC", " DESC", " desc", "  asc"] * 5, " DESC NULLS LAST"]
    return st.builds("{}{}".format, fields, st.sampled_from(directions))


def run_orderings() -> st.SearchStrategy[str]:
    """Orderings of runs."""
    names = ["start_time", "end_time", "status", "run_name", "run_id", "user_id", "Created"]
    return _directed(st.one_of(_METRICS, _PARAMS, _TAGS, _attributes([*names, "artifact_uri"])))


def experiment_orderings() -> st.SearchStrategy[str]:
    """Orderings of experiments."""
    names = st.sampled_from([*_EXPERIMENT_KEYS, "experiment_id", "lifecycle_stage"])
    return _directed(st.builds("{}{}".format, _EXPERIMENT_ATTRIBUTES, names))
