"""The stock MLflow client, end to end: every flow gives the same result on both servers.

A flow works on the tracking server set for the process, in experiments whose names end with a mark,
and returns what a user would see. It checks what must hold anyway; the comparison does the rest.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from tests.compatibility.answers import Names, normalise_value
from tests.compatibility.servers import Server

# MLflow and the libraries below it warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

Flow = Callable[[Path, str], Any]


def run_as_seen(run_id: str) -> dict[str, Any]:
    """All that the client tells about a run, without what the client itself measured."""
    run: dict[str, Any] = MlflowClient().get_run(run_id).to_dictionary()
    tags = run["data"]["tags"]
    for name in ("mlflow.source.name", "mlflow.source.git.commit", "mlflow.user"):
        tags.pop(name, None)
    run["info"].pop("user_id", None)
    return run


def history_as_seen(run_id: str, key: str) -> list[tuple[Any, ...]]:
    points = MlflowClient().get_metric_history(run_id, key)
    return [(point.key, repr(point.value), point.step) for point in points]


def logging_of_every_kind(directory: Path, mark: str) -> Any:
    mlflow.set_experiment(f"every kind{mark}")
    with mlflow.start_run(run_name="outer", description="what for", tags={"a": "b"}) as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({f"p{i}": i for i in range(150)})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metric("loss", math.nan, step=2)
        mlflow.log_metrics({"acc": 0.9, "inf": math.inf}, step=3)
        mlflow.set_tags({"x": "y", "emoji": "🚀"})
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "data.json")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
        (directory / "file.bin").write_bytes(bytes(range(256)) * 1000)
        mlflow.log_artifact(str(directory / "file.bin"), "files")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), "black.png")
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("m", 1)
    client = MlflowClient()
    names = [item.path for item in client.list_artifacts(run.info.run_id)]
    content = Path(client.download_artifacts(run.info.run_id, "files/file.bin")).read_bytes()
    assert content == bytes(range(256)) * 1000
    inner_run = run_as_seen(inner.info.run_id)
    assert inner_run["data"]["tags"]["mlflow.parentRunId"] == run.info.run_id
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/texts/hello.txt")
    loss = history_as_seen(run.info.run_id, "loss")
    return run_as_seen(run.info.run_id), inner_run, names, text, loss


def failures_as_exceptions(directory: Path, mark: str) -> Any:
    client = MlflowClient()
    experiment = client.create_experiment(f"failures{mark}")
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "p", "1")
    attempts: dict[str, Callable[[], Any]] = {
        "name taken": lambda: client.create_experiment(f"failures{mark}"),
        "param changed": lambda: client.log_param(run, "p", "2"),
        "no such run": lambda: client.get_run("0" * 32),
        "no such experiment": lambda: client.get_experiment("99999999"),
        "bad filter": lambda: client.search_runs([experiment], "nothing = = 1"),
        "bad order": lambda: client.search_runs([experiment], order_by=["nothing.x"]),
        "long key": lambda: client.log_metric(run, "k" * 251, 1),
        "no such tag": lambda: client.delete_tag(run, "nope"),
        "no such model": lambda: client.get_registered_model("nope"),
    }
    results = {}
    for name, attempt in attempts.items():
        with pytest.raises(MlflowException) as caught:
            attempt()
        results[name] = (caught.value.error_code, str(caught.value))
    assert client.get_experiment_by_name("nope") is None
    return results


def searching_with_pandas(directory: Path, mark: str) -> Any:
    experiment = mlflow.set_experiment(f"pandas{mark}").experiment_id
    client = MlflowClient()
    for number in range(25):
        run = client.create_run(experiment, start_time=1000 + number, run_name=f"run {number}")
        client.log_batch(
            run.info.run_id,
            [Metric("score", number % 7 / 7, 1, 0)],
            [Param("depth", str(number % 3))],
            [RunTag("even", str(number % 2 == 0))],
        )
        client.set_terminated(run.info.run_id, end_time=2000 + number)
        if number % 5 == 0:
            client.delete_run(run.info.run_id)
    order = ["metrics.score DESC", "attributes.start_time"]
    frame = mlflow.search_runs([experiment], "params.depth = '1'", ViewType.ALL, 100, order)
    frame = frame.drop(columns=["run_id", "artifact_uri"]).sort_index(axis="columns")
    pages = client.search_runs([experiment], max_results=6, order_by=order)
    following = client.search_runs(
        [experiment], max_results=6, order_by=order, page_token=pages.token
    )
    named = [run.info.run_name for page in (pages, following) for run in page]
    by_name = mlflow.search_runs(experiment_names=[f"pandas{mark}"], output_format="list")
    return frame.astype(str).to_dict("records"), named, len(by_name)


def experiments_renamed_and_deleted(directory: Path, mark: str) -> Any:
    client = MlflowClient()
    experiment = client.create_experiment(f"to rename{mark}", tags={"team": "blue"})
    client.rename_experiment(experiment, f"renamed{mark}")
    client.set_experiment_tag(experiment, "mlflow.note.content", "note")
    client.delete_experiment(experiment)
    with pytest.raises(MlflowException) as caught:
        mlflow.set_experiment(f"renamed{mark}")
    client.restore_experiment(experiment)
    found = client.search_experiments(filter_string="tags.team = 'blue'")
    return str(caught.value), [dict(item) for item in found]


def asynchronous_logging(directory: Path, mark: str) -> Any:
    mlflow.set_experiment(f"asynchronous{mark}")
    with mlflow.start_run() as run:
        for step in range(300):
            mlflow.log_metric("loss", 1 / (step + 1), step=step, timestamp=step, synchronous=False)
        mlflow.log_params({"a": 1, "b": 2}, synchronous=False)
        mlflow.set_tag("t", "v", synchronous=False).wait()
        mlflow.flush_async_logging()
    history = history_as_seen(run.info.run_id, "loss")
    assert len(history) == 300
    return run_as_seen(run.info.run_id)["data"]["params"], history


def models_logged_and_registered(directory: Path, mark: str) -> Any:
    mlflow.set_experiment(f"models{mark}")
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    with mlflow.start_run() as run:
        model = Ridge(alpha=0.5).fit(features, target)
        info = mlflow.sklearn.log_model(
            model,
            name="ridge",
            registered_model_name=f"ridge{mark}",
            pip_requirements=["scikit-learn"],  # inferring them takes a minute
        )
        mlflow.log_metric("r2", 0.5, model_id=info.model_id)
    client = MlflowClient()
    client.set_registered_model_alias(f"ridge{mark}", "champion", "1")
    client.set_model_version_tag(f"ridge{mark}", "1", "checked", "yes")
    loaded = mlflow.sklearn.load_model(f"models:/ridge{mark}@champion")
    assert numpy.allclose(loaded.predict(features), model.predict(features))
    version = client.get_model_version_by_alias(f"ridge{mark}", "champion")
    logged = mlflow.get_logged_model(info.model_id)
    seen = run_as_seen(run.info.run_id)
    metrics = [(metric.key, metric.value) for metric in logged.metrics or []]
    assert metrics == [("r2", 0.5)]
    outputs = [output["model_id"] for output in seen["outputs"]["model_outputs"]]
    assert outputs == [info.model_id]
    return version.version, version.tags, version.run_id, metrics, seen["data"]["metrics"]


def autologging_with_datasets(directory: Path, mark: str) -> Any:
    mlflow.set_experiment(f"autologging{mark}")
    mlflow.sklearn.autolog(log_datasets=True, log_models=False, silent=True)
    try:
        features, target = load_diabetes(return_X_y=True, as_frame=True)
        with mlflow.start_run() as run:
            RandomForestRegressor(n_estimators=3, max_depth=2, random_state=0).fit(features, target)
    finally:
        mlflow.sklearn.autolog(disable=True)
    seen = run_as_seen(run.info.run_id)
    assert seen["data"]["params"]["n_estimators"] == "3"
    datasets = [
        (item["dataset"]["digest"], item["dataset"]["schema"], item["tags"])
        for item in seen["inputs"]["dataset_inputs"]
    ]
    assert datasets
    found = mlflow.search_runs(filter_string="dataset.context = 'train'")
    return seen["data"]["metrics"], seen["data"]["params"], datasets, len(found)


def traces(directory: Path, mark: str) -> Any:
    mlflow.set_experiment(f"traces{mark}")

    with mlflow.start_span("outer") as outer:
        outer.set_inputs({"number": 3})
        with mlflow.start_span("inner") as inner:
            inner.set_attribute("k", "v")
        outer.set_outputs(7)
    assert mlflow.trace(len)("four") == 4
    mlflow.flush_trace_async_logging()
    deadline = time.monotonic() + 30
    while len(found := mlflow.search_traces(return_type="list")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return [
        (
            trace.info.state,
            sorted((span.name, span.inputs, span.outputs) for span in trace.data.spans),
        )
        for trace in sorted(found, key=lambda trace: len(trace.data.spans))
    ]


FLOWS: tuple[Flow, ...] = (
    logging_of_every_kind,
    failures_as_exceptions,
    searching_with_pandas,
    experiments_renamed_and_deleted,
    asynchronous_logging,
    models_logged_and_registered,
    autologging_with_datasets,
    traces,
)


@pytest.fixture(autouse=True)
def _leave_no_server_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield
    mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("scheme", ["http", "headwater"])
def test_flow(
    flow: Flow,
    scheme: str,
    servers: tuple[Server, Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spools"))
    stock, candidate = servers
    if scheme == "headwater" and candidate.name == stock.name:
        pytest.skip("MLflow's server takes no frames")
    results: list[str] = []
    for uri in (stock.url, candidate.url.replace("http:", f"{scheme}:")):
        mlflow.set_tracking_uri(uri)
        directory = tmp_path / str(len(results))
        directory.mkdir()
        found = json.loads(json.dumps(flow(directory, f" by {scheme}"), default=str))
        server = servers[len(results)]
        result = normalise_value(found, Names(str(server.directory)))
        results.append(json.dumps(result, indent=1, sort_keys=True))
    assert results[0] == results[1]
