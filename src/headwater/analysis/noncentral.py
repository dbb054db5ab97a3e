"""The noncentral t distribution, also where scipy's series gives up."""

import math

import numpy as np
from scipy import special, stats


def cdf(t: float, df: float, noncentrality: float) -> float:
    """Return P(T <= t) for T = (Z + noncentrality) / sqrt(χ²/df)."""
    found = float(special.nctdtr(df, noncentrality, t))
    if not math.isnan(found):
        return found
    # Far in a tail. P = E[Φ(t s - noncentrality)] over s = sqrt(χ²/df), at equally likely s.
    chances = (np.arange(2000) + 0.5) / 2000
    spreads = np.sqrt(stats.chi2.ppf(chances, df) / df)
    return float(special.ndtr(t * spreads - noncentrality).mean())
