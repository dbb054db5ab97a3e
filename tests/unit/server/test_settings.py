from pathlib import Path

import pytest

from headwater.errors import ConfigurationError
from headwater.server.settings import (
    Options,
    database_of,
    default_artifact_root,
    resolve,
    sqlite_path,
)

HERE = Path("/work/dir")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///mlflow.db", "/work/dir/mlflow.db"),
        ("sqlite:///sub/x.db", "/work/dir/sub/x.db"),
        ("sqlite:////data/x.db", "/data/x.db"),
        ("headwater+sqlite:///x.db", "/work/dir/x.db"),
        ("headwater+sqlite:////data/x y.db", "/data/x y.db"),
    ],
)
def test_finds_the_database_file(uri: str, path: str) -> None:
    assert resolve(Options(backend_store_uri=uri), HERE)[0].database == Path(path)


@pytest.mark.parametrize(
    "scheme",
    ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"],
)
@pytest.mark.parametrize("prefix", ["", "headwater+"])
def test_takes_a_postgresql_database(prefix: str, scheme: str) -> None:
    place = "me:secret@host/db?sslmode=require"
    server, upstream = resolve(Options(backend_store_uri=f"{prefix}{scheme}://{place}"), HERE)
    assert server.database == f"postgresql://{place}"
    assert upstream.backend_store_uri == f"headwater+postgresql://{place}"
    assert upstream.registry_store_uri == upstream.backend_store_uri
    assert upstream.artifacts_destination == "./mlartifacts"


@pytest.mark.parametrize("uri", ["mysql://me:secret@h/db", "./mlruns", "postgresql:db", ""])
def test_refuses_what_is_neither_sqlite_nor_postgresql(uri: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///.* or postgresql://") as raised:
        database_of(uri, HERE)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        *("postgresql://user:secret@host/db", "mysql://h/db", "mssql+pyodbc://x", "file:///x"),
        *("./mlruns", "/abs/mlruns", "http://localhost:5000", "databricks", "sqlite+pysqlite:///x"),
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://host/x.db", "sqlite:x.db"),
        *("sqlite:///x.db?timeout=1", "sqlite:///file:x.db", "SQLITE:///x.db"),
    ],
)
def test_refuses_other_stores_in_one_line(uri: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--backend-store-uri") as raised:
        sqlite_path(uri, HERE)
    assert "sqlite:///" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_store_in_a_bucket_is_served_natively_and_a_plain_bucket_by_mlflow() -> None:
    for uri, own in (
        ("headwater-cas+s3://bucket/x", "headwater-cas+s3://bucket/x"),
        ("s3://bucket/x", None),
        ("./files", None),
    ):
        server, upstream = resolve(Options(artifacts_destination=uri), HERE)
        assert (server.artifacts, upstream.artifacts_destination) == (own, uri)
    assert server.artifact_index == HERE / "headwater-data" / "artifact-index"
    with pytest.raises(ConfigurationError, match="must name a bucket"):
        resolve(Options(artifacts_destination="headwater-cas+s3://key:secret@bucket"), HERE)


def test_defaults_lie_in_the_data_directory() -> None:
    server, upstream = resolve(Options(), HERE)
    assert server.database == HERE / "headwater-data" / "mlflow.db"
    assert server.artifact_root == "mlflow-artifacts:/"
    assert (
        upstream.artifacts_destination == "headwater-cas+file:///work/dir/headwater-data/artifacts"
    )
    assert upstream.backend_store_uri == f"headwater+sqlite:///{server.database}"
    assert upstream.registry_store_uri == upstream.backend_store_uri
    assert upstream.default_artifact_root == server.artifact_root


@pytest.mark.parametrize(
    ("options", "destination"),
    [
        (Options(data_dir="d"), "headwater-cas+file:///work/dir/d/artifacts"),
        (Options(data_dir="/d"), "headwater-cas+file:///d/artifacts"),
        (Options(backend_store_uri="sqlite:///x.db"), "./mlartifacts"),
        (
            Options(backend_store_uri="sqlite:///x.db", data_dir="d"),
            "headwater-cas+file:///work/dir/d/artifacts",
        ),
        (Options(artifacts_destination="s3://bucket", data_dir="d"), "s3://bucket"),
        (Options(artifacts_only=True), "./mlartifacts"),
    ],
)
def test_an_mlflow_database_keeps_mlflows_artifacts(options: Options, destination: str) -> None:
    assert resolve(options, HERE)[1].artifacts_destination == destination


@pytest.mark.parametrize(
    ("given", "serve", "root"),
    [
        (None, True, "mlflow-artifacts:/"),
        (None, False, "/work/dir/mlruns"),
        ("./store", True, "/work/dir/store"),
        ("/abs/store", False, "/abs/store"),
        ("s3://bucket/x", True, "s3://bucket/x"),
        ("file:store", True, "file:///work/dir/store"),
        ("file:///abs", True, "file:///abs"),
    ],
)
def test_default_artifact_root(given: str | None, serve: bool, root: str) -> None:
    assert default_artifact_root(given, serve, HERE) == root


@pytest.mark.parametrize(
    "given", ["./store", "/abs/store", "s3://b/x", "file:///abs", "file:store"]
)
def test_default_artifact_root_is_what_mlflow_resolves(
    given: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mlflow.utils.uri import resolve_uri_if_local  # noqa: PLC0415  # slow to import

    monkeypatch.chdir(tmp_path)
    assert default_artifact_root(given, True, tmp_path) == resolve_uri_if_local(given)


@pytest.mark.parametrize("prefix", ["mlflow", "/mlflow/", "/", "/{x}", "/a}"])
def test_refuses_bad_prefixes(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--static-prefix"):
        resolve(Options(static_prefix=prefix), HERE)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(artifacts_only=True, backend_store_uri="sqlite:///x.db"), "--backend-store-uri"),
        (Options(artifacts_only=True, trace_archival_config="x"), "--trace-archival-config"),
        (Options(artifacts_only=True, workspaces=True), "--workspace-store-uri"),
        (Options(trace_archival_config="nope.yaml"), "nope.yaml is not a file"),
        (Options(registry_store_uri="ftp://x"), "--registry-store-uri"),
    ],
)
def test_refuses_what_mlflow_refuses(options: Options, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        resolve(options, HERE)


def test_splits_lists() -> None:
    options = Options(allowed_hosts="a, b", cors_allowed_origins="http://a ,http://b")
    security = resolve(options, HERE)[0].security
    assert security.allowed_hosts == ("a", "b")
    assert security.cors_allowed_origins == ("http://a", "http://b")
