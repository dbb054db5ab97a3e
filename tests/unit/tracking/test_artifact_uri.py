"""Child URIs are those that MLflow builds."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import NotServedError
from headwater.tracking.artifact_uri import child_uri

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own use of deprecated functions
    from mlflow.utils.uri import append_to_uri_path, resolve_uri_if_local


@pytest.mark.parametrize(
    "uri",
    [
        "mlflow-artifacts:/",
        "mlflow-artifacts:/7",
        "mlflow-artifacts://host:5000/a/7",
        "/srv/mlruns",
        "/srv/mlruns/",
        "/",
        "file:///srv/mlruns",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/a/b/",
        "gs://bucket/a",
        "wasbs://container@account.blob.core.windows.net/a",
        "abfss://container@account.dfs.core.windows.net/a",
        "https://host/a",
    ],
)
def test_ordinary_uris_are_extended(uri: str) -> None:
    assert child_uri(uri, "7") == append_to_uri_path(resolve_uri_if_local(uri), "7")
    assert child_uri(uri, "r", "artifacts") == append_to_uri_path(uri, "r", "artifacts")


@given(
    st.builds(
        "{}{}".format,
        st.sampled_from(["/", "mlflow-artifacts:/", "file:///", "s3://b", "s3://b/", "hdfs:///"]),
        st.text("ab1/.-_@=+,~%?#;: \\é", max_size=10),
    )
)
def test_whatever_is_extended_is_extended_as_mlflow_does(uri: str) -> None:
    try:
        child = child_uri(uri, "r", "artifacts")
    except NotServedError:
        return
    assert child == append_to_uri_path(uri, "r", "artifacts")
    assert resolve_uri_if_local(uri) == uri


@pytest.mark.parametrize("uri", ["", "mlruns", "./mlruns", "s3://b/a?x", "s3://b/a#x", "dbfs:/a"])
def test_the_rest_is_not_served(uri: str) -> None:
    with pytest.raises(NotServedError):
        child_uri(uri, "7")
