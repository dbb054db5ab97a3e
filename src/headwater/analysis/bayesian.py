"""Probabilities that a is practically worse, equivalent or better, with a region of practical
equivalence (ROPE) around zero.

Definitions as in Benavoli, Corani, Demšar and Zaffalon, Time for a Change, JMLR 18 (2017), 1-36,
for differences a - b.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from headwater.analysis.inputs import fraction, generator, pairs, positive, whole
from headwater.analysis.result import Interval
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

_BATCH = 1 << 20


@dataclass(frozen=True)
class Posterior:
    """What is believed of the difference a - b; the three probabilities sum to 1."""

    method: str
    rope: float
    """Differences of at most this size count as none."""

    p_less: float
    """That a is less than b by more than the ROPE."""

    p_equivalent: float
    p_greater: float
    estimate: float
    """Mean difference: posterior where there is one, else of the data."""

    interval: Interval | None
    """Central credible interval of the mean difference."""

    sizes: tuple[int, ...]
    """Pairs, or data sets and scores of each."""

    draws: int
    """From the posterior; 0 where it has a closed form."""

    seed: int | None
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def correlated_t(
    a: ArrayLike, b: ArrayLike, *, rope: float, test_share: float, level: float = 0.95
) -> Posterior:
    """Compare two learners on one data set by scores of the same cross-validation splits.

    The posterior of the mean difference is Student's t around the mean, with n - 1 degrees of
    freedom and scale² = s² (1/n + test_share); ``test_share`` as in
    ``paired.corrected_resampled_t``: 1/(k - 1) for k-fold cross-validation, however often repeated,
    0 for independent pairs.
    Source: Corani and Benavoli, Machine Learning 100 (2015), 285-304.
    """
    first, second = pairs(a, b)
    _check_rope(rope)
    if not 0 <= test_share < math.inf:
        raise AnalysisError(f"test_share is {test_share}; give test size / training size.")
    differences = first - second
    n, mean = differences.size, float(differences.mean())
    scale = float(differences.std(ddof=1)) * math.sqrt(1 / n + test_share)
    fraction("level", level)
    warnings: tuple[str, ...] = ()
    if scale == 0:
        less, greater = float(mean < -rope), float(mean > rope)
        if rope == 0 and mean == 0:
            less = greater = 0.5
        interval, warnings = Interval(mean, mean, level, "credible"), ("a - b does not vary.",)
    else:
        less = float(stats.t.cdf(-rope, n - 1, mean, scale))
        greater = float(stats.t.sf(rope, n - 1, mean, scale))
        ends = stats.t.ppf([(1 - level) / 2, (1 + level) / 2], n - 1, mean, scale)
        interval = Interval(float(ends[0]), float(ends[1]), level, "credible")
    return Posterior(
        "Bayesian correlated t-test",
        rope,
        less,
        max(0.0, 1 - less - greater),
        greater,
        mean,
        interval,
        (n,),
        0,
        None,
        ("differences are normal", "splits correlate by test_share / (1 + test_share)"),
        warnings,
    )


def sign(
    a: ArrayLike, b: ArrayLike, *, rope: float, seed: int, prior: float = 1.0, draws: int = 50_000
) -> Posterior:
    """Compare by how often a wins, ties or loses: the posterior is a Dirichlet distribution.

    Weights are the three counts, ``prior`` added to that of ties. Each probability is the share of
    draws in which its outcome is the likeliest of the three.
    """
    first, second = pairs(a, b, 1)
    _check_rope(rope)
    positive("prior", prior)
    whole("draws", draws, 100)
    differences = first - second
    counts = [(differences < -rope).sum(), 0, (differences > rope).sum()]
    counts[1] = differences.size - counts[0] - counts[2]
    # A weight of zero is no Dirichlet distribution.
    weights = np.array(counts) + np.array([1e-4, prior + 1e-4, 1e-4])
    return _of_draws(
        "Bayesian sign test",
        rope,
        generator(seed).dirichlet(weights, draws),
        float(differences.mean()),
        (differences.size,),
        seed,
    )


def signed_rank(
    a: ArrayLike, b: ArrayLike, *, rope: float, seed: int, prior: float = 0.5, draws: int = 50_000
) -> Posterior:
    """Compare two methods by their mean scores on several data sets (or by pairs of seeds).

    With weights w from a Dirichlet distribution, ``prior`` for a pseudo-observation of zero and 1
    for each difference z, the chance of each outcome is Σ w_i w_j [z_i + z_j beyond 2 rope],
    equality counting half; a probability is the share of draws in which its outcome is likeliest.
    Source: Benavoli et al., A Bayesian Wilcoxon signed-rank test, ICML 2014.
    """
    first, second = pairs(a, b)
    _check_rope(rope)
    positive("prior", prior)
    whole("draws", draws, 100)
    differences = np.concatenate([[0.0], first - second])
    sums = np.add.outer(differences, differences)
    greater = _beyond(sums, 2 * rope)
    less = _beyond(-sums, 2 * rope)
    rng, concentration = generator(seed), np.ones(differences.size)
    concentration[0] = prior
    found = np.empty((draws, 3))
    step = max(1, _BATCH // differences.size)
    for start in range(0, draws, step):
        weights = rng.dirichlet(concentration, min(step, draws - start))
        rows = found[start : start + step]
        rows[:, 0] = ((weights @ less) * weights).sum(axis=1)
        rows[:, 2] = ((weights @ greater) * weights).sum(axis=1)
    found[:, 1] = 1 - found[:, 0] - found[:, 2]
    if rope == 0:
        found[:, 1] = 0
    return _of_draws(
        "Bayesian signed-rank test",
        rope,
        found,
        float((first - second).mean()),
        (first.size,),
        seed,
    )


def _check_rope(rope: float) -> None:
    if not 0 <= rope < math.inf:
        raise AnalysisError(f"rope is {rope}; give half the width of the region, 0 or more.")


def _beyond(values: Float64s, threshold: float) -> Float64s:
    return np.asarray((values > threshold) + 0.5 * (values == threshold))


def _of_draws(
    method: str,
    rope: float,
    found: Float64s,
    estimate: float,
    sizes: tuple[int, ...],
    seed: int,
) -> Posterior:
    likeliest = np.bincount(np.argmax(found, axis=1), minlength=3) / found.shape[0]
    return Posterior(
        method,
        rope,
        float(likeliest[0]),
        float(likeliest[1]),
        float(likeliest[2]),
        estimate,
        None,
        sizes,
        found.shape[0],
        seed,
        ("pairs are independent of each other",),
        (f"There are only {sizes[0]} pairs; the prior weighs in.",) if sizes[0] < 5 else (),
    )
