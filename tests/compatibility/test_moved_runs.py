"""To the stock client, a run that was moved is as one that was logged where it is now.

The stock server's run is logged into the experiment; Headwater's into another one, from where it
is moved. All that the client tells must be equal, but where the artifacts lie.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, ViewType
from tests.compatibility.answers import Names, normalise_value
from tests.compatibility.servers import Server, candidate_is_stock

from headwater.client.connection import connect
from headwater.client.experiments import move_experiments
from headwater.client.runs import move_runs

# MLflow and the libraries below it warn of their own future.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(candidate_is_stock(), reason="stock MLflow cannot move runs"),
]

Described = dict[str, Any]
Move = Callable[[str, str], None]
"""Moves a run to an experiment."""

DATASET = Dataset("train", "d1", "local", "{}", schema="{}", profile="{}")


@pytest.fixture(autouse=True)
def _leave_no_server_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield
    mlflow.set_tracking_uri(None)


def test_a_moved_run_is_as_if_it_had_been_logged_there(servers: tuple[Server, Server]) -> None:
    stock, candidate = servers
    expected = described(stock, "destination", lambda run_id, experiment_id: None)

    def move(run_id: str, experiment_id: str) -> None:
        with connect(candidate.url) as server:
            done = move_runs(server, [run_id], experiment_id, children=True)
            assert (len(done["moved"]), done["models"], done["traces"]) == (2, 1, 1)

    assert described(candidate, "origin", move) == expected


def described(server: Server, logged_into: str, move: Move) -> str:
    """Log a run and its child into an experiment, move them, and tell what the client sees."""
    mlflow.set_tracking_uri(server.url)
    client = MlflowClient()
    ids = {name: client.create_experiment(name) for name in ("origin", "destination")}
    run_id = log(client, ids[logged_into])
    move(run_id, ids["destination"])
    seen = {name: experiment_as_seen(client, ids[name]) for name in ids}
    assert len(client.search_traces(experiment_ids=[ids["destination"]], run_id=run_id)) == 1
    seen["before"] = run_as_seen(client, run_id)
    assert client.list_artifacts(run_id)[0].path == "note.txt"
    # Whatever becomes of the experiment that it came from.
    client.delete_experiment(ids["origin"])
    client.log_metric(run_id, "loss", 0.1, step=2)
    client.log_inputs(run_id, datasets=[DatasetInput(DATASET, [InputTag("again", "yes")])])
    client.delete_run(run_id)
    client.restore_run(run_id)
    seen["after"] = run_as_seen(client, run_id)
    text = json.loads(json.dumps(seen, default=str))
    return json.dumps(normalise_value(text, Names(str(server.directory))), indent=1, sort_keys=True)


def log(client: MlflowClient, experiment_id: str) -> str:
    """Log a run with everything that a run can have, and a child; return its id."""
    mlflow.set_experiment(experiment_id=experiment_id)
    with mlflow.start_run(run_name="parent") as run:
        run_id: str = run.info.run_id
        mlflow.log_params({"lr": 0.1})
        mlflow.set_tag("team", "vision")
        for step in range(2):
            mlflow.log_metric("loss", 1.0 - step / 2, step=step)
        client.log_inputs(run_id, datasets=[DatasetInput(DATASET, [InputTag("context", "fit")])])
        model = mlflow.create_external_model(
            name="model", source_run_id=run_id, params={"p": "1"}, tags={"t": "2"}
        )
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
        mlflow.log_metric("val", 0.5, step=1, model_id=model.model_id)
        mlflow.log_text("hello", "note.txt")
        with mlflow.start_span("work") as span:
            span.set_inputs({"a": 1})
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("loss", 0.25)
    mlflow.flush_trace_async_logging()
    return run_id


def experiment_as_seen(client: MlflowClient, experiment_id: str) -> Described:
    """What the client finds in an experiment."""
    runs = client.search_runs([experiment_id], order_by=["attributes.run_name"])
    models = client.search_logged_models([experiment_id], filter_string="metrics.val > 0.1")
    traces = client.search_traces(experiment_ids=[experiment_id])
    datasets = httpx.post(
        f"{client.tracking_uri}/ajax-api/2.0/mlflow/experiments/search-datasets",
        json={"experiment_ids": [experiment_id]},
    )
    return {
        "runs": [run_as_seen(client, run.info.run_id) for run in runs],
        "with dataset": [
            run.info.run_name
            for run in client.search_runs([experiment_id], "datasets.name = 'train'")
        ],
        "deleted": len(client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)),
        "models": [model_as_seen(model.to_dictionary()) for model in models],
        "traces": [
            (trace.info.experiment_id, [span.name for span in trace.data.spans]) for trace in traces
        ],
        "datasets": datasets.raise_for_status().json(),
    }


def run_as_seen(client: MlflowClient, run_id: str) -> Described:
    run = client.get_run(run_id)
    seen: Described = run.to_dictionary()
    seen["info"].pop("artifact_uri")
    seen["history"] = [
        (point.step, point.value) for point in client.get_metric_history(run_id, "loss")
    ]
    seen["outputs"] = [output.to_dictionary() for output in run.outputs.model_outputs]
    return seen


def model_as_seen(model: Described) -> Described:
    for name in ("artifact_location", "creation_timestamp", "last_updated_timestamp"):
        model.pop(name)
    model["metrics"] = [(metric.key, metric.value, metric.step) for metric in model["metrics"]]
    return model


def test_a_project_is_a_tag_to_the_stock_client(servers: tuple[Server, Server]) -> None:
    candidate = servers[1]
    mlflow.set_tracking_uri(candidate.url)
    client = MlflowClient()
    experiment_id = client.create_experiment("placed")
    with connect(candidate.url) as server:
        move_experiments(server, [experiment_id], "team/vision")
    (found,) = client.search_experiments(filter_string="tags.`headwater.project` = 'team/vision'")
    assert (found.name, found.tags) == ("placed", {"headwater.project": "team/vision"})
