"""``headwater runs logs`` and ``runs capture``, on runs that another process has logged."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.server import Server, environment
from tests.unit.cli.command import Command

PROGRAM = """
import sys
import headwater
with headwater.start_run("printing") as run:
    print("run", run.run_id)
    for epoch in range(50):
        print("epoch", epoch)
    for percent in range(3):
        print(f"\\r{percent}%", end="")
    print()
    print("a warning", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def printed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the id of a run that has printed."""
    directory = tmp_path_factory.mktemp("printing")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=directory,
        env=environment(
            MLFLOW_TRACKING_URI=server.url.replace("http://", "headwater://"),
            HEADWATER_SPOOL_DIR=str(directory / "spools"),
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.split()[1]


def test_all_that_was_printed_is_shown(on_server: Command, printed: str) -> None:
    epochs = [f"epoch {number}" for number in range(50)]
    assert on_server("runs", "logs", printed).lines == [
        f"run {printed}",
        *epochs,
        "2%",
        "a warning",
    ]
    assert on_server("runs", "logs", printed, "--tail", "2").lines == ["2%", "a warning"]
    assert on_server("runs", "logs", printed, "-n", "0").lines == []
    assert len(on_server("runs", "logs", printed, "-n", "1000").lines) == 53
    told = on_server("runs", "logs", printed, "-n", "1", "--json").json
    assert (told["text"], told["status"], told["ranks"]) == ("a warning\n", "FINISHED", [0])
    assert on_server("runs", "logs", printed, "--follow").lines[-1] == "a warning"


def test_where_nothing_was_printed_it_says_so(on_server: Command, printed: str) -> None:
    other = on_server("runs", "logs", printed, "--rank", "3")
    assert (other.out, other.err.strip()) == (
        "",
        "This rank has printed nothing; these have: 0",
    )
    missing = on_server("runs", "logs", "f" * 32)
    assert missing.status == 1
    assert "not found" in missing.err
    assert on_server("runs", "logs", printed, "--follow", "--json").status == 2


def test_what_a_run_is_is_shown(on_server: Command, printed: str) -> None:
    shown = on_server("runs", "capture", printed)
    assert "CPython" in shown.out
    assert "-c" in shown.out
    told = on_server("runs", "capture", printed, "--json").json
    assert told["command"]["arguments"] == [told["command"]["arguments"][0], "-c", PROGRAM]
    assert any(line.startswith("numpy==") for line in told["packages"])
    packages = on_server("runs", "capture", printed, "--packages").lines
    assert packages == told["packages"]
    assert on_server("runs", "capture", printed, "--diff").out == ""
    missing = on_server("runs", "capture", printed, "--rank", "5")
    assert missing.status == 1
    assert "rank 5" in missing.err
    assert on_server("runs", "capture", printed, "--diff", "--json").status == 2


LIVE = """
import sys, time
import headwater
with headwater.start_run("live") as run:
    print(run.run_id, flush=True)
    for line in sys.stdin:
        print("said", line, end="", flush=True)
"""


def test_a_running_program_is_followed_live(server: Server, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", LIVE],
        cwd=tmp_path,
        env=environment(
            MLFLOW_TRACKING_URI=server.url.replace("http://", "headwater://"),
            HEADWATER_SPOOL_DIR=str(tmp_path / "spools"),
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    run_id = program.stdout.readline().strip()
    while f'"{run_id}"' not in _told(server, run_id):
        time.sleep(0.1)
    follower = subprocess.Popen(
        [Path(sys.executable).with_name("headwater"), "runs", "logs", run_id, "--follow"],
        env=environment(MLFLOW_TRACKING_URI=server.url),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline().strip() == run_id
    watchdog = threading.Timer(60, follower.kill)
    watchdog.start()
    for word in ("one", "two"):
        program.stdin.write(f"{word}\n")
        program.stdin.flush()
        assert follower.stdout.readline() == f"said {word}\n"
    program.stdin.close()
    assert follower.stdout.read() == ""
    assert follower.wait() == 0
    watchdog.cancel()
    assert program.wait() == 0
    program.stdout.close()
    follower.stdout.close()


def _told(server: Server, run_id: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("headwater"), "runs", "show", run_id, "--json"],
        env=environment(MLFLOW_TRACKING_URI=server.url),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
