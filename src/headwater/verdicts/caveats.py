"""What a reader must know of how the runs were made before believing a verdict on them."""

from collections.abc import Sequence

import numpy as np

from headwater.entities.verdict import Group, Question

_UNEQUAL = 1.1
"""Budgets whose medians differ by more than this ratio are not equal."""

_SHORT = 60_000
"""Milliseconds below which times differ by the start of a program more than by its work."""

_ENDED_BADLY = ("FAILED", "KILLED")


def caveats(question: Question, groups: Sequence[Group], could_pair_by: str | None) -> list[str]:
    """Return warnings on peeking, unequal budgets, failed runs and pairs that were not used."""
    found = [*_peeking(groups), *_failures(groups), *_budgets(groups)]
    if question.paired_by is None and could_pair_by is not None:
        found.append(
            f"Runs of all groups share values of {could_pair_by}, but are compared unpaired; "
            "pairing by it may find smaller differences."
        )
    return found


def _peeking(groups: Sequence[Group]) -> list[str]:
    running = sum(run.status in ("RUNNING", "SCHEDULED") for group in groups for run in group.runs)
    if not running:
        return []
    are = "run is" if running == 1 else "runs are"
    return [
        f"{running} {are} not finished: who looks before the end, and again later, finds "
        "differences by chance more often than alpha says."
    ]


def _failures(groups: Sequence[Group]) -> list[str]:
    counts = [
        f"{bad} of {len(group.runs)} in {group.name}"
        for group in groups
        if (bad := sum(run.status in _ENDED_BADLY and run.value is not None for run in group.runs))
    ]
    if not counts:
        return []
    return [f"Runs that failed or were killed count with the value they had: {', '.join(counts)}."]


def _budgets(groups: Sequence[Group]) -> list[str]:
    found = []
    for what, least, values in (
        ("steps", 1, [[run.steps for run in group.runs] for group in groups]),
        ("time", _SHORT, [[run.duration for run in group.runs] for group in groups]),
    ):
        medians = [
            float(np.median(known))
            for each in values
            if (known := [value for value in each if value])
        ]
        if len(medians) < len(groups) or max(medians) < least:
            continue
        if max(medians) <= _UNEQUAL * min(medians):
            continue
        names = [group.name for group in groups]
        most, fewest = (names[int(pick(medians))] for pick in (np.argmax, np.argmin))
        found.append(
            f"Budgets are unequal: the runs of {most} have {max(medians) / min(medians):.3g} times "
            f"the {what} of those of {fewest} (medians)."
        )
    return found
