"""Compares groups of runs and says what follows: pure, and the same for the same input."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headwater.analysis import equivalence as tost
from headwater.analysis.assumptions import Check as LookedAt
from headwater.analysis.effect_size import (
    EffectSize,
    hedges_g,
    hedges_g_paired,
    probability_of_improvement,
)
from headwater.analysis.inputs import fraction, positive
from headwater.analysis.many_groups import anova, kruskal_wallis
from headwater.analysis.multiplicity import holm
from headwater.analysis.power import seeds_needed
from headwater.analysis.ranks import friedman
from headwater.analysis.result import HypothesisTest as Outcome
from headwater.analysis.result import Interval as Range
from headwater.entities.metric import Float64s
from headwater.entities.reduction import parse_reduction
from headwater.entities.verdict import (
    Check,
    Comparison,
    Decision,
    Effect,
    Group,
    HypothesisTest,
    Interval,
    Question,
    Verdict,
)
from headwater.errors import AnalysisError
from headwater.verdicts.caveats import caveats
from headwater.verdicts.choice import Chosen, check_test, test_groups, test_pairs
from headwater.verdicts.headline import headline
from headwater.verdicts.pairing import Values, complete_rows, pair_up, partnerless, unpaired
from headwater.verdicts.profiling import profiles
from headwater.verdicts.ranking import ranking
from headwater.verdicts.usable import Kept, Usable, usable

_LEAST = 2
"""Values without which there is no spread to compare a difference with."""

_LEAST_FOR_EFFECT = 3
"""Pairs without which a standardised difference has no finite mean."""


@dataclass(frozen=True)
class _Compared:
    """The first group and another one, before p-values are adjusted."""

    values: Values
    chosen: Chosen | None
    equivalence: tost.Equivalence | None
    warnings: tuple[str, ...]


def judge(question: Question, groups: Sequence[Group], could_pair_by: str | None = None) -> Verdict:
    """Say whether the first group is better than each of the others.

    Each comparison has its test (see `headwater.verdicts.choice`), p-values adjusted by Holm, and
    is "better" or "worse" where the adjusted p-value is at most alpha; "equivalent" where a margin
    is given and two one-sided tests find the difference within it, even if it is not zero.
    `could_pair_by` names a column by which runs would pair, for a warning.

    Raises:
        AnalysisError: fewer than two groups, a run in several, or a question without an answer.
    """
    _check(question, groups)
    kept = usable(question, groups)
    compared = [
        _compare(question, kept.groups[groups[0].name], kept.groups[other.name])
        for other in groups[1:]
    ]
    p_values = [each.chosen.test.p_value for each in compared if each.chosen is not None]
    adjusted = iter(holm(p_values, alpha=question.alpha).adjusted if p_values else ())
    names = [group.name for group in groups]
    comparisons = tuple(
        _comparison(question, names[0], name, each, None if each.chosen is None else next(adjusted))
        for name, each in zip(names[1:], compared, strict=True)
    )
    unused = list(kept.unused)
    if question.paired_by is not None:
        unused += partnerless(kept.groups, question.paired_by)
    decision = _overall([each.decision for each in comparisons])
    return Verdict(
        question,
        tuple(groups),
        tuple(unused),
        _omnibus(question, kept) if len(groups) > 2 else None,
        comparisons,
        decision,
        headline(question, decision, comparisons),
        (*kept.warnings, *caveats(question, groups, could_pair_by)),
        could_pair_by,
        ranks=ranking(question, kept.groups),
        profiles=profiles(question, kept.groups),
    )


def recompute(verdict: Verdict) -> Verdict:
    """Return the verdict computed anew from what it holds; equal to it, bit for bit."""
    return judge(verdict.question, verdict.groups, verdict.could_pair_by)


def _check(question: Question, groups: Sequence[Group]) -> None:
    fraction("alpha", question.alpha)
    fraction("power", question.power)
    parse_reduction(question.reduction)
    check_test(question)
    if question.margin is not None:
        positive("margin", question.margin)
    if len(groups) < 2:
        raise AnalysisError(f"groups holds {len(groups)}; name at least two to compare.")
    names = [group.name for group in groups]
    if len(set(names)) < len(names):
        raise AnalysisError("two groups have one name; give each its own.")
    owners: dict[str, str] = {}
    for group in groups:
        for run in group.runs:
            other = owners.setdefault(run.run_id, group.name)
            if other != group.name:
                raise AnalysisError(
                    f"run {run.run_id} is in {other} and in {group.name}; narrow their filters, "
                    "so that no run is compared with itself."
                )


def _compare(question: Question, first: Sequence[Usable], other: Sequence[Usable]) -> _Compared:
    values = (unpaired if question.paired_by is None else pair_up)(first, other)
    if min(values.a.size, values.b.size) < _LEAST:
        return _Compared(values, None, None, (_too_few(question, values),))
    test = test_pairs if values.paired else test_groups
    try:
        chosen = test(values.a, values.b, question)
    except AnalysisError as error:  # these values have no answer; others may
        return _Compared(values, None, None, (*values.warnings, f"No test: {error}"))
    found, warnings = None, (*values.warnings, *chosen.warnings)
    if question.margin is not None:
        if _varies(values):
            found = tost.equivalence(
                values.a,
                values.b,
                low=-question.margin,
                high=question.margin,
                paired=values.paired,
                alpha=question.alpha,
            )
        else:
            warnings += ("The values do not vary: equivalence cannot be tested.",)
    return _Compared(values, chosen, found, warnings)


def _too_few(question: Question, values: Values) -> str:
    if values.paired:
        return (
            f"Pairs that share a value of {question.paired_by}: {values.a.size}; at least {_LEAST} "
            "are needed, and five or more advised."
        )
    return (
        f"Runs with a value: {values.a.size} and {values.b.size}; at least {_LEAST} in each group "
        "are needed, and five or more advised."
    )


def _varies(values: Values) -> bool:
    if values.paired:
        differences = values.a - values.b
        return bool(np.ptp(differences) > 1e-14 * float(np.abs(differences).max()))
    return bool(np.ptp(values.a) > 0 or np.ptp(values.b) > 0)


def _comparison(
    question: Question, a: str, b: str, found: _Compared, p_adjusted: float | None
) -> Comparison:
    values, chosen = found.values, found.chosen
    sizes = (values.a.size,) if values.paired else (values.a.size, values.b.size)
    test = None if chosen is None else chosen.test
    decision, warnings = _decision(question, values, test, p_adjusted, found.equivalence)
    undecided = decision == "undecided" and chosen is not None
    return Comparison(
        a,
        b,
        sizes,
        (_mean(values.a), _mean(values.b)),
        decision,
        () if chosen is None else chosen.why,
        () if chosen is None else tuple(map(_check_record, chosen.checks)),
        None if test is None else _test_record(test),
        p_adjusted,
        "" if test is None else test.estimate_name,
        None if test is None else test.estimate,
        None if test is None or test.interval is None else _interval(test.interval),
        _effects(question, values) if chosen is not None and _varies(values) else (),
        None if found.equivalence is None else _equivalence_record(found.equivalence),
        _runs_needed(question, values) if undecided else None,
        () if test is None else test.assumptions,
        (*found.warnings, *warnings),
    )


def _decision(
    question: Question,
    values: Values,
    test: Outcome | None,
    p_adjusted: float | None,
    equivalence: tost.Equivalence | None,
) -> tuple[Decision, tuple[str, ...]]:
    if test is None or p_adjusted is None:
        return "undecided", ()
    differs = p_adjusted <= question.alpha
    if equivalence is not None and equivalence.equivalent:
        told = ("They differ, but by less than the margin.",) if differs else ()
        return "equivalent", told
    if not differs:
        return "undecided", ()
    difference = test.estimate or float(values.a.mean() - values.b.mean())
    return "better" if (difference > 0) == (question.direction == "higher") else "worse", ()


def _effects(question: Question, values: Values) -> tuple[Effect, ...]:
    level = 1 - question.alpha
    if values.paired:
        if values.a.size < _LEAST_FOR_EFFECT:
            return ()
        return (_effect(hedges_g_paired(values.a, values.b, level=level)),)
    ordered = (values.a, values.b) if question.direction == "higher" else (values.b, values.a)
    return (
        _effect(hedges_g(values.a, values.b, level=level)),
        _effect(probability_of_improvement(*ordered, level=level)),
    )


def _runs_needed(question: Question, values: Values) -> int | None:
    if not _varies(values):
        return None
    if values.paired:
        spread = float((values.a - values.b).std(ddof=1))
    else:
        spread = math.sqrt(float(values.a.var(ddof=1) + values.b.var(ddof=1)) / 2)
    difference = question.margin or abs(float(values.a.mean() - values.b.mean()))
    if difference == 0 or spread == 0 or not math.isfinite(difference / spread):
        return None
    needed = seeds_needed(
        difference / spread, power=question.power, alpha=question.alpha, paired=values.paired
    ).per_group
    # As many as there are have not told: of several comparisons each has to be surer.
    return None if needed is None else max(needed, min(values.a.size, values.b.size) + 1)


def _omnibus(question: Question, kept: Kept) -> HypothesisTest | None:
    """Return whether any of the groups differ at all, None where that cannot be tested."""
    groups = list(kept.groups.values())
    if question.paired_by is not None:
        rows = complete_rows(groups)
        if len(rows) < _LEAST or np.all(rows == rows[:, :1]):  # ties alone rank nothing
            return None
        found = friedman(rows, higher_is_better=question.direction == "higher", seed=question.seed)
        return _test_record(found.iman_davenport)
    arrays = [np.array([each.value for each in group]) for group in groups]
    if min(array.size for array in arrays) < _LEAST:
        return None
    if any(np.ptp(array) == 0 for array in arrays):
        if np.ptp(np.concatenate(arrays)) == 0:
            return None
        return _test_record(kruskal_wallis(arrays, seed=question.seed))
    return _test_record(anova(arrays))


def _overall(decisions: Sequence[Decision]) -> Decision:
    if "worse" in decisions:
        return "worse"
    kinds = set(decisions)
    return decisions[0] if len(kinds) == 1 else "undecided"


def _mean(values: Float64s) -> float | None:
    return float(values.mean()) if values.size else None


def _check_record(check: LookedAt) -> Check:
    return Check(check.assumption, check.method, check.holds, check.finding)


def _test_record(test: Outcome) -> HypothesisTest:
    return HypothesisTest(
        test.method,
        test.null,
        test.statistic_name,
        _finite(test.statistic),
        test.df,
        test.p_value,
        test.exact,
    )


def _equivalence_record(found: tost.Equivalence) -> HypothesisTest:
    low = abs(found.p_low) >= abs(found.p_high)
    bound = found.low if low else found.high
    return HypothesisTest(
        found.method,
        f"the difference is not between {found.low:g} and {found.high:g}",
        "t",
        (found.estimate - bound) / found.standard_error,
        (found.df,),
        found.p_value,
        exact=False,
    )


def _interval(found: Range) -> Interval:
    return Interval(_finite(found.low), _finite(found.high), found.level, found.method)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _effect(found: EffectSize) -> Effect:
    return Effect(found.method, found.estimate, _interval(found.interval))
