"""Power: statsmodels' values, and what follows from the definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analysis.power import (
    detectable_effect,
    power_paired,
    power_two_sample,
    seeds_needed,
)
from headwater.errors import AnalysisError


def test_as_statsmodels_computes_it() -> None:
    # statsmodels 0.15.0: TTestIndPower and TTestPower; solve_power gives 63.77 and 33.37.
    assert power_two_sample(0.8, 12, 18) == pytest.approx(0.544907042201548)
    assert power_paired(0.4, 15, alternative="greater") == pytest.approx(0.4321576166235511)
    assert seeds_needed(0.5).per_group == 64
    assert seeds_needed(0.5, paired=True).per_group == 34


@settings(deadline=None, max_examples=50)
@given(st.floats(0.2, 3), st.booleans())
def test_the_seeds_are_enough_and_one_less_is_not(effect: float, paired: bool) -> None:
    found = seeds_needed(effect, paired=paired)
    assert found.per_group is not None
    assert found.power >= 0.8

    def power(seeds: int) -> float:
        if paired:
            return power_paired(effect, seeds)
        return power_two_sample(effect, seeds, seeds)

    assert power(found.per_group) == found.power
    assert found.per_group == 2 or power(found.per_group - 1) < 0.8


def test_no_effect_has_the_power_of_chance_and_no_number_of_seeds() -> None:
    assert power_two_sample(0, 10, 10) == pytest.approx(0.05)
    assert power_paired(0, 10, alternative="less") == pytest.approx(0.05)
    found = seeds_needed(1e-9)
    assert found.per_group is None
    assert found.power == pytest.approx(0.05)
    assert seeds_needed(0.3, alternative="less").per_group is None


def test_huge_effects_need_two_seeds() -> None:
    assert seeds_needed(50.0).per_group == 2
    assert power_paired(-1e6, 3) == 1


def test_the_detectable_effect_is_detected() -> None:
    for paired in (False, True):
        effect = detectable_effect(8, paired=paired)
        assert seeds_needed(effect + 1e-6, paired=paired).per_group == 8


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="power is 80"):
        seeds_needed(0.5, power=80)
    with pytest.raises(AnalysisError, match="effect is nan"):
        seeds_needed(float("nan"))
    with pytest.raises(AnalysisError, match="n_a is 1"):
        power_two_sample(0.5, 1, 10)
    with pytest.raises(AnalysisError, match="give one above alpha"):
        detectable_effect(5, power=0.04)
