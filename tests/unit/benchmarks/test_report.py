"""The report says which floors are missed and leaves the rest of a document alone."""

from pathlib import Path

import pytest
from benchmarks.physical_limits import Limit
from benchmarks.report import put_into, to_markdown
from benchmarks.summary import Figure, compare


def test_markdown_marks_the_better_stock_configuration_and_misses() -> None:
    figure = Figure("verb", "batches", "points/s", "higher", floor=40)
    result = compare(figure, {"four": [50], "one": [100], "ours": [900]}, ["four", "one"], "ours")
    lines = to_markdown(
        [result], [Limit("fsync", 0.123, "ms")], ["four", "one", "ours"], {"CPU": "fast"}
    ).splitlines()
    row = "| batches | 50.0 points/s | 100 points/s * | 900 points/s | 9x | 9-9 | 40x | MISS |"
    assert row in lines
    assert "| fsync | 0.123 ms |" in lines
    assert "| CPU | fast |" in lines


def test_tables_replace_only_what_stands_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- results -->\nold\n<!-- end of results -->\nafter\n")
    put_into(document, "new\n")
    put_into(document, "newer\n")
    assert document.read_text() == (
        "before\n<!-- results -->\nnewer\n<!-- end of results -->\nafter\n"
    )


def test_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "other.md"
    document.write_text("precious")
    with pytest.raises(ValueError, match="lacks the lines"):
        put_into(document, "new\n")
    assert document.read_text() == "precious"
