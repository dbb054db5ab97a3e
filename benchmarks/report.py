"""Results as a terminal table, as Markdown and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.physical_limits import Limit
from benchmarks.summary import Comparison

START_MARK = "<!-- results -->"
END_MARK = "<!-- end of results -->"


def print_tables(
    console: Console,
    comparisons: Sequence[Comparison],
    limits: Sequence[Limit],
    contenders: Sequence[str],
) -> None:
    """Print the comparison and the physical limits."""
    table = Table(title="Medians; the ratio is against the better stock configuration (*)")
    table.add_column("verb", min_width=30)
    for name in contenders:
        table.add_column(name, justify="right")
    for header in ("ratio", "rounds", "floor", ""):
        table.add_column(header, justify="right")
    for comparison in comparisons:
        style = "bold red" if comparison.met is False else None
        table.add_row(*_cells(comparison, contenders), style=style)
    console.print(table)
    if limits:
        bounds = Table(title="Physical limits of this machine")
        bounds.add_column("what")
        bounds.add_column("at best", justify="right")
        for limit in limits:
            bounds.add_row(limit.label, f"{_number(limit.value)} {limit.unit}")
        console.print(bounds)


def to_markdown(
    comparisons: Sequence[Comparison],
    limits: Sequence[Limit],
    contenders: Sequence[str],
    machine: Mapping[str, str],
) -> str:
    """Return machine, comparison and limits as Markdown tables."""
    lines = ["| Machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in machine.items()]
    headers = ["verb", *contenders, "ratio", "rounds", "floor", ""]
    lines += ["", f"| {' | '.join(headers)} |", f"| --- |{' ---: |' * (len(headers) - 1)}"]
    for comparison in comparisons:
        lines.append(f"| {' | '.join(_cells(comparison, contenders))} |")
    lines += ["", "| Physical limit | at best |", "| --- | ---: |"]
    lines += [f"| {limit.label} | {_number(limit.value)} {limit.unit} |" for limit in limits]
    return "\n".join(lines) + "\n"


def put_into(document: Path, markdown: str) -> None:
    """Replace what stands between the result marks of a document; create it if missing."""
    text = document.read_text() if document.exists() else f"{START_MARK}\n{END_MARK}\n"
    before, start, rest = text.partition(START_MARK)
    _, end, after = rest.partition(END_MARK)
    if not start or not end:
        raise ValueError(f"{document} lacks the lines {START_MARK} and {END_MARK}")
    document.write_text(f"{before}{START_MARK}\n{markdown}{END_MARK}{after}")


def to_json(
    comparisons: Sequence[Comparison],
    limits: Sequence[Limit],
    machine: Mapping[str, str],
    samples: Mapping[str, Mapping[str, Sequence[float]]],
) -> bytes:
    """Return everything, samples of single rounds included."""
    document = {
        "machine": machine,
        "comparisons": [{**asdict(each), "met": each.met} for each in comparisons],
        "samples": samples,
        "limits": [asdict(limit) for limit in limits],
    }
    return msgspec.json.format(msgspec.json.encode(document))


def _cells(comparison: Comparison, contenders: Sequence[str]) -> list[str]:
    figure = comparison.figure
    cells = [figure.label]
    for name in contenders:
        summary = comparison.summaries.get(name)
        mark = " *" if name == comparison.better_stock else ""
        cells.append(f"{_number(summary.median)} {figure.unit}{mark}" if summary else "")
    if comparison.ratio is None or comparison.ratio_low is None or comparison.ratio_high is None:
        return [*cells, "", "", "", ""]
    rounds = f"{_number(comparison.ratio_low)}-{_number(comparison.ratio_high)}"
    floor = f"{figure.floor:g}x" if figure.floor else ""
    verdict = {True: "ok", False: "MISS", None: ""}[comparison.met]
    return [*cells, f"{_number(comparison.ratio)}x", rounds, floor, verdict]


def _number(value: float) -> str:
    """Return three significant digits, thousands grouped."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
