import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.mlflow_release import installed_release
from headwater.server.settings import DEFAULT_DATA_DIR

Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Refused:
    """Run `headwater server` with arguments that it must refuse; return the one line it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["headwater", "server", "--port=0", *arguments])
        with pytest.raises(SystemExit) as raised:
            main()
        line = raised.value.code
        assert isinstance(line, str)  # sys.exit(text): the text on standard error, and status 1
        assert line.startswith("headwater: error: ")
        assert "\n" not in line
        return line

    return run


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--app-name=basic-auth", "mlflow server --app-name basic-auth"),
        ("--app-name=headwater", "--app-name is not supported"),
        ("--gunicorn-opts=--reload", "--gunicorn-opts is not supported"),
        ("--waitress-opts=x", "--waitress-opts is not supported"),
        ("--uvicorn-opts=--reload", "--uvicorn-opts is not supported"),
        ("--dev", "mlflow server --dev"),
        ("--read-replica-backend-store-uri=sqlite:///x", "replicas"),
        ("--backend-store-uri=mysql://h/db", "sqlite:///path/to/mlflow.db"),
        ("--backend-store-uri=nonsense", "sqlite:///path/to/mlflow.db"),
        ("--backend-store-uri=sqlite:///:memory:", "in memory"),
        ("--static-prefix=mlflow", "must begin with '/'"),
        ("--host=256.1.1.1", "cannot listen on 256.1.1.1"),
    ],
)
def test_refuses_with_one_line(refused: Refused, argument: str, text: str) -> None:
    assert text in refused(argument)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("MLFLOW_BACKEND_STORE_URI", "mysql://h/db", "mysql://h/db"),
        ("MLFLOW_GUNICORN_OPTS", "--reload", "--gunicorn-opts"),
        ("MLFLOW_UVICORN_OPTS", "--reload", "--uvicorn-opts"),
        ("MLFLOW_STATIC_PREFIX", "x/", "--static-prefix"),
        ("MLFLOW_WORKSPACE", "w", "unset it"),
    ],
)
def test_reads_mlflows_variables(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    monkeypatch.setenv(name, value)
    assert text in refused()


def test_a_port_in_use(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(f"--port={port}")
    assert f"127.0.0.1 port {port} (Address already in use)" in line


def test_a_data_directory_that_cannot_be_written(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another with --data-dir" in refused("--data-dir=file/below")
    assert "--data-dir" in refused("--data-dir=/proc/headwater")
    assert "--backend-store-uri" in refused("--backend-store-uri=sqlite:////proc/x/mlflow.db")


def test_a_file_that_is_no_database(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 1000)
    assert "x.db cannot be opened" in refused("--backend-store-uri=sqlite:///x.db")


@pytest.mark.parametrize(
    ("revision", "text"), [("ffffffffffff", "newer MLflow"), ("451aebb31d03", "older MLflow")]
)
def test_a_database_of_another_age(
    refused: Refused, tmp_path: Path, revision: str, text: str
) -> None:
    assert "451aebb31d03" in installed_release().known_revisions
    directory = tmp_path / DEFAULT_DATA_DIR
    directory.mkdir()
    with sqlite3.connect(directory / "mlflow.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    connection.close()
    assert text in refused()


def test_a_failed_start_leaves_no_socket(refused: Refused, tmp_path: Path) -> None:
    refused("--app-name=x")
    assert list(tmp_path.iterdir()) == []
