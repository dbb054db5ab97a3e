"""What filters and orderings of run searches mean: MLflow's names for things, and its rules."""

from dataclasses import replace
from typing import cast, get_args

from headwater.entities.expression import Source
from headwater.entities.search import Condition, Operator, Ordering
from headwater.errors import NotServedError
from headwater.mlflow_release import Behaviour
from headwater.tracking.search_grammar import Clause, parse_filter, parse_ordering

SOURCES: dict[str, Source] = {
    "metric": "metric",
    "metrics": "metric",
    "parameter": "param",
    "parameters": "param",
    "param": "param",
    "params": "param",
    "tag": "tag",
    "tags": "tag",
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
    "run": "attribute",
    "dataset": "dataset",
    "datasets": "dataset",
}
_CREATED = {"created": "start_time", "Created": "start_time"}
ALIASES = _CREATED | {"run name": "run_name", "Run name": "run_name", "Run Name": "run_name"}
"""What MLflow reads for these keys, be they attributes, metrics, parameters or tags."""

NUMERIC_ATTRIBUTES = frozenset({"start_time", "end_time"})
ATTRIBUTES = NUMERIC_ATTRIBUTES | {"artifact_uri", "run_id", "run_name", "status", "user_id"}
_DATASET_KEYS = frozenset({"name", "digest", "context"})

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
TEXT_COMPARISONS = frozenset({"=", "!=", "LIKE", "ILIKE"})
NULL_CHECKS = frozenset({"IS NULL", "IS NOT NULL"})
_LIST_COMPARISONS = frozenset({"IN", "NOT IN"})


def run_conditions(text: str, behaviour: Behaviour) -> tuple[Condition, ...]:
    """Return the conditions of a filter on runs.

    Raises:
        NotServedError: MLflow refuses the filter, or only MLflow can tell what it means.
    """
    return tuple(_run_condition(clause, behaviour) for clause in parse_filter(text))


def run_ordering(text: str) -> Ordering:
    """Return an ordering of runs.

    Raises:
        NotServedError: MLflow refuses it, or only it can tell what it means.
    """
    entity, key, ascending = parse_ordering(text)
    source = SOURCES.get(entity)
    if source is None or source == "dataset":
        raise NotServedError(f"an unusual ordering: {text}")
    if source == "attribute" and key not in ATTRIBUTES | _CREATED.keys():
        raise NotServedError(f"an unusual ordering: {text}")
    return Ordering(source, ALIASES.get(key, key), ascending)


def condition(source: Source, key: str, operator: str, clause: Clause) -> Condition:
    """Return the condition that a clause states, its operator spelled `operator`."""
    assert operator in get_args(Operator)
    return Condition(source, key, cast(Operator, operator), clause.value)


def states_text(clause: Clause, operator: str) -> bool:
    """Tell whether the clause compares with one text."""
    return operator in TEXT_COMPARISONS and isinstance(clause.value, str)


def states_integer(clause: Clause) -> bool:
    """Tell whether the clause compares with an integer that a database can hold."""
    value = clause.value
    return clause.operator in COMPARISONS and isinstance(value, int) and -(2**63) <= value < 2**63


def states_list(clause: Clause) -> bool:
    """Tell whether the clause compares with a list of texts."""
    return clause.operator.upper() in _LIST_COMPARISONS and isinstance(clause.value, tuple)


def _run_condition(clause: Clause, behaviour: Behaviour) -> Condition:
    operator = clause.operator.upper()
    source = SOURCES.get(clause.entity)
    clause = replace(clause, key=ALIASES.get(clause.key, clause.key))
    if isinstance(clause.value, tuple) and not behaviour.keeps_listed_texts:
        clause = _without_dropped(clause, clause.value)
    if source == "metric" and isinstance(clause.value, int | float):
        return Condition("metric", clause.key, cast(Operator, operator), float(clause.value))
    if source in ("param", "tag") and (states_text(clause, operator) or operator in NULL_CHECKS):
        return condition(source, clause.key, operator, clause)
    if source == "attribute":
        return _attribute_condition(clause, operator)
    is_dataset = source == "dataset" and clause.key in _DATASET_KEYS
    if source is not None and is_dataset and (states_text(clause, operator) or states_list(clause)):
        return condition(source, clause.key, operator, clause)
    raise NotServedError(f"an unusual comparison: {clause}")


def _attribute_condition(clause: Clause, operator: str) -> Condition:
    key = clause.key
    if key in NUMERIC_ATTRIBUTES:
        served = states_integer(clause) or _states_fraction(clause)
    else:
        served = key in ATTRIBUTES and (
            states_text(clause, operator) or (key == "run_id" and states_list(clause))
        )
    if not served:
        raise NotServedError(f"an unusual comparison: {clause}")
    return condition("attribute", key, operator, clause)


def _states_fraction(clause: Clause) -> bool:
    value = clause.value
    return clause.operator in COMPARISONS and isinstance(value, float) and abs(value) < 2**53


def _without_dropped(clause: Clause, items: tuple[str, ...]) -> Clause:
    """Return the clause as a release of MLflow reads it that drops items; see `Behaviour`."""
    kept = tuple(item for item in items if item.islower())
    if not kept:
        raise NotServedError(f"a list that MLflow empties: {clause}")
    return replace(clause, value=kept)
