import uuid

from tests.unit.cli.command import Command


def test_the_tree_has_everything_below_its_parent(on_server: Command) -> None:
    root = uuid.uuid4().hex
    numbers = [
        on_server("experiments", "create", f"{root} {name}", "-p", f"{root}{path}").lines[0]
        for path, name in (("", "one"), ("/a", "two"), ("/a/b", "three"), ("/a", "four"))
    ]
    one, two, three, four = numbers
    shown = on_server("projects", "list", root, "-e").lines
    assert [line.partition(", last")[0] for line in shown] == [
        f"{root}  4 experiments, 0 runs",
        "├── a  3 experiments, 0 runs",
        "│   ├── b  1 experiment, 0 runs",
        f"│   │   └── {root} three  id {three}, 0 runs",
        f"│   ├── {root} four  id {four}, 0 runs",
        f"│   └── {root} two  id {two}, 0 runs",
        f"└── {root} one  id {one}, 0 runs",
    ]
    rows = on_server("projects", "list", root, "--csv").csv
    assert [(row["path"], row["experiments"], row["direct_experiments"]) for row in rows] == [
        (root, "4", "1"),
        (f"{root}/a", "3", "2"),
        (f"{root}/a/b", "1", "1"),
    ]
    assert "experiments" not in on_server("projects", "list", root, "--json").json


def test_a_project_moves(on_server: Command) -> None:
    root, other = uuid.uuid4().hex, uuid.uuid4().hex
    on_server("experiments", "create", f"{root} one", "-p", f"{root}/a")
    on_server("searches", "create", "best", "-p", root)
    moved = on_server("projects", "move", root, other)
    assert moved.lines == [f"Moved 1 experiment and 1 search from {root} to {other}."]
    done = on_server("projects", "move", f"{other}/a", "", "--json").json
    assert (done["to"], done["saved_searches"], len(done["experiments"])) == ("", 0, 1)
    refused = on_server("projects", "move", root, other)
    assert (refused.status, refused.err.partition(";")[0]) == (
        1,
        f"headwater: error: There is no project '{root}'",
    )
