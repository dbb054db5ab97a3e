"""A verdict in a sentence, with its numbers."""

from collections.abc import Sequence

from headwater.entities.verdict import Comparison, Decision, Question

_MOST_NAMED = 8
_NAMED_OF_MANY = 3
"""Groups that a sentence names where they are more than that: the comparisons have all."""


def headline(question: Question, decision: Decision, comparisons: Sequence[Comparison]) -> str:
    """Return what follows for the first group."""
    if len(comparisons) == 1:
        return _sentence(question, comparisons[0])
    first = comparisons[0].a
    counts = {
        kind: [each.b for each in comparisons if each.decision == kind]
        for kind in ("better", "worse", "equivalent", "undecided")
    }
    parts = [
        f"{words} {_listed(names)}"
        for kind, words in (
            ("better", "better than"),
            ("worse", "worse than"),
            ("equivalent", "equivalent to"),
            ("undecided", "not told apart from"),
        )
        if (names := counts[kind])
    ]
    start = "Undecided: " if decision == "undecided" else ""
    return f"{start}{first} is {'; '.join(parts)} in {question.metric}."


def _sentence(question: Question, found: Comparison) -> str:
    a, b, metric = found.a, found.b, question.metric
    if found.test is None or found.estimate is None:
        few = "too few runs" if min(found.sizes) < 2 else "no test"
        return f"Undecided: {few} to compare {a} with {b} in {metric}."
    numbers = _numbers(found)
    if found.decision == "equivalent":
        return (
            f"{a} and {b} are equivalent in {metric}: they differ by less than "
            f"{question.margin:g} ({numbers})."
        )
    side = "higher" if found.estimate > 0 else "lower"
    if found.decision == "undecided":
        more = ""
        if found.runs_needed is not None:
            unit = "pairs" if len(found.sizes) == 1 else "runs in each group"
            more = f" About {found.runs_needed:,} {unit} would tell."
        if found.estimate == 0:
            return f"Undecided: {a} and {b} do not differ in {metric} ({numbers}).{more}"
        return (
            f"Undecided: {metric} of {a} is {side} than that of {b} by {abs(found.estimate):.4g}, "
            f"which may be chance ({numbers}).{more}"
        )
    return (
        f"{a} is {found.decision} than {b}: {metric} is {side} by {abs(found.estimate):.4g} "
        f"({numbers})."
    )


def _numbers(found: Comparison) -> str:
    assert found.test is not None
    parts = []
    if found.interval is not None:
        parts.append(f"{found.interval.level * 100:g} % CI {found.interval.ends()}")
    p_value = found.test.p_value if found.p_adjusted is None else found.p_adjusted
    test = found.test
    if found.decision == "equivalent" and found.equivalence is not None:
        test, p_value = found.equivalence, found.equivalence.p_value
    parts.append(f"p = {p_value:.3g}" if p_value >= 1e-4 else "p < 0.0001")
    parts.append(test.method)
    sizes = found.sizes
    parts.append(f"{sizes[0]} pairs" if len(sizes) == 1 else f"{sizes[0]} and {sizes[1]} runs")
    return ", ".join(parts)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        names = [*names[:_NAMED_OF_MANY], f"{len(names) - _NAMED_OF_MANY} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
