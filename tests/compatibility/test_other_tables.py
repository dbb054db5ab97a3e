"""What MLflow's own code writes (inputs, outputs, models), natively read, and the reverse."""

import pytest
from tests.compatibility.calls import Call, case, get, patch, post, raw
from tests.compatibility.pair import Pair

_LOOK = (
    get("runs/get", "run_id=<run>"),
    post("runs/search", experiment_ids=["<experiment>"], order_by=["start_time"]),
)
_OUTPUTS = "/api/2.0/mlflow/runs/outputs"


def dataset(name: str, digest: str = "d1", **tags: str) -> dict[str, object]:
    return {
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "dataset": {
            "name": name,
            "digest": digest,
            "source_type": "local",
            "source": '{"uri": "x"}',
            "schema": '{"a": 1}',
            "profile": '{"rows": 2}',
        },
    }


def log_inputs(*datasets: object, run: str = "<run>", **fields: object) -> Call:
    return post("runs/log-inputs", run_id=run, datasets=list(datasets), **fields)


_GRAPHQL_RUN = """query($input: MlflowGetRunInput!) {
  mlflowGetRun(input: $input) {
    apiError { code }
    run { info { runId status } data { metrics { key value step } params { key value } } }
  }
}"""
_GRAPHQL_SEARCH = """query($input: MlflowSearchRunsInput!) {
  mlflowSearchRuns(input: $input) { runs { info { runId runName } data { metrics { key value } } } }
}"""
_MODEL_JSON = (
    '{"artifact_path": "m", "flavors": {}, "run_id": "<run>",'
    ' "utc_time_created": "2024-01-01 00:00:00.000000"}'
)


def graphql(query: str, **fields: object) -> Call:
    return post("/graphql", query=query, variables={"input": fields})


def search(text: str) -> Call:
    return post("runs/search", experiment_ids=["<experiment>"], filter=text)


_HOME = get("experiments/get", "experiment_id=<experiment>")
_TRAIN = {"mlflow.data.context": "train"}
_CASES = [
    case("one dataset", log_inputs(dataset("digits"))),
    case("one dataset with a context", log_inputs(dataset("digits", **_TRAIN))),
    case("one dataset with many tags", log_inputs(dataset("digits", z="1", a="2", m="3"))),
    case("the same dataset twice", *[log_inputs(dataset("digits", **_TRAIN))] * 2),
    case(
        "another context later",
        log_inputs(dataset("digits", **_TRAIN)),
        log_inputs(dataset("digits", **{"mlflow.data.context": "eval"})),
    ),
    case("two datasets", log_inputs(dataset("one")), log_inputs(dataset("two"))),
    case(
        "one dataset of two runs",
        log_inputs(dataset("one")),
        log_inputs(dataset("one"), run="<other run>"),
        get("runs/get", "run_id=<other run>"),
    ),
    case("a broken dataset", log_inputs({"dataset": {"name": "x"}})),
    case(
        "a dataset beside metrics",
        log_inputs(dataset("digits")),
        post(
            "runs/log-metric",
            run_id="<run>",
            key="k",
            value=1,
            timestamp=1,
            dataset_name="digits",
            dataset_digest="d1",
        ),
        post("runs/log-parameter", run_id="<run>", key="k", value="v"),
    ),
    case(
        "searched by dataset",
        log_inputs(dataset("digits", **_TRAIN)),
        search("dataset.name = 'digits'"),
        search("dataset.digest = 'd1'"),
        search("dataset.context = 'train'"),
        search("dataset.name LIKE 'dig%'"),
        search("dataset.name = 'x'"),
        search("dataset.name IN ('digits', 'x')"),
        search("dataset.name = 'digits' AND attributes.start_time > 0"),
    ),
    case(
        "a model as input",
        post("runs/log-inputs", run_id="<run>", models=[{"model_id": "<model>"}]),
    ),
    case("a model and a dataset", log_inputs(dataset("digits"), models=[{"model_id": "<model>"}])),
    case(
        "a model as output",
        post(_OUTPUTS, run_id="<run>", models=[{"model_id": "<model>", "step": 3}]),
    ),
    case(
        "an output twice",
        *[post(_OUTPUTS, run_id="<run>", models=[{"model_id": "<model>", "step": 3}])] * 2,
    ),
    case(
        "inputs and outputs",
        log_inputs(dataset("digits")),
        post(_OUTPUTS, run_id="<run>", models=[{"model_id": "<model>", "step": 0}]),
    ),
    case(
        "inputs of a deleted run",
        log_inputs(dataset("digits")),
        post("runs/delete", run_id="<run>"),
        post(
            "runs/search",
            experiment_ids=["<experiment>"],
            run_view_type="ALL",
            order_by=["start_time"],
        ),
    ),
    case(
        "a model of a run with metrics",
        post(
            "logged-models",
            experiment_id="<experiment>",
            name="m",
            source_run_id="<run>",
            params=[{"key": "depth", "value": "3"}],
            tags=[{"key": "t", "value": "v"}],
        ).saving(made="model.info.model_id"),
        post(
            "runs/log-batch",
            run_id="<run>",
            metrics=[
                {"key": "acc", "value": 0.5, "timestamp": 5, "step": 1, "model_id": "<made>"},
                {
                    "key": "acc",
                    "value": 0.75,
                    "timestamp": 6,
                    "step": 2,
                    "model_id": "<made>",
                    "dataset_name": "d",
                    "dataset_digest": "x",
                },
                {"key": "loss", "value": "NaN", "timestamp": 6, "step": 2, "model_id": "<made>"},
            ],
        ),
        get("logged-models/<made>"),
        post("logged-models/search", experiment_ids=["<experiment>"]),
        post("logged-models/search", experiment_ids=["<experiment>"], filter="metrics.acc > 0.6"),
        post(
            "logged-models/search",
            experiment_ids=["<experiment>"],
            order_by=[{"field_name": "metrics.acc"}],
        ),
        get("metrics/get-history", "run_id=<run>&metric_key=acc&max_results=9"),
        get("metrics/get-history-bulk", "run_id=<run>&metric_key=acc"),
        get("metrics/get-history-bulk-interval", "run_ids=<run>&metric_key=acc"),
        patch("logged-models/<made>", model_id="<made>", status="LOGGED_MODEL_READY"),
        Call("DELETE", "logged-models/<made>"),
        get("logged-models/<made>"),
    ),
    case(
        "a model logged the old way",
        post(
            "runs/log-model",
            run_id="<run>",
            model_json=_MODEL_JSON,
        ),
    ),
    case(
        "a registered model",
        post("registered-models/create", name="<unique> model"),
        post(
            "model-versions/create",
            name="<unique> model",
            source="mlflow-artifacts:/x",
            run_id="<run>",
        ),
        get("registered-models/get", "name=<unique>+model"),
    ),
    case(
        "artifacts",
        raw("/api/2.0/mlflow-artifacts/artifacts/<home>/<run>/artifacts/a/b.txt", b"hello", "PUT"),
        get("artifacts/list", "run_id=<run>"),
        get("artifacts/list", "run_id=<run>&path=a"),
        get("/get-artifact", "run_id=<run>&path=a/b.txt"),
        get("/get-artifact", "run_id=<run>&path=nope"),
    ),
    case("GraphQL run", graphql(_GRAPHQL_RUN, runId="<run>")),
    case(
        "GraphQL search",
        post("runs/log-metric", run_id="<run>", key="k", value=1, timestamp=1),
        graphql(_GRAPHQL_SEARCH, experimentIds=["<experiment>"]),
    ),
    case("GraphQL broken", raw("/graphql", "{"), raw("/graphql", '{"query": "nope"}')),
    case(
        "jobs",
        get("/ajax-api/3.0/jobs/nothing"),
        post("/ajax-api/3.0/jobs", job_name="x", params={}),
    ),
    case(
        "webhooks",
        post(
            "/api/2.0/mlflow/webhooks",
            name="<unique>",
            url="https://example.com/hook",
            events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
        ),
        get("/api/2.0/mlflow/webhooks", "max_results=1"),
        get("/api/2.0/mlflow/webhooks", "max_results=0"),
    ),
    case(
        "server info",
        get("/api/3.0/mlflow/server-info"),
        get("/ajax-api/3.0/mlflow/server-info"),
        get("/ajax-api/3.0/mlflow/ui-telemetry"),
    ),
    case(
        "traces",
        post(
            "/api/3.0/mlflow/traces/search",
            locations=[
                {
                    "type": "MLFLOW_EXPERIMENT",
                    "mlflow_experiment": {"experiment_id": "<experiment>"},
                }
            ],
        ),
        get("/api/3.0/mlflow/traces/tr-0123"),
    ),
]


@pytest.mark.parametrize("calls", _CASES)
def test_same_data_through_every_door(pair: Pair, calls: tuple[Call, ...]) -> None:
    pair.play(_HOME, *calls, *_LOOK)
    pair.compare_state()
