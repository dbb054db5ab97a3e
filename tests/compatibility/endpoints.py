"""Every endpoint that Headwater serves natively, with a request that succeeds."""

from typing import Any

from tests.compatibility.calls import Call, get, post

POSTS: dict[str, dict[str, Any]] = {
    "experiments/create": {
        "name": "<unique> created",
        "artifact_location": "mlflow-artifacts:/somewhere",
        "tags": [{"key": "k", "value": "v"}],
    },
    "experiments/search": {
        "max_results": 2,
        "page_token": "",
        "filter": "name LIKE '<unique>%'",
        "order_by": ["name ASC"],
        "view_type": "ALL",
    },
    "experiments/update": {"experiment_id": "<experiment>", "new_name": "<unique> renamed"},
    "experiments/delete": {"experiment_id": "<experiment>"},
    "experiments/restore": {"experiment_id": "<deleted experiment>"},
    "experiments/set-experiment-tag": {
        "experiment_id": "<experiment>",
        "key": "team",
        "value": "blue",
    },
    "experiments/delete-experiment-tag": {"experiment_id": "<experiment>", "key": "team"},
    "runs/create": {
        "experiment_id": "<experiment>",
        "user_id": "someone",
        "start_time": 5,
        "run_name": "created",
        "tags": [{"key": "k", "value": "v"}],
    },
    "runs/update": {
        "run_id": "<run>",
        "run_uuid": "<run>",
        "status": "FINISHED",
        "end_time": 9,
        "run_name": "renamed",
    },
    "runs/delete": {"run_id": "<run>"},
    "runs/restore": {"run_id": "<deleted run>"},
    "runs/search": {
        "experiment_ids": ["<experiment>"],
        "filter": "attributes.start_time > 0",
        "run_view_type": "ALL",
        "max_results": 1,
        "order_by": ["attributes.start_time DESC"],
        "page_token": "",
    },
    "runs/log-metric": {
        "run_id": "<run>",
        "run_uuid": "<run>",
        "key": "loss",
        "value": 0.5,
        "timestamp": 12,
        "step": 3,
        "model_id": "",
        "dataset_name": "digits",
        "dataset_digest": "abc",
    },
    "runs/log-parameter": {"run_id": "<run>", "run_uuid": "<run>", "key": "lr", "value": "0.1"},
    "runs/log-batch": {
        "run_id": "<run>",
        "metrics": [
            {
                "key": "loss",
                "value": 0.5,
                "timestamp": 12,
                "step": 3,
                "model_id": "",
                "dataset_name": "digits",
                "dataset_digest": "abc",
                "run_id": "<run>",
            }
        ],
        "params": [{"key": "lr", "value": "0.1"}],
        "tags": [{"key": "team", "value": "blue"}],
    },
    "runs/set-tag": {"run_id": "<run>", "run_uuid": "<run>", "key": "team", "value": "blue"},
    "runs/delete-tag": {"run_id": "<run>", "key": "team"},
}
"""Path -> fields of a request that names every field."""

GETS: dict[str, dict[str, Any]] = {
    "experiments/get": {"experiment_id": "<experiment>"},
    "experiments/get-by-name": {"experiment_name": "<unique>"},
    "experiments/search": {
        "max_results": 2,
        "page_token": "",
        "filter": "name LIKE '<unique>%'",
        "order_by": "name ASC",
        "view_type": "ALL",
    },
    "runs/get": {"run_id": "<run>", "run_uuid": "<run>"},
    "metrics/get-history": {
        "run_id": "<run>",
        "run_uuid": "<run>",
        "metric_key": "loss",
        "max_results": 2,
        "page_token": "",
    },
    "metrics/get-history-bulk": {"run_id": "<run>", "metric_key": "loss", "max_results": 2},
    "metrics/get-history-bulk-interval": {
        "run_ids": "<run>",
        "metric_key": "loss",
        "start_step": 0,
        "end_step": 3,
        "max_results": 2,
    },
}
"""Path -> query parameters of a request that names every parameter."""

PREPARATIONS: dict[str, tuple[Call, ...]] = {
    "experiments/delete-experiment-tag": (
        post("experiments/set-experiment-tag", experiment_id="<experiment>", key="team", value="x"),
    ),
    "runs/delete-tag": (post("runs/set-tag", run_id="<run>", key="team", value="x"),),
    "experiments/get-by-name": (get("experiments/get", "experiment_id=<experiment>"),),
}
_HISTORY = tuple(
    post("runs/log-metric", run_id="<run>", key="loss", value=step / 4, timestamp=step, step=step)
    for step in range(4)
)
for _path in GETS:
    if _path.startswith("metrics/"):
        PREPARATIONS[_path] = _HISTORY
