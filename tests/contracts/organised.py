"""Rows of MLflow's that name a run's experiment, to be moved."""

from typing import Any

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.base import Connection

SUMS_TRACES = installed_release().behaviour.sums_traces

FOLLOWING = {
    "logged_model_metrics": "run_id = '{run}'",
    "logged_models": "source_run_id = '{run}'",
    "logged_model_params": "model_id = 'm-{run}'",
    "logged_model_tags": "model_id = 'm-{run}'",
    "runs": "run_uuid = '{run}'",
    "spans": "trace_id = 'tr-{run}'",
    "trace_info": "request_id = 'tr-{run}'",
    **({"assessments": "trace_id = 'tr-{run}'"} if SUMS_TRACES else {}),
}
"""Tables of MLflow's whose rows have the experiment of a run, and which rows are a run's."""


_SUMS = [
    "sql_trace_metric_daily_rollups",
    "sql_trace_rollup_rebuild_queue",
]
_FILLED = [
    *("assessments", "spans", "trace_request_metadata", "trace_info", "logged_model_metrics"),
    *("logged_model_params", "logged_model_tags", "logged_models", "inputs", "datasets", "tags"),
    *("latest_metrics", "headwater_metric_blocks", "headwater_saved_searches", "runs"),
    *("headwater_artifact_quotas", "headwater_artifact_changes", "headwater_artifact_admissions"),
    *("experiment_tags", *(_SUMS if SUMS_TRACES else ())),
]
"""Tables that tests fill, in an order in which they can be emptied."""


def sweep(connection: Connection) -> None:
    """Leave the default experiment and nothing else."""
    for table in _FILLED:
        connection.execute(f"DELETE FROM {table}")
    connection.execute("DELETE FROM experiments WHERE experiment_id > 0")
    connection.execute("UPDATE experiments SET lifecycle_stage = 'active'")


def insert(connection: Connection, table: str, **values: Any) -> None:
    """Insert one row."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",
        tuple(values.values()),
    )


def add_run(
    connection: Connection, run_id: str, experiment_id: int, parent: str | None = None
) -> None:
    """Insert an active run."""
    insert(
        connection,
        "runs",
        run_uuid=run_id,
        experiment_id=experiment_id,
        status="FINISHED",
        lifecycle_stage="active",
        artifact_uri=f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
    )
    if parent is not None:
        insert(connection, "tags", key="mlflow.parentRunId", value=parent, run_uuid=run_id)


def add_everything(connection: Connection, run_id: str, experiment_id: int) -> None:
    """Give a run a dataset, a logged model with a metric, and a trace with an assessment."""
    add_dataset(connection, run_id, experiment_id)
    model, trace, where = f"m-{run_id}"[:34], f"tr-{run_id}", {"experiment_id": experiment_id}
    insert(
        connection,
        "logged_models",
        model_id=model,
        name="model",
        artifact_location="mlflow-artifacts:/models",
        creation_timestamp_ms=1,
        last_updated_timestamp_ms=1,
        status=2,
        lifecycle_stage="active",
        source_run_id=run_id,
        **where,
    )
    insert(
        connection, "logged_model_params", model_id=model, param_key="p", param_value="1", **where
    )
    insert(connection, "logged_model_tags", model_id=model, tag_key="t", tag_value="1", **where)
    insert(
        connection,
        "logged_model_metrics",
        model_id=model,
        metric_name="loss",
        metric_timestamp_ms=1,
        metric_step=0,
        metric_value=0.5,
        run_id=run_id,
        **where,
    )
    add_trace(connection, trace, run_id, experiment_id)


def add_trace(connection: Connection, trace: str, run_id: str, experiment_id: int) -> None:
    """Insert a trace that a run has made, with a span and an assessment."""
    where = {"experiment_id": experiment_id}
    insert(connection, "trace_info", request_id=trace, timestamp_ms=1, status="OK", **where)
    insert(
        connection, "trace_request_metadata", key="mlflow.sourceRun", value=run_id, request_id=trace
    )
    insert(
        connection,
        "spans",
        trace_id=trace,
        span_id="s",
        status="OK",
        start_time_unix_nano=1,
        content="{}",
        **where,
    )
    insert(
        connection,
        "assessments",
        assessment_id=f"a-{trace}",
        trace_id=trace,
        name="good",
        assessment_type="feedback",
        value="true",
        created_timestamp=1,
        last_updated_timestamp=1,
        source_type="HUMAN",
        valid=True,
        **(where if SUMS_TRACES else {}),
    )


def add_dataset(connection: Connection, run_id: str, experiment_id: int) -> None:
    """Link a run to the dataset ``train`` of its experiment, made where it is missing."""
    uuid = f"d-{experiment_id}"
    found = connection.execute("SELECT 1 FROM datasets WHERE dataset_uuid = ?", (uuid,)).fetchone()
    if found is None:
        insert(
            connection,
            "datasets",
            dataset_uuid=uuid,
            experiment_id=experiment_id,
            name="train",
            digest="1",
            dataset_source_type="local",
            dataset_source="{}",
            dataset_schema="{}",
        )
    insert(
        connection,
        "inputs",
        input_uuid=f"i-{run_id}",
        source_type="DATASET",
        source_id=uuid,
        destination_type="RUN",
        destination_id=run_id,
    )


def experiments_of(connection: Connection, run_id: str) -> dict[str, set[int]]:
    """Return by table which experiments the rows of a run name."""
    found = {}
    for table, rows in FOLLOWING.items():
        statement = f"SELECT experiment_id FROM {table} WHERE {rows.format(run=run_id)}"
        found[table] = {number for (number,) in connection.execute(statement)}
    statement = (
        "SELECT d.experiment_id FROM inputs JOIN datasets AS d ON d.dataset_uuid = source_id "
        "WHERE destination_id = ?"
    )
    found["datasets"] = {number for (number,) in connection.execute(statement, (run_id,))}
    return found
