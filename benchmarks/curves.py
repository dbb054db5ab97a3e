"""Figures over the number of stored points: as a table and as a plot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.figure import Figure as Plot
from rich.table import Table


@dataclass(frozen=True)
class Curve:
    """One figure, its samples by the number of points that were stored."""

    label: str
    unit: str
    samples: Mapping[int, Sequence[float]]

    def medians(self) -> dict[int, float]:
        """Return the medians in order of stored points."""
        return {points: median(self.samples[points]) for points in sorted(self.samples)}

    def growth(self) -> float:
        """Return the last median by the first."""
        values = list(self.medians().values())
        return values[-1] / values[0]


def power_of_ten(points: int) -> str:
    """Return 10⁶ for a million; other numbers as they are."""
    exponent = round(math.log10(points))
    if 10**exponent != points:
        return f"{points:,}"
    return "10" + str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def curve_rows(curves: Sequence[Curve]) -> list[list[str]]:
    """Return a header and a row for each curve."""
    levels = sorted(curves[0].samples)
    rows = [["points stored", *map(power_of_ten, levels), "last / first"]]
    for curve in curves:
        cells = [
            f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            for value in curve.medians().values()
        ]
        rows.append([f"{curve.label}, {curve.unit}", *cells, f"{curve.growth():.2f}"])
    return rows


def curve_table(curves: Sequence[Curve]) -> Table:
    """Return the curves for the terminal."""
    header, *rows = curve_rows(curves)
    table = Table(title="Headwater while points are stored already, medians")
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def curve_markdown(curves: Sequence[Curve]) -> str:
    """Return the curves as a Markdown table."""
    header, *rows = curve_rows(curves)
    lines = [header, ["---", *(["---:"] * (len(header) - 1))], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plot(curves: Sequence[Curve], file: Path) -> None:
    """Write the curves as an SVG file that two runs with equal samples write alike."""
    with mpl.rc_context({"svg.hashsalt": "headwater", "svg.fonttype": "none"}):
        canvas = Plot(figsize=(9, 4), layout="constrained")
        rates, times = canvas.subplots(1, 2)
        for axes, unit, title in (
            (rates, "points/s", "Points written per second"),
            (times, "ms", "Milliseconds per request"),
        ):
            for curve in curves:
                if curve.unit == unit:
                    medians = curve.medians()
                    axes.plot(list(medians), list(medians.values()), marker="o", label=curve.label)
            axes.set_xscale("log")
            axes.set_title(title)
            axes.set_xlabel("points stored")
            axes.grid(visible=True, alpha=0.3)
            axes.legend(fontsize="x-small")
        rates.set_ylim(bottom=0)
        times.set_yscale("log")
        canvas.savefig(file, format="svg", metadata={"Date": None})
