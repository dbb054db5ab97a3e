"""Every table of MLflow's that names an experiment is known to the move of runs."""

import sqlite3
from pathlib import Path

from tests.contracts.organised import FOLLOWING

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create

OF_THE_EXPERIMENT = {
    "endpoints",
    "experiment_tags",
    "experiments",
    "headwater_saved_searches",
    "issues",
    "label_schemas",
    "online_scoring_configs",
    "review_queues",
    "scorers",
}
"""What belongs to an experiment itself, and stays."""

COPIED = {"datasets"}

SUMS = {
    "sql_assessment_daily_rollups",
    "sql_span_cost_daily_rollups",
    "sql_trace_metric_daily_rollups",
    "sql_trace_rollup_rebuild_queue",
}
"""Built anew."""


def test_every_table_with_an_experiment_is_known(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    with sqlite3.connect(path) as connection:
        tables = {
            table
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if any(
                row[1] == "experiment_id"
                for row in connection.execute(f"PRAGMA table_info({table})")
            )
        }
    connection.close()
    assert tables - OF_THE_EXPERIMENT - COPIED - SUMS == set(FOLLOWING)
