import uuid
from collections.abc import Iterator

import httpx
import pytest
from tests.server import Server
from tests.unit.cli.command import Command


class Runs:
    """An experiment of its own in a project of its own, with three runs, one with a child."""

    def __init__(self, url: str, on_server: Command) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", verify=False)
        self.project = uuid.uuid4().hex
        self.experiment = f"experiment {self.project}"
        self.number = on_server("experiments", "create", self.experiment, "-p", self.project).lines[
            0
        ]
        self.ids = [self.add(f"run {index}", index) for index in range(3)]
        self.child = self.add("child", 9, {"mlflow.parentRunId": self.ids[0]})

    def add(self, name: str, index: int, tags: dict[str, str] | None = None) -> str:
        given = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        body = {
            "experiment_id": self.number,
            "run_name": name,
            "start_time": 1_000 * index,
            "tags": given,
        }
        run_id: str = self._post("runs/create", body)["run"]["info"]["run_id"]
        metrics = [{"key": "loss", "value": index / 4, "timestamp": 1, "step": 0}]
        params = [{"key": "lr", "value": f"0.{index}"}]
        self._post("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
        ended = {"run_id": run_id, "status": "FINISHED", "end_time": 1_000 * index + 61_000}
        self._post("runs/update", ended)
        return run_id

    def close(self) -> None:
        self._client.close()

    def _post(self, path: str, body: object) -> dict[str, dict[str, dict[str, str]]]:
        answer = self._client.post(path, json=body)
        found: dict[str, dict[str, dict[str, str]]] = answer.raise_for_status().json()
        return found


@pytest.fixture
def runs(server: Server, on_server: Command) -> Iterator[Runs]:
    made = Runs(server.url, on_server)
    yield made
    made.close()


def test_lists_the_chosen_columns_in_order(on_server: Command, runs: Runs) -> None:
    wanted = ("-e", runs.experiment, "-f", "metrics.loss > 0.1", "-o", "metrics.loss ASC")
    shown = on_server("runs", "list", *wanted, "-c", "run_name,metrics.loss", "-c", "params.lr")
    assert shown.lines == [
        f"{'run_id':32}  run_name  metrics.loss  params.lr",
        f"{runs.ids[1]}  run 1             0.25  0.1",
        f"{runs.ids[2]}  run 2              0.5  0.2",
        f"{runs.child}  child             2.25  0.9",
    ]
    listed = on_server("runs", "list", *wanted, "-c", "metrics.loss,duration", "--json").json
    assert listed[0] == {"run_id": runs.ids[1], "duration": 61_000, "metrics": {"loss": 0.25}}


def test_without_columns_programs_get_everything(on_server: Command, runs: Runs) -> None:
    rows = on_server("runs", "list", "-e", runs.number, "-o", "start_time ASC", "--csv").csv
    assert [row["run_id"] for row in rows] == [*runs.ids, runs.child]
    assert rows[1]["start_time"] == "1970-01-01T00:00:01.000+00:00"
    assert (rows[1]["metrics.loss"], rows[1]["params.lr"]) == ("0.25", "0.1")
    assert [row["tags.mlflow.parentRunId"] for row in rows] == ["", "", "", runs.ids[0]]
    (run,) = on_server(
        "runs", "list", "-e", runs.number, "-f", "attributes.run_name = 'run 1'", "--json"
    ).json
    assert run["experiment_id"] == runs.number
    assert (run["metrics"], run["params"]) == ({"loss": 0.25}, {"lr": "0.1"})
    assert run == on_server("runs", "show", runs.ids[1], "--json").json


def test_a_table_shows_the_usual(on_server: Command, runs: Runs) -> None:
    header, first, *_ = on_server("runs", "list", "-p", runs.project, "-o", "start_time ASC").lines
    assert header.split() == ["run_id", "run_name", "status", "start_time", "duration"]
    assert first.split() == [
        *(runs.ids[0], "run", "0", "FINISHED"),
        *("1970-01-01", "00:00", "1m", "01s"),
    ]


def test_says_when_there_are_more(on_server: Command, runs: Runs) -> None:
    found = on_server("runs", "list", "-e", runs.number, "-n", "2", "--json")
    assert len(found.json) == 2
    assert found.err == "There are more than 2 runs; --limit shows more of them.\n"
    exactly = on_server("runs", "list", "-e", runs.number, "-n", "4", "--csv")
    assert (len(exactly.csv), exactly.err) == (4, "")
    nothing = on_server("runs", "list", "-e", runs.number, "--view", "deleted")
    assert (nothing.status, nothing.out, nothing.err) == (0, "", "No runs match.\n")


def test_a_saved_search_is_done_again(on_server: Command, runs: Runs) -> None:
    name = f"best of {runs.project}"
    made = ("-f", "metrics.loss < 1", "-o", "metrics.loss DESC", "-c", "metrics.loss")
    on_server("searches", "create", name, "-p", runs.project, *made)
    rows = on_server("runs", "list", "-s", name, "--csv").csv
    assert rows == [
        {"run_id": runs.ids[2], "metrics.loss": "0.5"},
        {"run_id": runs.ids[1], "metrics.loss": "0.25"},
        {"run_id": runs.ids[0], "metrics.loss": "0.0"},
    ]
    rows = on_server("runs", "list", "-s", name, "-f", "params.lr = '0.9'", "--csv").csv
    assert [row["run_id"] for row in rows] == [runs.child]


def test_named_runs_move_with_their_children(on_server: Command, runs: Runs) -> None:
    other = f"other {runs.project}"
    (number,) = on_server("experiments", "create", other).lines
    moved = on_server("runs", "move", *runs.ids[:2], "--to", other)
    assert moved.lines == [f"Moved 3 runs to {other}."]
    again = on_server("runs", "move", *runs.ids, "--to", number, "--no-children")
    assert again.lines == [f"Moved 1 run to {number}; 2 already there."]


def test_runs_that_match_move_after_a_question(
    on_server: Command, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"other {runs.project}"
    on_server("experiments", "create", other)
    wanted = ("--to", other, "-e", runs.number, "-f", "metrics.loss > 0.1", "--no-children")
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(SystemExit(1)))
    assert on_server("runs", "move", *wanted).status == 1
    done = on_server("runs", "move", *wanted, "--yes", "--json").json
    assert {run["run_id"] for run in done["moved"]} == {*runs.ids[1:], runs.child}
    assert on_server("runs", "move", *wanted, "--yes").err == "No runs match.\n"


def test_shows_everything_of_a_run(on_server: Command, runs: Runs) -> None:
    lines = [line.split() for line in on_server("runs", "show", runs.child).lines]
    assert ["metrics.loss", "2.25"] in lines
    assert ["duration", "1m", "01s"] in lines
    assert ["tags.mlflow.parentRunId", runs.ids[0]] in lines


def test_what_is_wrong_is_one_line(on_server: Command, runs: Runs) -> None:
    for arguments, text in {
        ("show", "f" * 32): "Run with id=ffffffffffffffffffffffffffffffff not found",
        ("list", "-c", "metric.loss"): "Invalid value for parameter 'columns'",
        ("list", "-e", "nobody's"): 'there is no experiment "nobody\'s"',
        ("list", "-s", "nobody's"): 'there is no saved search "nobody\'s"',
        ("list", "-e", "0", "-p", "x"): "--experiment and --project exclude each other",
        ("move", "f" * 32, "--to", "0"): "Nothing was moved: there is no run ffff",
    }.items():
        done = on_server("runs", *arguments)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith(f"headwater: error: {text}")
    assert on_server("runs", "move", "--to", "0").status == 2
    assert on_server("runs", "move", "f", "-e", "0", "--to", "0").status == 2


def test_no_server_is_one_line(on_server: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    unreachable = on_server("runs", "list", "--tracking-uri", "http://127.0.0.1:1")
    assert unreachable.err.startswith("headwater: error: the server http://127.0.0.1:1 cannot be")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "no server is named" in on_server("runs", "list").err
