"""The table of a verdict's comparisons, in words and rounded numbers, whatever it is shown by."""

from headwater.entities.verdict import Comparison, Verdict

TITLES = ("against", "runs", "mean", "its mean", "difference", "interval", "p", "decision")


def rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """Return a row a comparison, with a cell for each of `TITLES`."""
    return [_row(each) for each in verdict.comparisons]


def notes(verdict: Verdict) -> list[str]:
    """Return what the numbers rest on and what speaks against them, each in a line."""
    found = []
    for each in verdict.comparisons:
        place = f"{each.b}: " if len(verdict.comparisons) > 1 else ""
        if each.test is not None:
            found.append(f"{place}{each.test.method}. {' '.join(each.why)}")
        found += [
            f"{place}{effect.method} {effect.estimate:.3g} "
            f"({effect.interval.level * 100:g} % CI {effect.interval.ends()})"
            for effect in each.effects
        ]
    return found


def warnings(verdict: Verdict) -> list[str]:
    """Return every warning once, those of one comparison with its group."""
    found = list(verdict.warnings)
    several = len(verdict.comparisons) > 1
    for each in verdict.comparisons:
        found += [f"{each.b}: {told}" if several else told for told in each.warnings]
    if verdict.unused:
        found.append(f"Runs that are not compared by their own value: {len(verdict.unused)}.")
    return list(dict.fromkeys(found))


def _row(found: Comparison) -> tuple[str, ...]:
    interval = found.interval
    return (
        found.b,
        f"{found.sizes[0]} pairs" if len(found.sizes) == 1 else " / ".join(map(str, found.sizes)),
        _number(found.means[0]),
        _number(found.means[1]),
        _number(found.estimate, "+"),
        "" if interval is None else interval.ends("+"),
        _p_value(found.p_adjusted),
        found.decision,
    )


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4g}"


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if value >= 1e-4 else "< 0.0001"
