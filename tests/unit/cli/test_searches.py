import uuid

import pytest
from tests.unit.cli.command import Command


@pytest.fixture
def name() -> str:
    return f"search {uuid.uuid4().hex}"


def test_saves_shows_changes_and_deletes(on_server: Command, name: str) -> None:
    made = ("-f", "metrics.loss < 1", "-o", "metrics.loss ASC", "-c", "metrics.loss, params.lr")
    saved = on_server("searches", "create", name, "-e", "Default", *made, "--json").json
    assert saved["experiment_id"] == "0"
    assert saved["columns"] == ["metrics.loss", "params.lr"]
    assert on_server("searches", "show", name, "--json").json == saved
    changed = on_server("searches", "update", name, "-f", "", "--json").json
    assert changed == {**saved, "filter": "", "updated_at": changed["updated_at"]}
    shown = on_server("searches", "show", saved["search_id"]).lines
    assert "columns        metrics.loss, params.lr" in shown
    assert on_server("searches", "delete", name, "--yes").lines == []
    gone = on_server("searches", "show", name)
    assert gone.err.startswith(f"headwater: error: there is no saved search '{name}'")


def test_lists_those_of_a_place(on_server: Command, name: str) -> None:
    project = uuid.uuid4().hex
    on_server("searches", "create", name, "-p", f"{project}/a", "-f", "metrics.loss < 1")
    header, row = on_server("searches", "list", "-p", project).lines
    assert header.split() == ["search_id", "name", "project", "experiment", "filter"]
    assert row.endswith("metrics.loss < 1")
    (listed,) = on_server("searches", "list", "-p", project, "--csv").csv
    assert (listed["name"], listed["project"]) == (name, f"{project}/a")
    assert len(on_server("searches", "list", "-p", project, "--json").json) == 1
    assert on_server("searches", "list", "-p", f"{project}/b").err == "No saved searches.\n"


def test_a_name_of_two_places_needs_the_id(on_server: Command, name: str) -> None:
    for project in (uuid.uuid4().hex, uuid.uuid4().hex):
        on_server("searches", "create", name, "-p", project)
    refused = on_server("searches", "show", name)
    assert refused.status == 1
    assert f"2 saved searches are named '{name}'; name one by its id" in refused.err
