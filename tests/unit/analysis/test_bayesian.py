"""Probabilities with a ROPE: baycomp's values, symmetry, the hierarchical model by integration."""

import numpy as np
import pytest
from scipy import special

from headwater.analysis.bayesian import Posterior, correlated_t, sign, signed_rank
from headwater.analysis.hierarchical import _nu_quantiles, hierarchical
from headwater.errors import AnalysisError

NBC = np.array([88.42, 71.87, 84.52, 76.05, 92.32, 76.94, 91.47, 64.91, 74.08, 83.12])
J48 = np.array([92.56, 76.65, 85.01, 73.12, 88.13, 78.01, 91.20, 67.31, 74.05, 84.22])


def probabilities(found: Posterior) -> tuple[float, float, float]:
    return found.p_less, found.p_equivalent, found.p_greater


def test_correlated_t_as_baycomp_computes_it() -> None:
    # baycomp 1.0.3, CorrelatedTTest.probs(NBC, J48, rope=1, runs=1) and runs=2.
    found = correlated_t(J48, NBC, rope=1, test_share=1 / 9)
    wanted = (0.11460479000348892, 0.4880140477403484, 0.3973811622561627)
    assert probabilities(found) == pytest.approx(wanted)
    found = correlated_t(NBC, J48, rope=1, test_share=1 / 4)
    wanted = (0.4198852876845951, 0.40882422122057505, 0.17129049109482986)
    assert probabilities(found) == pytest.approx(wanted)


def test_signed_rank_and_sign_as_baycomp_draws_them() -> None:
    # baycomp 1.0.3 with 400,000 draws.
    near = 0.008
    found = signed_rank(J48, NBC, rope=1, seed=1)
    assert probabilities(found) == pytest.approx((0.1023, 0.3680, 0.5297), abs=near)
    found = signed_rank(J48, NBC, rope=0, seed=1)
    assert probabilities(found) == pytest.approx((0.1866, 0, 0.8134), abs=near)
    found = sign(J48, NBC, rope=1, seed=1)
    assert probabilities(found) == pytest.approx((0.0588, 0.3401, 0.6012), abs=near)


def test_swapping_mirrors_and_a_seed_fixes_every_digit() -> None:
    one = signed_rank(J48, NBC, rope=1, seed=1, draws=20_000)
    other = signed_rank(NBC, J48, rope=1, seed=2, draws=20_000)
    assert probabilities(one) == pytest.approx(probabilities(other)[::-1], abs=0.02)
    assert one == signed_rank(J48, NBC, rope=1, seed=1, draws=20_000)
    assert sum(probabilities(one)) == pytest.approx(1)


def test_constant_differences_are_certain() -> None:
    found = correlated_t([2, 3, 4], [1, 2, 3], rope=0.5, test_share=0)
    assert probabilities(found) == (0, 0, 1)
    assert found.warnings == ("a - b does not vary.",)


@pytest.mark.parametrize(("shift", "between"), [(0.3, 0.5), (0.1, 0.0)])
def test_hierarchical_agrees_with_numerical_integration(shift: float, between: float) -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(shift, between, (5, 1)) + rng.normal(0, 1, (5, 10))
    found = hierarchical(differences, 0 * differences, rope=0.2, folds=10, seed=1)
    shares, mean = _integrated(differences, rope=0.2, folds=10)
    assert probabilities(found) == pytest.approx(shares, abs=0.03)
    assert found.estimate == pytest.approx(mean, abs=0.02)
    assert found.warnings == ()
    assert (found.sizes, found.draws) == ((5, 10), 10_048)


def _integrated(differences: np.ndarray, rope: float, folds: int) -> tuple[list[float], float]:
    """Integrate the model over grids: σ_i analytically, then δ_i, δ0, σ0 and ν."""
    unit = differences.std(axis=1).mean()
    x, n = differences / unit, differences.shape[1]
    means = x.mean(axis=1)
    squares = ((x - means[:, None]) ** 2).sum(axis=1) / (1 - 1 / folds)
    grid = np.linspace(-4, 4, 161)
    share = (1 + (n - 1) / folds) / n
    likelihood = (squares[:, None] + (means[:, None] - grid) ** 2 / share) ** (-(n - 1) / 2)
    likelihood /= likelihood.max(axis=1, keepdims=True)
    u = np.linspace(-1, 1, 48)
    centres = (np.abs(x).max() * np.sign(u) * np.abs(u) ** 2)[:, None]
    spreads = np.geomspace(0.003, 30, 32)
    shares, mean, total = np.zeros(3), 0.0, 0.0
    step = grid[1] - grid[0]
    edges = (np.append(grid, grid[-1] + step) - step / 2)[:, None, None]
    for nu in _nu_quantiles(5):
        inside = np.diff(special.stdtr(nu, (edges - centres) / spreads), axis=0)
        weight = np.prod(np.einsum("ig,gcs->ics", likelihood, inside), axis=0)
        weight = weight * np.gradient(spreads) * np.gradient(centres[:, 0])[:, None]
        less = special.stdtr(nu, (-rope / unit - centres) / spreads)
        greater = special.stdtr(nu, (centres - rope / unit) / spreads)
        winner = np.argmax(np.stack([less, 1 - less - greater, greater]), axis=0)
        shares += [weight[winner == k].sum() for k in range(3)]
        mean, total = mean + float((weight * centres).sum()), total + float(weight.sum())
    return list(shares / total), mean / total * unit


def test_hierarchical_shrinks_and_repeats() -> None:
    rng = np.random.default_rng(4)
    differences = 1 + rng.normal(0, 0.3, (6, 10))
    found = hierarchical(differences, 0 * differences, rope=0.1, folds=10, seed=1, draws=1000)
    assert found.p_greater > 0.99
    assert found.interval is not None
    assert 1.0 in found.interval
    again = hierarchical(differences, 0 * differences, rope=0.1, folds=10, seed=1, draws=1000)
    assert found == again


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="rope is -1"):
        signed_rank(NBC, J48, rope=-1, seed=0)
    with pytest.raises(AnalysisError, match="test_share is -1"):
        correlated_t(NBC, J48, rope=1, test_share=-1)
    with pytest.raises(AnalysisError, match="at least 3 of 2 are needed"):
        hierarchical([[1, 2], [2, 4]], [[0, 1], [1, 2]], rope=0, folds=2, seed=0)
    with pytest.raises(AnalysisError, match="does not vary in row 1"):
        hierarchical([[1, 2], [2, 2], [1, 3]], np.zeros((3, 2)), rope=0, folds=2, seed=0)
