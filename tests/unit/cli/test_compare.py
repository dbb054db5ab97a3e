"""`headwater compare`: its answer, its exit status, and what it keeps at a run."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from tests.server import Server
from tests.unit.cli.command import Command

import headwater

SCORES = {"large": (0.91, 0.92, 0.93, 0.92), "small": (0.81, 0.82, 0.84, 0.82)}


@dataclass(frozen=True)
class Sweep:
    experiment: str
    parent: str
    url: str

    def artifact(self, path: str) -> bytes:
        route = f"{self.url}/api/2.0/mlflow-artifacts/artifacts"
        info = self.get("runs/get", run_id=self.parent)["run"]["info"]
        place = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
        return httpx.get(f"{route}/{place}/{path}").raise_for_status().content

    def get(self, path: str, **query: str) -> dict[str, dict[str, dict[str, str]]]:
        answer = httpx.get(f"{self.url}/api/2.0/mlflow/{path}", params=query)
        found: dict[str, dict[str, dict[str, str]]] = answer.raise_for_status().json()
        return found


@pytest.fixture(scope="module")
def sweep(server: Server) -> Iterator[Sweep]:
    """Four seeds of two models, below a parent."""
    with httpx.Client(base_url=f"{server.url}/api/2.0/mlflow/") as client:

        def post(path: str, **body: object) -> dict[str, dict[str, dict[str, str]]]:
            answer = client.post(path, json=body).raise_for_status()
            found: dict[str, dict[str, dict[str, str]]] = answer.json()
            return found

        name = f"sweep {uuid.uuid4().hex}"
        number = post("experiments/create", name=name)["experiment_id"]
        parent = post("runs/create", experiment_id=number)["run"]["info"]["run_id"]
        for model, scores in SCORES.items():
            for seed, score in enumerate(scores):
                run_id = post("runs/create", experiment_id=number)["run"]["info"]["run_id"]
                params = [{"key": "model", "value": model}, {"key": "seed", "value": str(seed)}]
                metrics = [{"key": "acc", "value": score, "timestamp": 1, "step": 9}]
                post("runs/log-batch", run_id=run_id, params=params, metrics=metrics)
                post("runs/update", run_id=run_id, status="FINISHED", end_time=1)
        yield Sweep(name, parent, server.url)


LARGE, SMALL = 'params.model = "large"', 'params.model = "small"'


def test_exits_with_0_only_if_the_first_group_is_better(on_server: Command, sweep: Sweep) -> None:
    where = ("-e", sweep.experiment, "--metric", "acc")
    better = on_server("compare", LARGE, SMALL, *where, "--higher-is-better")
    assert better.status == 0
    assert better.out.startswith(
        f"{LARGE} is better than {SMALL}: acc is higher by 0.0975 (95 % CI"
    )
    assert "Welch's t-test" in better.out
    assert "Runs of all groups share values of params.seed" in better.out
    worse = on_server("compare", LARGE, SMALL, *where, "--lower-is-better")
    assert (worse.status, worse.err) == (1, "")
    assert "is worse than" in worse.out


def test_groups_by_a_column_in_pairs_as_json_and_markdown(on_server: Command, sweep: Sweep) -> None:
    words = (
        "compare",
        "--group-by",
        "params.model",
        "--candidate",
        "small",
        "-e",
        sweep.experiment,
    )
    words = (*words, "-m", "acc", "--higher-is-better", "--paired-by", "params.seed")  # type: ignore[assignment]
    found = on_server(*words, "--json")
    verdict = json.loads(found.out)
    assert (found.status, verdict["decision"], verdict["version"]) == (1, "worse", 1)
    assert verdict["comparisons"][0]["sizes"] == [4]
    assert [group["name"] for group in verdict["groups"]] == [
        "params.model = small",
        "params.model = large",
    ]
    shown = on_server(*words, "--markdown").out
    assert shown.startswith(
        "**params.model = small is worse than params.model = large: acc is lower"
    )
    assert "| params.model = large | 4 pairs |" in shown


def test_the_server_writes_the_same_markdown(on_server: Command, sweep: Sweep) -> None:
    words = ("compare", LARGE, SMALL, "-e", sweep.experiment, "-m", "acc", "--higher-is-better")
    body = {
        "groups": [{"filter": LARGE}, {"filter": SMALL}],
        "experiment_names": [sweep.experiment],
        "metric": "acc",
        "direction": "higher",
    }

    def answer(accept: str) -> httpx.Response:
        route = f"{sweep.url}/api/2.0/headwater/compare"
        return httpx.post(route, json=body, headers={"Accept": accept}).raise_for_status()

    markdown = answer("text/html;q=0.1, text/markdown, */*")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.text == on_server(*words, "--markdown").out
    for accept in ("*/*", "application/json, text/markdown", "text/html"):
        assert answer(accept).headers["content-type"].startswith("application/json")


def test_errors_exit_with_2(on_server: Command, sweep: Sweep) -> None:
    words = ("compare", LARGE, "params.model = 'none'", "-e", sweep.experiment, "-m", "acc")
    failed = on_server(*words, "--higher-is-better")
    assert (failed.status, failed.out) == (2, "")
    assert "no run is in the group" in failed.err
    assert on_server(*words).status == 2
    assert on_server("compare", LARGE, "-m", "acc", "--higher-is-better").status == 2


def test_a_verdict_is_kept_at_a_run_and_computed_again(on_server: Command, sweep: Sweep) -> None:
    words = ("compare", LARGE, SMALL, "-e", sweep.experiment, "-m", "acc", "--higher-is-better")
    kept = on_server(*words, "--save", sweep.parent)
    assert (kept.status, kept.err) == (0, "Kept as verdicts/verdict.json.\n")
    verdict = headwater.Verdict.from_json(sweep.artifact("verdicts/verdict.json"))
    assert verdict.recompute() == verdict
    tags = sweep.get("runs/get", run_id=sweep.parent)["run"]["data"]["tags"]
    (told,) = [json.loads(tag["value"]) for tag in tags if tag["key"] == "headwater.verdict"]  # type: ignore[index]
    assert told["decision"] == "better"
    assert told["headline"] == verdict.headline


def test_python_has_the_same(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, on_server: Command
) -> None:
    verdict = headwater.compare(
        {"name": "big", "filter": LARGE},
        {"name": "<b>little</b>", "filter": SMALL},
        experiments=sweep.experiment,
        metric="acc",
        higher_is_better=True,
        paired_by="params.seed",
    )
    assert verdict.decision == "better"
    assert repr(verdict).startswith("<Verdict better: big is better than <b>little</b>:")
    shown = verdict._repr_html_()
    assert "&lt;b&gt;little&lt;/b&gt;" in shown
    assert "<b>little" not in shown
    with pytest.raises(headwater.errors.InvalidParameterError, match="no name"):
        headwater.save_verdict(verdict, sweep.parent, "../x")
    assert headwater.save_verdict(verdict, sweep.parent, "ablation-1") == "verdicts/ablation-1.json"
    assert sweep.artifact("verdicts/ablation-1.json") == verdict.to_json().encode()
