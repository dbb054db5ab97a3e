"""Which failures of a server make an artifact wait in the spool, and which are the caller's."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.client.spool.session import Session
from headwater.mlflow_plugin.artifact_repository import open_artifact_repository
from headwater.mlflow_plugin.spooling_artifacts import SpoolingArtifactsRepository

pytestmark = MLFLOWS_WARNINGS

URI = "mlflow-artifacts:/1/run/artifacts"
CUT = 0
"""In place of a status: the connection breaks off."""


class Handler(BaseHTTPRequestHandler):
    """Is healthy, and answers to files with the next of `statuses`, the last one for good."""

    statuses: list[int]
    received: list[tuple[str, bytes]]

    def do_GET(self) -> None:
        self._answer(200)

    def do_PUT(self) -> None:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        body = self.rfile.read(int(self.headers["content-length"]))
        if status == CUT:
            self.close_connection = True
            return
        self.received.append((self.path, body))
        self._answer(status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statuses: list[int]
) -> Iterator[SpoolingArtifactsRepository]:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setattr(Session, "_see_to_sender", lambda _: None)
    monkeypatch.setattr(Handler, "statuses", list(statuses), raising=False)
    monkeypatch.setattr(Handler, "received", [], raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    opened = open_artifact_repository(URI, f"headwater://127.0.0.1:{server.server_port}")
    assert isinstance(opened, SpoolingArtifactsRepository)
    yield opened
    server.shutdown()
    server.server_close()
    thread.join()
    opened._session.abandon()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a ü.txt"
    file.write_bytes(b"content")
    return file


@pytest.mark.parametrize("statuses", [[200], [503, 200], [CUT, 200]])
def test_what_the_server_takes_does_not_wait(
    repository: SpoolingArtifactsRepository, file: Path
) -> None:
    repository.log_artifact(str(file), "deep/er")
    assert not repository._session.has_waiting()
    path = "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/deep/er/a%20%C3%BC.txt"
    assert Handler.received[-1] == (path, b"content")


@pytest.mark.parametrize("statuses", [[502], [503], [504], [CUT]])
def test_what_it_is_away_for_waits_and_all_that_follows(
    repository: SpoolingArtifactsRepository, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.log_artifact(str(file))
    Handler.statuses[:] = [200]
    Handler.received.clear()
    repository.log_artifact(str(file))
    assert Handler.received == []
    outbox = repository._session.outbox
    assert len(outbox.numbers()) == 2
    assert capsys.readouterr().err.count(str(outbox.path)) == 1
    for read in (repository.download_artifacts, repository.list_artifacts):
        with pytest.raises(MlflowException, match="has not reached the server yet"):
            read("a ü.txt")


@pytest.mark.parametrize("statuses", [[400], [403], [404], [413], [500]])
def test_what_it_refuses_is_the_callers_to_know(
    repository: SpoolingArtifactsRepository, file: Path
) -> None:
    with pytest.raises(requests.HTTPError):
        repository.log_artifact(str(file))
    assert not repository._session.has_waiting()


@pytest.mark.parametrize("statuses", [[503]])
def test_a_full_spool_is_a_clear_error(repository: SpoolingArtifactsRepository, file: Path) -> None:
    repository._session.outbox._limit = 3
    with pytest.raises(MlflowException, match=r"the server is away, and .* does not fit"):
        repository.log_artifact(str(file))


def test_artifacts_of_another_server_are_not_spooled() -> None:
    opened = open_artifact_repository(
        "mlflow-artifacts://elsewhere:5000/1/run/artifacts", "headwater://127.0.0.1:9"
    )
    assert not isinstance(opened, SpoolingArtifactsRepository)
