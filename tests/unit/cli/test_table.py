from typing import Any

import pytest
from rich.console import Console

from headwater.cli import table
from headwater.cli.table import Column


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1.0s"),
        (59_900, "59.9s"),
        (61_000, "1m 01s"),
        (3 * 3_600_000 + 20 * 60_000, "3h 20m"),
        (50 * 3_600_000, "2d 02h"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert table.duration(milliseconds) == text


def test_counts() -> None:
    assert table.counted(1, "run") == "1 run"
    assert table.counted(2_000, "run") == "2,000 runs"
    assert table.counted(2, "search", "searches") == "2 searches"


def test_what_users_wrote_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "[red]:smile:\x1b[31m", "value": 0.123456789}]
    table.print_table([Column("name"), Column("value", "number")], rows)
    header, row = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header == ["name", "value"]
    assert row == ["[red]:smile:\N{REPLACEMENT CHARACTER}[31m", "0.123457"]


def test_nothing_is_cut_off_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    table.print_table([Column("name")], [{"name": "x" * 500}])
    assert "x" * 500 in capsys.readouterr().out


def test_csv_has_exact_values(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1 / 3, "t": 1_795_632_760_042, "d": 9000, "s": 'a,"b"'},
        {"n": None},
    ]
    columns = [Column("n", "number"), Column("t", "time"), Column("d", "duration"), Column("s")]
    table.print_csv(columns, rows)
    assert capsys.readouterr().out == (
        'n,t,d,s\n0.3333333333333333,2026-11-25T18:52:40.042+00:00,9000,"a,""b"""\n,,,\n'
    )


@pytest.mark.parametrize(
    ("natural", "shortest", "total", "widths"),
    [
        ([5, 9], [5, 9], 100, [5, 9]),
        ([32, 40, 8], [32, 12, 8], 60, [32, 20, 8]),
        ([32, 40, 30], [32, 12, 12], 72, [32, 20, 20]),
        ([32, 40, 30], [32, 12, 12], 40, [32, 12, 12]),
    ],
)
def test_only_long_texts_are_shortened(
    natural: list[int], shortest: list[int], total: int, widths: list[int]
) -> None:
    assert table.fitting(natural, shortest, total) == widths


def test_a_narrow_terminal_loses_no_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "console", lambda: Console(width=30, markup=False))
    rows = [{"id": "1" * 20, "name": "n" * 60, "runs": 1_234_567}]
    table.print_table([Column("id", "id"), Column("name"), Column("runs", "number")], rows)
    (row,) = capsys.readouterr().out.splitlines()[1:]
    assert row.split() == ["1" * 20, "n" * 11 + "…", "1,234,567"]
