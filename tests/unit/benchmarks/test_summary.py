"""Medians, better stock configuration and ratios."""

import pytest
from benchmarks.summary import Figure, compare, summarise

RATE = Figure("verb", "rate", "points/s", "higher", floor=10)
TIME = Figure("verb", "time", "ms", "lower", floor=10)
STOCK = ["four", "one"]


def test_summary_is_median_and_range() -> None:
    summary = summarise([9.0, 1.0, 2.0])
    assert (summary.median, summary.low, summary.high) == (2.0, 1.0, 9.0)


def test_rates_are_compared_with_the_faster_stock_configuration() -> None:
    result = compare(RATE, {"four": [50], "one": [100], "ours": [900]}, STOCK, "ours")
    assert result.better_stock == "one"
    assert result.ratio == 9
    assert result.met is False


def test_times_are_compared_with_the_shorter_stock_configuration() -> None:
    result = compare(TIME, {"four": [50], "one": [100], "ours": [2]}, STOCK, "ours")
    assert result.better_stock == "four"
    assert result.ratio == 25
    assert result.met is True


def test_range_of_ratios_pairs_the_rounds() -> None:
    samples = {"four": [1.0, 1.0, 1.0], "one": [10.0, 20.0, 40.0], "ours": [400.0, 400.0, 400.0]}
    result = compare(RATE, samples, STOCK, "ours")
    assert result.ratio == 20
    assert (result.ratio_low, result.ratio_high) == (10, 40)


@pytest.mark.parametrize("samples", [{"ours": [1.0]}, {"four": [1.0], "one": [2.0]}])
def test_a_missing_side_gives_no_verdict(samples: dict[str, list[float]]) -> None:
    result = compare(RATE, samples, STOCK, "ours")
    assert result.ratio is None
    assert result.met is None


def test_without_a_floor_there_is_no_verdict() -> None:
    result = compare(Figure("v", "l", "B", "lower"), {"one": [8], "ours": [2]}, STOCK, "ours")
    assert result.ratio == 4
    assert result.met is None
