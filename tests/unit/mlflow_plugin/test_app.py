import asyncio
from pathlib import Path

import pytest
from starlette.types import Message
from tests.unit.mlflow_plugin.conftest import insert_run

from headwater.errors import ConfigurationError, DatabaseError
from headwater.mlflow_plugin.app import Application, Opened, create_app, options_from
from headwater.mlflow_release import installed_release
from headwater.server import compactor
from headwater.server.settings import resolve
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metrics.activity import Activity
from headwater.storage.metrics.compact import waiting
from headwater.storage.metrics.sqlite import SqliteMetricEngine


def test_settings_are_those_of_mlflow_server(tmp_path: Path) -> None:
    archival = tmp_path / "archival.yaml"
    archival.touch()
    options = options_from(
        {
            "_MLFLOW_SERVER_FILE_STORE": "sqlite:///data/x.db",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "s3://bucket",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_STATIC_PREFIX": "/mlflow",
            "MLFLOW_SERVER_ALLOWED_HOSTS": "a.example, b.example",
            "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "https://c.example",
            "MLFLOW_SERVER_X_FRAME_OPTIONS": "DENY",
            "MLFLOW_ENABLE_WORKSPACES": "True",
            "MLFLOW_TRACE_ARCHIVAL_CONFIG": str(archival),
        }
    )
    config, _ = resolve(options, tmp_path)
    assert config.database == tmp_path / "data" / "x.db"
    assert config.artifact_root == "s3://bucket"
    assert config.static_prefix == "/mlflow"
    assert config.security.enabled
    assert config.security.allowed_hosts == ("a.example", "b.example")
    assert config.security.cors_allowed_origins == ("https://c.example",)
    assert config.security.x_frame_options == "DENY"
    assert config.workspaces
    assert config.trace_archival


def test_defaults_are_those_of_mlflow_server(tmp_path: Path) -> None:
    options = options_from(
        {
            "_MLFLOW_SERVER_FILE_STORE": "headwater+sqlite:///x.db",
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
            "MLFLOW_ENABLE_WORKSPACES": "false",
        }
    )
    config, _ = resolve(options, tmp_path)
    assert config.database == tmp_path / "x.db"
    assert (config.security.enabled, config.workspaces, config.artifacts_only) == (False,) * 3
    assert config.static_prefix == ""


def test_artifacts_only_opens_no_database() -> None:
    options = options_from(
        {"_MLFLOW_SERVER_ARTIFACTS_ONLY": "true", "_MLFLOW_SERVER_FILE_STORE": "sqlite:///x.db"}
    )
    assert (options.artifacts_only, options.backend_store_uri) == (True, None)


def test_needs_mlflows_server() -> None:
    with pytest.raises(ConfigurationError, match="mlflow server --app-name headwater"):
        options_from({})


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("postgresql://user:secret@127.0.0.1:1/db", "user@127.0.0.1:1/db cannot be opened"),
        ("./mlruns", "use sqlite:///path/to/mlflow.db or postgresql:"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_other_stores_end_the_worker_for_good(
    store: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", store)
    with pytest.raises(SystemExit) as caught:
        create_app()
    assert caught.value.code == 3  # uvicorn's supervisor gives up instead of trying for ever
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headwater: ")
    assert message in line
    assert "secret" not in line


async def test_runs_are_compacted_for_as_long_as_the_server_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compactor, "_LOOK_SECONDS", 0.02)
    path, activity, run_id = tmp_path / "mlflow.db", Activity(), "a" * 32
    create(path, installed_release(), "mlflow-artifacts:/")
    insert_run(path, run_id)
    database, engine = SqliteDatabase(path), SqliteMetricEngine(activity)
    stop = asyncio.Event()

    async def front(*_: object) -> None:
        await stop.wait()

    async def unused() -> Message:
        raise AssertionError

    async def ignore(_: Message) -> None:
        raise AssertionError

    application = Application(front, Opened(path, database, activity))
    serving = asyncio.create_task(application({"type": "lifespan"}, unused, ignore))
    for step in range(40):
        await database.write(
            lambda c, step=step: engine.append_point(c, run_id, "loss", step, 0, 1.0)  # type: ignore[misc]
        )
    engine.run_ended(run_id)
    async with asyncio.timeout(60):
        while await database.read(waiting):
            await asyncio.sleep(0.05)
    stop.set()
    await serving
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(lambda _: None)
