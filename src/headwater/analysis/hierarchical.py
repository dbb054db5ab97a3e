"""A Bayesian comparison over several data sets, each with scores of cross-validation.

Model, for difference k on data set i, n scores each, r = 1 / folds:

    x_i     ~ normal(δ_i, σ_i² M), M = 1 on the diagonal and r elsewhere
    δ_i     ~ Student's t(ν, δ0, σ0)
    δ0      uniform within ± the largest difference; σ_i, σ0 > 0 uniform
    ν - 1   ~ Gamma(α, β), α uniform in (1, 2), β (a rate) uniform in (0.01, 0.1)

Source: Corani, Benavoli, Demšar, Mangili and Zaffalon, Machine Learning 106 (2017), 1817-1837.
Drawn by Gibbs sampling in many short chains at once, no compiler needed: t is a normal with a
Gamma-distributed precision, ν lives on quantiles of its prior, and δ0 and σ0 are drawn twice per
sweep, with δ_i held and with (δ_i - δ0)/σ0 held (Yu and Meng, JCGS 20 (2011), 531-570), so that
chains do not stick where data sets hardly differ.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from headwater.analysis.bayesian import Posterior
from headwater.analysis.inputs import fraction, generator, positive, table, whole
from headwater.analysis.result import Interval
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

_CHAINS = 64
_WARM_UP = 200
_SHRINKAGE_LIMIT = 1.05


@dataclass(eq=False)
class _State:
    """Where all chains are: the first axis is the chain, the second the data set."""

    delta: Float64s
    precision: Float64s
    """1/σ_i², of a score."""

    centre: Float64s
    spread: Float64s
    mixing: Float64s
    """Gamma weights that make the normal a t."""

    nu: Float64s


@dataclass(frozen=True, eq=False)
class _Data:
    means: Float64s
    squares: Float64s
    """Sum of squares around the mean, by 1 - r: what it has in σ²."""

    scores: int
    share: float
    """Variance of a mean in σ²: (1 + (n-1) r)/n."""

    reach: float
    """Largest size of a difference: bound of δ0."""


def hierarchical(
    a: ArrayLike,
    b: ArrayLike,
    *,
    rope: float,
    folds: int,
    seed: int,
    draws: int = 10_000,
    level: float = 0.95,
) -> Posterior:
    """Compare two learners over data sets: rows are data sets, columns scores of the same splits.

    The probabilities are the shares of draws in which a new data set most likely falls below, into
    or above the ROPE; estimate and interval are of δ0, the mean over data sets. Needs three data
    sets or more. ``folds`` is that of the cross-validation, however often it was repeated.
    """
    differences = _differences(a, b)
    if not 0 <= rope < math.inf:
        raise AnalysisError(f"rope is {rope}; give half the width of the region, 0 or more.")
    whole("folds", folds, 2)
    whole("draws", draws, 100)
    fraction("level", level)
    # Everything in mean standard deviations, as the prior of ν does not scale but others might.
    unit = positive("the spread of a - b within rows", float(differences.std(axis=1).mean()))
    data = _data(differences / unit, 1 / folds)
    centre, spread, nu = _sampled(data, generator(seed), math.ceil(draws / _CHAINS))
    scale = rope / unit
    less = special.stdtr(nu, (-scale - centre) / spread)
    greater = special.stdtr(nu, (centre - scale) / spread)
    between = 1 - less - greater if rope > 0 else np.zeros_like(less)
    winner = np.argmax(np.stack([less, between, greater]), axis=0)
    shares = np.bincount(winner.ravel(), minlength=3) / winner.size
    low, high = np.quantile(centre * unit, [(1 - level) / 2, (1 + level) / 2])
    return Posterior(
        "Bayesian hierarchical t-test",
        rope,
        float(shares[0]),
        float(shares[1]),
        float(shares[2]),
        float(centre.mean()) * unit,
        Interval(float(low), float(high), level, "credible"),
        differences.shape,
        centre.size,
        seed,
        (
            "data sets are a sample of those that matter",
            "scores of a data set are normal and correlate by 1/folds",
        ),
        _not_mixed(centre, spread),
    )


def _differences(a: ArrayLike, b: ArrayLike) -> Float64s:
    first, second = table("a", a, 3, 2), table("b", b, 3, 2)
    if first.shape != second.shape:
        raise AnalysisError(f"a has the shape {first.shape} and b {second.shape}; give equal ones.")
    differences = first - second
    still = np.flatnonzero(np.ptp(differences, axis=1) == 0)
    if still.size:
        raise AnalysisError(
            f"a - b does not vary in row {int(still[0])}, so that its spread cannot be estimated; "
            "leave the data set out, or use signed_rank on the means."
        )
    return differences


def _data(differences: Float64s, correlation: float) -> _Data:
    n = differences.shape[1]
    means = differences.mean(axis=1)
    squares = ((differences - means[:, None]) ** 2).sum(axis=1) / (1 - correlation)
    share = (1 + (n - 1) * correlation) / n
    return _Data(means, squares, n, share, float(np.abs(differences).max()))


def _sampled(
    data: _Data, rng: np.random.Generator, sweeps: int
) -> tuple[Float64s, Float64s, Float64s]:
    """Return draws of δ0, σ0 and ν: sweeps x chains."""
    shape = (_CHAINS, data.means.size)
    start = np.broadcast_to(data.means, shape)
    wide = max(float(data.means.std()), 1e-3)
    state = _State(
        delta=start + wide * rng.standard_normal(shape) / 2,
        precision=np.broadcast_to((data.scores - 1) / data.squares, shape).copy(),
        centre=np.clip(
            data.means.mean() + wide * rng.standard_normal(_CHAINS), -data.reach, data.reach
        ),
        spread=wide * rng.uniform(0.2, 2, _CHAINS),
        mixing=np.ones(shape),
        nu=np.full(_CHAINS, 5.0),
    )
    grid = _nu_quantiles()
    kept = np.empty((3, sweeps, _CHAINS))
    for sweep in range(-_WARM_UP, sweeps):
        _draw_nu(state, grid, rng)
        _draw_data_sets(state, data, rng)
        _draw_population(state, data, rng)
        _draw_population_again(state, data, rng)
        if sweep >= 0:
            kept[:, sweep] = state.centre, state.spread, state.nu
    return kept[0], kept[1], kept[2]


def _nu_quantiles(count: int = 64) -> Float64s:
    """Return equally likely values of ν under its prior, α and β integrated out."""
    edges = (np.arange(16) + 0.5) / 16
    alpha = (1 + edges)[:, None]
    beta = (0.01 + 0.09 * edges)[None, :]
    values = np.geomspace(1e-3, 2e3, 4000)
    chances = np.asarray(special.gammainc(alpha[..., None], beta[..., None] * values))
    wanted = (np.arange(count) + 0.5) / count
    return 1 + np.interp(wanted, chances.mean(axis=(0, 1)), values)


def _draw_nu(state: _State, grid: Float64s, rng: np.random.Generator) -> None:
    """Draw ν with the mixing weights integrated out, then the weights."""
    z = ((state.delta - state.centre[:, None]) / state.spread[:, None]) ** 2
    half = (grid + 1) / 2
    constant = special.gammaln(half) - special.gammaln(grid / 2) - np.log(grid) / 2
    logs = z.shape[1] * constant - (half * np.log1p(z[:, :, None] / grid)).sum(axis=1)
    # The largest of logs with Gumbel noise is a draw from their probabilities.
    state.nu = grid[np.argmax(logs + rng.gumbel(size=logs.shape), axis=1)]
    half_nu = state.nu[:, None] / 2
    state.mixing = rng.standard_gamma(half_nu + 0.5, z.shape) / (half_nu + z / 2)


def _draw_data_sets(state: _State, data: _Data, rng: np.random.Generator) -> None:
    """Draw δ_i and σ_i of every data set."""
    outer = state.mixing / state.spread[:, None] ** 2
    inner = state.precision / data.share
    total = outer + inner
    middle = (outer * state.centre[:, None] + inner * data.means) / total
    state.delta = middle + rng.standard_normal(total.shape) / np.sqrt(total)
    rest = data.squares + (data.means - state.delta) ** 2 / data.share
    # σ uniform: one degree of freedom less than a precision with a Jeffreys prior would have.
    state.precision = rng.standard_gamma((data.scores - 1) / 2, total.shape) / (rest / 2)


def _draw_population(state: _State, data: _Data, rng: np.random.Generator) -> None:
    """Draw δ0 and σ0 with δ_i held."""
    weights = state.mixing.sum(axis=1)
    middle = (state.mixing * state.delta).sum(axis=1) / weights
    state.centre = _within(middle, state.spread / np.sqrt(weights), data.reach, rng)
    rest = (state.mixing * (state.delta - state.centre[:, None]) ** 2).sum(axis=1)
    precision = rng.standard_gamma((data.means.size - 1) / 2, _CHAINS) / (rest / 2)
    state.spread = 1 / np.sqrt(precision)


def _draw_population_again(state: _State, data: _Data, rng: np.random.Generator) -> None:
    """Draw δ0 and σ0 with the standardised δ_i held, which then follow."""
    z = (state.delta - state.centre[:, None]) / state.spread[:, None]
    inner = state.precision / data.share
    total = inner.sum(axis=1)
    middle = (inner * (data.means - state.spread[:, None] * z)).sum(axis=1) / total
    state.centre = _within(middle, 1 / np.sqrt(total), data.reach, rng)
    total = (inner * z**2).sum(axis=1)
    middle = (inner * z * (data.means - state.centre[:, None])).sum(axis=1) / total
    state.spread = _above_zero(middle, 1 / np.sqrt(total), rng)
    state.delta = state.centre[:, None] + state.spread[:, None] * z


def _within(
    mean: Float64s, deviation: Float64s, reach: float, rng: np.random.Generator
) -> Float64s:
    """Draw normal values between ``-reach`` and ``reach``."""
    low, high = special.ndtr((-reach - mean) / deviation), special.ndtr((reach - mean) / deviation)
    chance = low + (high - low) * rng.random(mean.size)
    return np.asarray(np.clip(mean + deviation * special.ndtri(chance), -reach, reach))


def _above_zero(mean: Float64s, deviation: Float64s, rng: np.random.Generator) -> Float64s:
    """Draw normal values above zero; by logarithms, as that may be far out in a tail."""
    chance = special.log_ndtr(mean / deviation) - rng.standard_exponential(mean.size)
    drawn = mean - deviation * special.ndtri_exp(chance)
    return np.asarray(np.maximum(drawn, 1e-12))


def _not_mixed(centre: Float64s, spread: Float64s) -> tuple[str, ...]:
    """Warn where chains disagree: R-hat of halved chains, Gelman et al., Bayesian Data Analysis."""
    worst = max(_shrinkage(centre), _shrinkage(np.log(spread)))
    if worst <= _SHRINKAGE_LIMIT:
        return ()
    return (f"The chains have not mixed (R-hat {worst:.2f}); ask for more draws.",)


def _shrinkage(draws: Float64s) -> float:
    half = draws.shape[0] // 2
    if half < 2:
        return math.inf
    chains = np.concatenate([draws[:half], draws[half : 2 * half]], axis=1)
    within = float(chains.var(axis=0, ddof=1).mean())
    between = float(chains.mean(axis=0).var(ddof=1))
    return math.sqrt((half - 1) / half + between / within)
