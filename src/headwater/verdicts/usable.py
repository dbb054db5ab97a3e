"""The values of groups that can be compared, and what became of the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.analysis.missing import treat
from headwater.entities.verdict import Group, Observation, Question, Unused


@dataclass(frozen=True)
class Usable:
    """One run with a finite value."""

    run_id: str
    value: float
    pair: str | None


@dataclass(frozen=True)
class Kept:
    """The groups by name."""

    groups: dict[str, tuple[Usable, ...]]
    unused: tuple[Unused, ...]
    warnings: tuple[str, ...]


def usable(question: Question, groups: Sequence[Group]) -> Kept:
    """Apply the question's policy to runs without a finite value.

    Raises:
        AnalysisError: there are some, and the policy is to refuse them.
    """
    treated = treat(
        {group.name: [_number(run) for run in group.runs] for group in groups},
        policy=question.missing,
        higher_is_better=question.direction == "higher",
    )
    runs = {group.name: group.runs for group in groups}
    kept = {
        name: tuple(
            Usable(runs[name][place].run_id, float(value), runs[name][place].pair)
            for place, value in zip(places, treated.groups[name], strict=True)
        )
        for name, places in treated.kept.items()
    }
    unused = tuple(
        Unused(each.group, run.run_id, f"{_reason(run, question.metric)}: {each.action}")
        for each in treated.unusable
        for run in (runs[each.group][each.position],)
    )
    return Kept(kept, unused, treated.warnings)


def _number(run: Observation) -> float:
    return math.nan if run.value is None else run.value


def _reason(run: Observation, metric: str) -> str:
    if run.value is None:
        what = f"has no usable value of {metric}"
    elif math.isnan(run.value):
        what = f"{metric} is NaN"
    else:
        what = f"{metric} is infinite"
    return what if run.status == "FINISHED" else f"{what} ({run.status})"
