from pathlib import Path

import pytest
from mlflow.utils.uri import append_to_uri_path, resolve_uri_if_local

from headwater.entities.artifact_location import experiment_location

ROOTS = [
    "mlflow-artifacts:/",
    "mlflow-artifacts:",
    "mlflow-artifacts://host:500/x/",
    "s3://bucket",
    "s3://bucket/",
    "s3://bucket/a b/",
    "s3://bucket/p?x=1",
    "gs://bucket/p#f",
    "wasbs://c@account.blob.core.windows.net/x",
    "hdfs:relative",
    "./mlruns",
    "mlruns",
    ".",
    "/absolute/x",
    "/absolute/x/",
    "file:///a/b",
    "file:a/b",
    "file:./a",
    "file://localhost/a",
]


@pytest.mark.parametrize("root", ROOTS)
def test_is_what_mlflow_makes_it(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert experiment_location(root, 7) == append_to_uri_path(resolve_uri_if_local(root), "7")
