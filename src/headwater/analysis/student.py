"""p-values and intervals of an estimate whose error is Student's t, or normal (df infinite)."""

import math

from scipy import stats

from headwater.analysis.inputs import Alternative, fraction, one_of
from headwater.analysis.result import Interval


def tail(t: float, df: float, alternative: Alternative) -> float:
    """Return the p-value of a t statistic; infinite ``df`` makes it a normal one."""
    one_of("alternative", alternative, Alternative)
    if alternative == "greater":
        return float(stats.t.sf(t, df))
    if alternative == "less":
        return float(stats.t.cdf(t, df))
    return float(2 * stats.t.sf(abs(t), df))


def around(
    estimate: float,
    standard_error: float,
    df: float,
    level: float,
    alternative: Alternative = "two-sided",
) -> Interval:
    """Return ``estimate ± t · standard_error``, one-sided where the alternative is."""
    fraction("level", level)
    name = "normal" if math.isinf(df) else "Student's t"
    if alternative == "two-sided":
        margin = float(stats.t.ppf((1 + level) / 2, df)) * standard_error
        return Interval(estimate - margin, estimate + margin, level, name)
    margin = float(stats.t.ppf(level, df)) * standard_error
    if alternative == "greater":
        return Interval(estimate - margin, math.inf, level, name)
    return Interval(-math.inf, estimate + margin, level, name)
