"""`headwater params importance`, `headwater runs pareto`, and the same in Python, on a server."""

import uuid

import httpx
import pytest
from tests.server import Server
from tests.unit.cli.command import Command

import headwater


@pytest.fixture(scope="module")
def sweep(server: Server) -> str:
    """A sweep of 30 runs whose acc depends on lr, and latency on size; returns its name."""
    name = f"sweep {uuid.uuid4().hex}"
    with httpx.Client(base_url=f"{server.url}/api/2.0/mlflow/") as client:

        def post(path: str, **body: object) -> dict[str, dict[str, dict[str, str]]]:
            answer = client.post(path, json=body).raise_for_status()
            found: dict[str, dict[str, dict[str, str]]] = answer.json()
            return found

        number = post("experiments/create", name=name)["experiment_id"]
        for place in range(30):
            lr, size = place % 5, place // 5
            run = post("runs/create", experiment_id=number, run_name=f"{lr}-{size}")["run"]
            values = {"acc": lr / 5, "latency": float(size + lr)}
            params = {"lr": 10.0**-lr, "size": size, "fixed": "adam"}
            post(
                "runs/log-batch",
                run_id=run["info"]["run_id"],
                params=[{"key": key, "value": str(value)} for key, value in params.items()],
                metrics=[{"key": k, "value": v, "timestamp": 1} for k, v in values.items()],
            )
    return name


def test_importance(on_server: Command, sweep: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("params", "importance", "--metric", "acc", "-e", sweep)
    shown = on_server(*words)
    assert shown.lines[0].startswith("acc of 30 runs; the forest explains ")
    assert [line.split()[0] for line in shown.lines[3:5]] == ["lr", "size"]
    assert "5 (number, log)" in shown.out
    assert "- fixed: it is the same in all runs" in shown.lines
    assert "Warning: There are only 30 runs" in shown.err
    as_json = on_server(*words, "--json").json
    assert as_json["r_squared"] > 0.8
    rows = on_server(*words, "--csv").csv
    assert [row["param"] for row in rows] == [each["param"] for each in as_json["params"]]
    assert float(rows[0]["variance"]) == as_json["params"][0]["variance"]
    found = headwater.importance("acc", sweep, params=["lr", "size"])
    assert found.params[0].param == "lr"
    assert found.left_out == ()
    refused = on_server(*words, "--param", "depth")
    assert (refused.status, refused.out) == (1, "")
    assert "none of the runs has 'depth'" in refused.err


def test_pareto(on_server: Command, sweep: str) -> None:
    words = ("runs", "pareto", "--metric", "acc:max", "--metric", "latency:min", "-e", sweep)
    shown = on_server(*words, "--reference", "0,9")
    assert [line.split()[1] for line in shown.lines] == [
        "run_name",
        "4-0",
        "3-0",
        "2-0",
        "1-0",
        "0-0",
    ]
    # Of each, its gain in acc times how far its latency is below 9.
    assert shown.err == "Hypervolume: 5.2\n"
    rows = on_server(*words, "--csv").csv
    assert rows[0]["metrics.acc"] == "0.8"
    as_json = on_server(*words, "--json").json
    assert [run["on_front"] for run in as_json["runs"]] == [True] * 5 + [False] * 25
    found = headwater.pareto({"acc": "max", "latency": "max"}, sweep)
    assert [run.run_name for run in found.front] == ["4-5"]
    assert on_server("runs", "pareto", "--metric", "acc:up", "-e", sweep).status == 2
    assert on_server(*words, "--metric", "acc:min").status == 2
    one = on_server("runs", "pareto", "--metric", "acc:max", "-e", sweep)
    assert (one.status, one.out) == (1, "")
    assert "give 2 to 10" in one.err
