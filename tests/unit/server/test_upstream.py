import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from headwater.entities.artifact_store_uri import INDEX_VARIABLE
from headwater.server import upstream as module
from headwater.server.settings import Options, resolve
from headwater.server.upstream import Upstream, mlflow_arguments, mlflow_environment

STAND_IN = """
import os, socket, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[2], "a").write(f"{os.getpid()} {grandchild.pid}\\n")
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
time.sleep(600)
"""


@pytest.fixture
async def upstream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], list[list[int]]]]:
    """Supervise a stand-in for MLflow; the value tells the processes of each of its lives."""
    monkeypatch.setattr(module, "_LAUNCHER", "stand_in")
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    pids = tmp_path / "pids"
    socket = tmp_path / "s"
    started = Upstream([str(pids)], {**os.environ, "PYTHONPATH": str(tmp_path)}, socket)

    def lives() -> list[list[int]]:
        return [[int(pid) for pid in line.split()] for line in pids.read_text().splitlines()]

    assert not await started.accepting(0.01)
    started.start()
    assert await started.accepting(30)
    lives.upstream = started  # type: ignore[attr-defined]
    yield lives
    await started.stop()
    for life in lives():
        for pid in life:
            assert not alive(pid)


async def test_on_demand_it_starts_when_somebody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAUNCHER", "stand_in")
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    pids = tmp_path / "pids"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    mlflow = Upstream([str(pids)], environment, tmp_path / "s", on_demand=True)
    mlflow.start()
    await asyncio.sleep(0.5)
    assert not pids.exists()
    assert await mlflow.accepting(30)
    assert len(pids.read_text().splitlines()) == 1
    await mlflow.stop()


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_stops_the_whole_group(upstream: Callable[[], list[list[int]]]) -> None:
    assert all(alive(pid) for pid in upstream()[0])


async def test_starts_again_after_a_kill(upstream: Callable[[], list[list[int]]]) -> None:
    os.kill(upstream()[0][0], signal.SIGKILL)
    await until(lambda: len(upstream()) == 2)
    assert await upstream.upstream.accepting(30)  # type: ignore[attr-defined]
    assert not any(alive(pid) for pid in upstream()[0])
    assert all(alive(pid) for pid in upstream()[1])


async def test_waiting_ends_when_retired(tmp_path: Path) -> None:
    idle = Upstream([], {}, tmp_path / "s")
    waiting = asyncio.create_task(idle.accepting(60))
    await asyncio.sleep(0)
    idle.retire()
    assert not await asyncio.wait_for(waiting, 5)


async def test_waits_longer_after_each_failed_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LAUNCHER", "no_such_module")
    monkeypatch.setattr(module, "_FIRST_DELAY", 0.01)
    failing = Upstream([], dict(os.environ), tmp_path / "s")
    failing.start()
    await until(lambda: len(caplog.messages) >= 3)
    await failing.stop()
    delays = [float(message.split(" in ")[1].split()[0]) for message in caplog.messages]
    assert delays == sorted(delays)
    assert "status 1" in caplog.messages[0]


def arguments(options: Options) -> list[str]:
    return mlflow_arguments(*resolve(options, Path("/d")), Path("/tmp/a b/s"))


def test_tells_mlflow_everything() -> None:
    given = arguments(
        Options(
            host="0.0.0.0",
            port=81,
            backend_store_uri="sqlite:///x.db",
            static_prefix="/p",
            allowed_hosts="a, b",
            cors_allowed_origins="http://a",
            x_frame_options="DENY",
            expose_prometheus="m",
            workers=2,
            workspaces=True,
            serve_artifacts=False,
        )
    )
    assert given[0] == "server"
    for argument in (
        *("--host=0.0.0.0", "--port=81", "--workers=2", "--static-prefix=/p"),
        *("--allowed-hosts=a,b", "--cors-allowed-origins=http://a", "--x-frame-options=DENY"),
        "--expose-prometheus=m",
        *("--default-artifact-root=/d/mlruns", "--artifacts-destination=./mlartifacts"),
        *("--enable-workspaces", "--no-serve-artifacts"),
    ):
        assert argument in given
    assert "--serve-artifacts" not in given
    (uvicorn,) = (a.partition("=")[2] for a in given if a.startswith("--uvicorn-opts="))
    assert "--uds=/tmp/a b/s" in shlex.split(uvicorn)


def test_says_nothing_of_what_was_not_given() -> None:
    """Older releases of MLflow do not know every option."""
    names = {argument.partition("=")[0] for argument in arguments(Options())}
    assert not names & {"--trace-archival-config", "--workspace-store-uri", "--expose-prometheus"}


def test_artifacts_only_has_no_store() -> None:
    given = arguments(Options(artifacts_only=True))
    assert "--artifacts-only" in given
    assert not [argument for argument in given if "store-uri" in argument]
    _, upstream = resolve(Options(artifacts_only=True), Path("/d"))
    assert not [name for name in mlflow_environment({}, upstream) if "STORE_URI" in name]


def test_hands_stores_over_where_others_do_not_see_the_passwords() -> None:
    options = Options(backend_store_uri="postgresql://me:secret@h/db")
    _, upstream = resolve(options, Path("/d"))
    environment = mlflow_environment({"MLFLOW_REGISTRY_STORE_URI": "x"}, upstream)
    stored = "headwater+postgresql://me:secret@h/db"
    assert environment["MLFLOW_BACKEND_STORE_URI"] == stored
    assert environment["MLFLOW_REGISTRY_STORE_URI"] == stored
    assert not [argument for argument in arguments(options) if "me:secret" in argument]


def test_shares_the_index_of_a_store_in_a_bucket() -> None:
    _, upstream = resolve(Options(data_dir="data"), Path("/d"))
    assert mlflow_environment({}, upstream)[INDEX_VARIABLE] == "/d/data/artifact-index"


def test_sends_no_telemetry() -> None:
    _, upstream = resolve(Options(), Path("/d"))
    environment = mlflow_environment({"MLFLOW_DISABLE_TELEMETRY": "false", "A": "b"}, upstream)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["DO_NOT_TRACK"] == "true"
    assert environment["A"] == "b"


def test_every_option_is_one_of_mlflows() -> None:
    help_text = subprocess_help()
    options = Options(
        backend_store_uri="sqlite:///x.db",
        static_prefix="/p",
        allowed_hosts="a",
        cors_allowed_origins="b",
        disable_security_middleware=True,
        expose_prometheus="m",
        workspaces=True,
        workspace_store_uri="w",
    )
    names = {a.partition("=")[0] for a in arguments(options)[1:]}
    assert not [name for name in names if name not in help_text]


def subprocess_help() -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
