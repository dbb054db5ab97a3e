"""Exact null distributions of rank sums, ties included, by dynamic programming."""

import numpy as np

from headwater.analysis.inputs import Alternative
from headwater.entities.metric import Float64s, Int64s

LARGEST = 50
"""Values of all groups together up to which the exact distribution is computed (milliseconds)."""


def doubled_ranks(ranks: Float64s) -> Int64s:
    """Return mid-ranks as whole numbers: they are multiples of a half."""
    return np.rint(2 * ranks).astype(np.int64)


def subset_sums(weights: Int64s, size: int) -> Float64s:
    """Return P(sum = s), s = 0, 1, ..., of ``size`` of the weights drawn without replacement.

    The distribution of a rank sum when group labels are exchangeable, given the ties.
    """
    counts = np.zeros((size + 1, int(weights.sum()) + 1))
    counts[0, 0] = 1
    for weight in weights:
        # The right side is evaluated first, so that a weight is used once.
        counts[1:, weight:] += counts[:-1, : counts.shape[1] - weight].copy()
    chances: Float64s = counts[size] / counts[size].sum()
    return chances


def sign_sums(weights: Int64s) -> Float64s:
    """Return P(sum = s) of the weights that get a plus when each sign is a fair coin."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1
    for weight in weights:
        shifted = np.zeros_like(chances)
        shifted[weight:] = chances[: chances.size - weight]
        chances = (chances + shifted) / 2
    return chances


def tail_of(chances: Float64s, observed: int, alternative: Alternative) -> float:
    """Return the p-value of an observed sum; two-sided: at least as far from the mean."""
    if alternative == "greater":
        return _capped(chances[observed:].sum())
    if alternative == "less":
        return _capped(chances[: observed + 1].sum())
    values = np.arange(chances.size)
    mean = float(values @ chances)
    # Sums are whole numbers, so that half of a unit is far beyond rounding of the mean.
    distance = abs(observed - mean) - 1e-7 * max(mean, 1)
    return _capped(chances[np.abs(values - mean) >= distance].sum())


def lower_quantile(chances: Float64s, chance: float) -> int:
    """Return the largest s with P(sum < s) <= ``chance``."""
    return int(np.searchsorted(np.cumsum(chances), chance * (1 + 1e-12), side="right"))


def _capped(chance: float) -> float:
    return min(1.0, float(chance))
