"""Curves over stored points: in order, with their growth, and one plot for equal figures."""

from pathlib import Path

from benchmarks.curves import Curve, curve_markdown, plot, power_of_ten

RATE = Curve("batches", "points/s", {100_000_000: [90.0, 100.0], 1_000_000: [200.0, 180.0]})
TIME = Curve("history", "ms", {100_000_000: [4.0], 1_000_000: [2.0]})


def test_growth_is_the_last_median_by_the_first_in_order_of_stored_points() -> None:
    assert RATE.medians() == {1_000_000: 190.0, 100_000_000: 95.0}
    assert RATE.growth() == 0.5
    assert TIME.growth() == 2


def test_powers_of_ten_are_named_as_such() -> None:
    assert [power_of_ten(n) for n in (1_000_000, 10**12, 50_000)] == ["10⁶", "10¹²", "50,000"]


def test_table_has_a_row_for_each_curve() -> None:
    assert curve_markdown([RATE, TIME]) == (
        "| points stored | 10⁶ | 10⁸ | last / first |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| batches, points/s | 190 | 95 | 0.50 |\n"
        "| history, ms | 2 | 4 | 2.00 |\n"
    )


def test_plot_shows_every_curve_and_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    plot([RATE, TIME], first)
    plot([RATE, TIME], second)
    text = first.read_text()
    assert text.startswith("<?xml")
    assert "batches" in text
    assert "history" in text
    assert text == second.read_text()
