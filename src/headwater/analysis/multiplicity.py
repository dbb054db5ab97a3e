"""Many tests at once: p-values adjusted so that chance finds do not pile up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import fraction, sample
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError


@dataclass(frozen=True)
class Adjusted:
    """p-values before and after, in the order they were given in."""

    method: str
    controls: str
    """Which error rate stays below ``alpha``."""

    alpha: float
    p_values: tuple[float, ...]
    adjusted: tuple[float, ...]
    rejected: tuple[bool, ...]
    """Whether each null hypothesis falls: its adjusted p-value is at most ``alpha``."""


def holm(p_values: ArrayLike, *, alpha: float = 0.05) -> Adjusted:
    """Adjust by Holm: p_(i) becomes max over j <= i of min(1, (m - j + 1) p_(j)).

    Right whatever the dependence of the tests. Source: Holm, Scand. J. Stat. 6 (1979), 65-70.
    """
    given = _probabilities(p_values)
    order = np.argsort(given, kind="stable")
    steps = np.minimum(1, given[order] * np.arange(given.size, 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.maximum.accumulate(steps)
    return _result("Holm", "the chance of any false rejection", alpha, given, adjusted)


def benjamini_hochberg(p_values: ArrayLike, *, alpha: float = 0.05) -> Adjusted:
    """Adjust by Benjamini and Hochberg: p_(i) becomes min over j >= i of min(1, p_(j) m / j).

    For independent or positively dependent tests.
    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995), 289-300.
    """
    given = _probabilities(p_values)
    adjusted = np.asarray(stats.false_discovery_control(given, method="bh"), np.float64)
    return _result(
        "Benjamini-Hochberg",
        "the expected share of false rejections among all rejections",
        alpha,
        given,
        adjusted,
    )


def _probabilities(p_values: ArrayLike) -> Float64s:
    given = sample("p_values", p_values, 1)
    if given.min() < 0 or given.max() > 1:
        raise AnalysisError("p_values holds numbers outside of 0 to 1; give p-values of tests.")
    return given


def _result(
    method: str, controls: str, alpha: float, given: Float64s, adjusted: Float64s
) -> Adjusted:
    fraction("alpha", alpha)
    return Adjusted(
        method,
        controls,
        alpha,
        tuple(map(float, given)),
        tuple(map(float, adjusted)),
        tuple(map(bool, adjusted <= alpha)),
    )
