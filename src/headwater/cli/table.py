"""Rows for people, or for programs as JSON or CSV."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import typer
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

Kind = Literal["text", "id", "number", "time", "duration"]

_WIDE = 10_000
"""Columns of a table that goes to a file or a pipe, where nothing must be cut off."""

_GAP = 2
_SHORTEST_TEXT = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; times and durations are in milliseconds."""

    name: str
    kind: Kind = "text"
    title: str | None = None
    """What stands above it in a table; None is its name."""


def require_one_format(as_json: bool, as_csv: bool) -> None:
    """Refuse two formats at once."""
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")


def console() -> Console:
    """Return standard output, where nothing that users wrote is taken for markup."""
    wide = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, markup=False, emoji=False, width=wide)


def note(text: str) -> None:
    """Tell something that is no part of the output."""
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value, indented for a terminal."""
    print(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False))


def print_rows(
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    *,
    as_csv: bool,
    empty: str,
    shown: Sequence[Column] | None = None,
) -> None:
    """Print rows as CSV or as a table, of which `shown` are the columns unless all; or a note."""
    if as_csv:
        print_csv(columns, rows)
    elif rows:
        print_table(columns if shown is None else shown, rows)
    else:
        note(empty)


def print_csv(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a header and the rows; times as ISO 8601 in UTC, nothing for None."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_csv_cell(row.get(column.name), column.kind) for column in columns])


def print_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table; long texts are shortened to fit a terminal, and nothing else ever is."""
    cells = [[cell(row.get(column.name), column.kind) for column in columns] for row in rows]
    titles = [column.title or column.name for column in columns]
    natural = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]
    out = console()
    shortest = [
        min(width, _SHORTEST_TEXT) if column.kind == "text" else width
        for column, width in zip(columns, natural, strict=True)
    ]
    widths = fitting(natural, shortest, out.width - _GAP * len(columns))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for column, title, width in zip(columns, titles, widths, strict=True):
        right = column.kind in ("number", "duration")
        justify: JustifyMethod = "right" if right else "left"
        table.add_column(title, justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    out.width = max(out.width, sum(widths) + _GAP * len(columns))
    out.print(table)


def fitting(natural: Sequence[int], shortest: Sequence[int], total: int) -> list[int]:
    """Return widths that come to `total` where that can be, taking from the widest first."""
    widths = list(natural)
    while sum(widths) > total:
        wide = [n for n, width in enumerate(widths) if width > shortest[n]]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, a line each or more where a value is long."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(Text(cell(name, "text")), Text(cell(value, "text")))
    console().print(table)


def cell(value: Any, kind: Kind) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    if kind == "time":
        return datetime.fromtimestamp(value / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
    if kind == "duration":
        return duration(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and kind == "number":
        return f"{value:,}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def duration(milliseconds: float) -> str:
    """Return a span of time in its two largest units, such as ``3h 20m``."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02}m"
    return f"{hours // 24}d {hours % 24:02}h"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number of things, such as ``1 run`` or ``2,000 runs``."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def _csv_cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return ""
    if kind == "time":
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    return value
