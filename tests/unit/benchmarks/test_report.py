"""The report says which floors are missed and leaves the rest of a document alone."""

from pathlib import Path

import pytest
from benchmarks.physical_limits import Limit
from benchmarks.report import put_into, to_markdown
from benchmarks.summary import Figure, Sides, compare

SIDES = Sides(["four", "one"], peer="peer", ours="ours", ours_on_postgres="postgres")


def test_markdown_marks_the_better_stock_configuration_and_misses() -> None:
    figure = Figure("verb", "batches", "points/s", "higher", floor=40)
    result = compare(figure, {"four": [50], "one": [100], "ours": [900]}, SIDES)
    lines = to_markdown(
        [result], [Limit("fsync", 0.123, "ms")], ["four", "one", "ours"], {"CPU": "fast"}
    ).splitlines()
    row = "| batches | 50.0 points/s | 100 points/s * | 900 points/s | 9x | 9-9 | 40x | MISS |"
    assert row in lines
    assert "| fsync | 0.123 ms |" in lines
    assert "| CPU | fast |" in lines


def test_markdown_names_every_floor_and_bound_that_was_judged() -> None:
    figure = Figure(
        "verb", "batches", "points/s", "higher", 2, peer_floor=3, postgres_floor=1 / 3, bound=500
    )
    samples = {"one": [100], "peer": [200], "ours": [900], "postgres": [450]}
    lines = to_markdown([compare(figure, samples, SIDES)], [], list(samples), {}).splitlines()
    assert lines[3] == (
        "| verb | one | peer | ours | postgres | ratio | rounds | floor | to FastTrackML "
        "| floor for it | PostgreSQL to SQLite | floor for that | required |  |"
    )
    assert lines[5].endswith("| 9x | 9-9 | 2x | 4.5x | 3x | 0.5x | 0.333x | ≥ 500 points/s | ok |")


def test_notes_follow_the_table() -> None:
    figure = Figure("verb", "batches", "points/s", "higher")
    text = to_markdown([compare(figure, {"one": [1]}, SIDES)], [], ["one"], {}, ["verb: few"])
    assert text.endswith("| batches | 1 points/s * |\n\n- verb: few\n")


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
