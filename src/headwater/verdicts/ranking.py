"""Ranks several groups within pairs, for a critical-difference diagram."""

from collections.abc import Mapping, Sequence

from headwater.analysis.ranks import critical_difference
from headwater.entities.verdict import Question, Ranks
from headwater.verdicts.pairing import complete_rows
from headwater.verdicts.usable import Usable

_LEAST_GROUPS = 3
_LEAST_PAIRS = 2


def ranking(question: Question, groups: Mapping[str, Sequence[Usable]]) -> Ranks | None:
    """Return mean ranks and Nemenyi's critical difference over the pairs that all groups have.

    None without pairs, for two groups, or where fewer than two pairs are complete. It describes all
    groups with all; the decisions of a verdict do not rest on it.
    """
    if question.paired_by is None or len(groups) < _LEAST_GROUPS:
        return None
    rows = complete_rows(list(groups.values()))
    if len(rows) < _LEAST_PAIRS:
        return None
    found = critical_difference(
        list(groups), rows, higher_is_better=question.direction == "higher", alpha=question.alpha
    )
    return Ranks(
        found.method,
        len(rows),
        found.names,
        found.mean_ranks,
        found.difference,
        found.cliques,
    )
