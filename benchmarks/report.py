"""Results as a terminal table, as Markdown and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.physical_limits import Limit
from benchmarks.summary import Comparison, Ratio

START_MARK = "<!-- results -->"
END_MARK = "<!-- end of results -->"

_VERDICTS = {True: "ok", False: "MISS", None: ""}


def print_tables(
    console: Console,
    comparisons: Sequence[Comparison],
    limits: Sequence[Limit],
    contenders: Sequence[str],
    notes: Sequence[str] = (),
) -> None:
    """Print the comparison, notes on single figures and the physical limits."""
    table = Table(title="Medians; the ratio is against the better stock configuration (*)")
    columns = _columns(comparisons, contenders)
    table.add_column("verb", min_width=30)
    for header in list(columns)[1:]:
        table.add_column(header, justify="right")
    for comparison in comparisons:
        style = "bold red" if comparison.met is False else None
        table.add_row(*(cell(comparison) for cell in columns.values()), style=style)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
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
    notes: Sequence[str] = (),
) -> str:
    """Return machine, comparison, notes and limits as Markdown."""
    lines = ["| Machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in machine.items()]
    columns = _columns(comparisons, contenders)
    lines += ["", f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"]
    for comparison in comparisons:
        lines.append(f"| {' | '.join(cell(comparison) for cell in columns.values())} |")
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    if limits:
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
    notes: Sequence[str] = (),
    curves: Mapping[str, Mapping[int, Sequence[float]]] | None = None,
) -> bytes:
    """Return everything, samples of single rounds included."""
    document = {
        "machine": machine,
        "comparisons": [{**asdict(each), "met": each.met} for each in comparisons],
        "samples": samples,
        "notes": notes,
        "curves": curves or {},
        "limits": [asdict(limit) for limit in limits],
    }
    return msgspec.json.format(msgspec.json.encode(document))


_Cell = Callable[[Comparison], str]


def _columns(comparisons: Sequence[Comparison], contenders: Sequence[str]) -> Mapping[str, _Cell]:
    """Return what each column says of a figure; columns that would be empty are left out."""
    columns: dict[str, _Cell] = {"verb": lambda each: each.figure.label}
    for name in contenders:
        columns[name] = lambda each, name=name: _median(each, name)  # type: ignore[misc]
    optional: dict[str, _Cell] = {
        "ratio": lambda each: _ratio(each.stock),
        "rounds": lambda each: _rounds(each.stock),
        "floor": lambda each: _floor(each.stock),
        "to FastTrackML": lambda each: _ratio(each.peer),
        "floor for it": lambda each: _floor(each.peer),
        "PostgreSQL to SQLite": lambda each: _ratio(each.postgres),
        "floor for that": lambda each: _floor(each.postgres),
        "required": _bound,
        "": lambda each: _VERDICTS[each.met],
    }
    used = {name: cell for name, cell in optional.items() if any(map(cell, comparisons))}
    return columns | used


def _median(comparison: Comparison, name: str) -> str:
    summary = comparison.summaries.get(name)
    if summary is None:
        return ""
    mark = " *" if name == comparison.better_stock else ""
    return f"{_number(summary.median)} {comparison.figure.unit}{mark}"


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{_number(ratio.value)}x"


def _rounds(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{_number(ratio.low)}-{_number(ratio.high)}"


def _floor(ratio: Ratio | None) -> str:
    return "" if ratio is None or ratio.floor is None else f"{ratio.floor:.3g}x"


def _bound(comparison: Comparison) -> str:
    figure = comparison.figure
    if figure.bound is None or comparison.bound_met is None:
        return ""
    sign = "≥" if figure.better == "higher" else "≤"
    return f"{sign} {_number(figure.bound)} {figure.unit}"


def _number(value: float) -> str:
    """Return three significant digits, thousands grouped."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
