"""Medians, better stock configuration, ratios and verdicts."""

import pytest
from benchmarks.summary import Figure, Sides, compare, summarise

RATE = Figure("verb", "rate", "points/s", "higher", floor=10)
TIME = Figure("verb", "time", "ms", "lower", floor=10)
SIDES = Sides(["four", "one"], peer="peer", ours="ours", ours_on_postgres="postgres")


def test_summary_is_median_and_range() -> None:
    summary = summarise([9.0, 1.0, 2.0])
    assert (summary.median, summary.low, summary.high) == (2.0, 1.0, 9.0)


def test_rates_are_compared_with_the_faster_stock_configuration() -> None:
    result = compare(RATE, {"four": [50], "one": [100], "ours": [900]}, SIDES)
    assert result.better_stock == "one"
    assert result.stock is not None
    assert result.stock.value == 9
    assert result.met is False


def test_times_are_compared_with_the_shorter_stock_configuration() -> None:
    result = compare(TIME, {"four": [50], "one": [100], "ours": [2]}, SIDES)
    assert result.better_stock == "four"
    assert result.stock is not None
    assert result.stock.value == 25
    assert result.met is True


def test_range_of_ratios_pairs_the_rounds() -> None:
    samples = {"four": [1.0, 1.0, 1.0], "one": [10.0, 20.0, 40.0], "ours": [400.0, 400.0, 400.0]}
    result = compare(RATE, samples, SIDES)
    assert result.stock is not None
    assert (result.stock.value, result.stock.low, result.stock.high) == (20, 10, 40)


@pytest.mark.parametrize("samples", [{"ours": [1.0]}, {"four": [1.0], "one": [2.0]}])
def test_a_missing_side_gives_no_verdict(samples: dict[str, list[float]]) -> None:
    result = compare(RATE, samples, SIDES)
    assert result.stock is None
    assert result.met is None


def test_without_a_floor_there_is_no_verdict() -> None:
    result = compare(Figure("v", "l", "B", "lower"), {"one": [8], "ours": [2]}, SIDES)
    assert result.stock is not None
    assert result.stock.value == 4
    assert result.met is None


@pytest.mark.parametrize(("peer", "met"), [(100, True), (200, False)])
def test_both_the_floor_to_stock_and_that_to_the_peer_must_be_reached(
    peer: float, met: bool
) -> None:
    figure = Figure("v", "l", "points/s", "higher", floor=10, peer_floor=5)
    result = compare(figure, {"one": [50], "peer": [peer], "ours": [600]}, SIDES)
    assert result.stock is not None
    assert result.stock.met is True
    assert result.peer is not None
    assert result.peer.met is met
    assert result.met is met


@pytest.mark.parametrize(("postgres", "met"), [(40, True), (30, False)])
def test_postgres_is_compared_with_sqlite(postgres: float, met: bool) -> None:
    figure = Figure("v", "l", "points/s", "higher", postgres_floor=1 / 3)
    result = compare(figure, {"postgres": [postgres], "ours": [100]}, SIDES)
    assert result.postgres is not None
    assert result.postgres.value == postgres / 100
    assert result.met is met


@pytest.mark.parametrize(
    ("better", "value", "met"),
    [("lower", 8, True), ("lower", 8.1, False), ("higher", 8, True), ("higher", 7.9, False)],
)
def test_a_bound_is_reached_or_missed_whatever_others_do(
    better: str, value: float, met: bool
) -> None:
    figure = Figure("v", "l", "B", "lower" if better == "lower" else "higher", bound=8)
    assert compare(figure, {"ours": [value]}, SIDES).met is met
    assert compare(figure, {"one": [value]}, SIDES).met is None
