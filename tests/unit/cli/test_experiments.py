import uuid

import pytest
from tests.unit.cli.command import Command


@pytest.fixture
def name() -> str:
    return f"experiment {uuid.uuid4().hex}"


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


def test_creates_lists_and_moves(on_server: Command, name: str, project: str) -> None:
    (number,) = on_server("experiments", "create", name, "-p", f"{project}/a").lines
    (listed,) = on_server("experiments", "list", "-p", project, "--json").json
    assert listed == {
        "experiment_id": number,
        "name": name,
        "project": f"{project}/a",
        "lifecycle_stage": "active",
        "runs": 0,
        "last_activity": listed["last_activity"],
    }
    moved = on_server("experiments", "move", name, "--to", project)
    assert moved.lines == [f"Moved 1 experiment to {project}."]
    header, row = on_server("experiments", "list", "-p", project).lines
    assert header.split() == ["id", "name", "project", "runs", "last", "activity"]
    assert row.startswith(number)
    assert f"{name}  {project}" in row
    assert on_server("experiments", "move", number, "--to", "", "--json").json == {
        "project": "",
        "experiment_ids": [number],
    }
    gone = on_server("experiments", "list", "-p", project)
    assert (gone.status, gone.err) == (1, f"headwater: error: There is no project '{project}'\n")


def test_a_filter_and_an_order_are_mlflows(on_server: Command, name: str, project: str) -> None:
    for letter in "bac":
        on_server(
            "experiments", "create", f"{name} {letter}", "-p", project, "--tag", f"x={letter}"
        )
    chosen = ("-f", "tags.x != 'c'", "-o", "name ASC", "-p", project, "--csv")
    rows = on_server("experiments", "list", *chosen).csv
    assert [row["name"] for row in rows] == [f"{name} a", f"{name} b"]
    nothing = on_server("experiments", "list", "-f", "tags.x = 'z'", "-p", project)
    assert (nothing.status, nothing.out, nothing.err) == (0, "", "No experiments match.\n")


def test_shows_tags(on_server: Command, name: str, project: str) -> None:
    on_server("experiments", "create", name, "-p", project, "--tag", "owner=ann=eve")
    shown = on_server("experiments", "show", name)
    assert "ann=eve" in shown.out
    assert f"tags.headwater.project  {project}" in shown.lines
    assert on_server("experiments", "show", name, "--json").json["name"] == name


def test_what_is_wrong_is_one_line(on_server: Command, name: str) -> None:
    for arguments, text in {
        ("show", name): f"there is no experiment '{name}'; headwater experiments list shows",
        ("show", "999999"): "there is no experiment '999999'",
        ("create", name, "-p", "a//b"): "Invalid value for parameter 'project'",
        ("create", name, "--tag", "owner"): "--tag 'owner' is not KEY=VALUE",
        ("move", "0", "--to", "/"): "Invalid value for parameter 'project'",
    }.items():
        done = on_server("experiments", *arguments)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith(f"headwater: error: {text}")
        assert done.err.count("\n") == 1
    assert on_server("experiments", "list", "--json", "--csv").status == 2
