"""Orderings by summaries of series: from the summary rows, or as `SeriesFacts` has computed them.

NaN comes after numbers, and runs without a value after that, as with MLflow's metrics.
"""

import json

from headwater.entities.expression import SeriesFacts
from headwater.entities.search import Ordering
from headwater.storage.metadata.base import ENTRY, NUMBER, PAIRS
from headwater.storage.metadata.conditions import Sql
from headwater.storage.metadata.statistic_conditions import statistic_column


def latest_key(ordering: Ordering, facts: SeriesFacts) -> str | None:
    """Return the key whose latest value orders; None where a summary row is needed."""
    if ordering.shadowed_by in facts.metrics and ordering.shadowed_by is not None:
        return ordering.shadowed_by
    return ordering.key if ordering.statistic in (None, "last") else None


def statistic_join(number: int, ordering: Ordering, facts: SeriesFacts) -> Sql:
    """Join the summaries ``o{number}``.

    Where some are computed, join ``k{number}`` for their runs, and ``l{number}``, which holds them.
    """
    sql = (
        f"LEFT JOIN headwater_metric_series AS o{number} "
        f'ON o{number}.run_uuid = runs.run_uuid AND o{number}."key" = ?'
    )
    loose = facts.loose.get(ordering.key)
    if not loose:
        return sql, [ordering.key]
    assert ordering.statistic is not None
    texts = {run_id: _text(getattr(of, ordering.statistic)) for run_id, of in loose.items()}
    entries = json.dumps(texts)
    return (
        f"{sql} LEFT JOIN runs AS k{number} ON k{number}.run_uuid = runs.run_uuid "  # noqa: S608  # a constant
        f"AND k{number}.run_uuid IN (SELECT pairs.key FROM {PAIRS}(?) AS pairs) "
        f"CROSS JOIN (SELECT CAST(? AS TEXT) AS entries) AS l{number}"
    ), [ordering.key, entries, entries]


def statistic_terms(number: int, ordering: Ordering, facts: SeriesFacts) -> tuple[str, str]:
    """Return what to order by: a rank, then a value, in whatever direction."""
    statistic = ordering.statistic
    assert statistic is not None
    stored = statistic_column(f"o{number}", statistic)
    value, is_nan = stored, f"o{number}.first_is_nan"
    if facts.loose.get(ordering.key):
        is_stored = f"k{number}.run_uuid IS NULL"
        entry = ENTRY.format(f"l{number}.entries", "runs.run_uuid")
        value = f"CASE WHEN {is_stored} THEN {stored} ELSE {NUMBER}({entry}) END"
        is_nan = f"CASE WHEN {is_stored} THEN {is_nan} ELSE {entry} = 'nan' END"
    nan_case = ""
    if statistic == "first":
        nan_case = f"WHEN {is_nan} THEN 1 "
        value = f"CASE WHEN {is_nan} THEN 0 ELSE {value} END"
    return f"CASE {nan_case}WHEN {value} IS NULL THEN 2 ELSE 0 END", value


def _text(value: float | None) -> str:
    return "" if value is None else repr(float(value))
