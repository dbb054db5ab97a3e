"""``headwater reproduce``: from a run of a working tree to the same run in another place."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.server import Server, environment
from tests.unit.cli.command import Command

from headwater.client.capture.environment import host, interpreter
from headwater.client.capture.git import read_working_tree
from headwater.entities.metric import Points
from headwater.wire.capture import Captured
from headwater.wire.capture import Command as CommandLine
from headwater.wire.ingest import CONTENT_TYPE, encode_frame
from headwater.wire.operations import CaptureRun, CreateRun, UpdateRun

TRAIN = """
import sys
import {library}
from package import loss

factor = float(sys.argv[1])
{start}
"""
BY_HEADWATER = """with headwater.start_run("again", run_name="small") as run:
    for step in range(20):
        run.log({"loss": factor * loss(step), "acc": 0.5}, step=step)
print(run.run_id)
"""
BY_MLFLOW = """mlflow.set_experiment("again by mlflow")
with mlflow.start_run() as run:
    for step in range(20):
        mlflow.log_metric("loss", factor * loss(step), step=step)
print(run.info.run_id)
"""


def git(directory: Path, *arguments: str) -> None:
    author = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    subprocess.run(["git", *author, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working tree that differs from its commit, and has a file that git does not know."""
    root = tmp_path / "project"
    (root / "jobs").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "jobs" / "train.py").write_text("raise SystemExit('not yet')\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    (root / "jobs" / "package.py").write_text("def loss(step):\n    return 1 / (1 + step)\n")
    return root


def train(project: Path, server: Server, library: str, start: str, **changes: str) -> str:
    """Run the project's program, and return the id of its run."""
    program = TRAIN.format(library=library, start=start)
    (project / "jobs" / "train.py").write_text(program)
    done = subprocess.run(
        [sys.executable, project / "jobs" / "train.py", "2"],
        cwd=project / "jobs",
        env=environment(
            MLFLOW_TRACKING_URI=server.url.replace("http://", "headwater://"),
            HEADWATER_SPOOL_DIR=str(project.parent / "spools"),
            **changes,
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.split()[-1]


@pytest.fixture(autouse=True)
def spools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")


def headwater_uri(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url.replace("http://", "headwater://"))


@pytest.mark.slow
def test_a_run_comes_out_the_same_from_its_recipe(
    project: Path,
    server: Server,
    on_server: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = train(project, server, "headwater", BY_HEADWATER)
    (project / "jobs" / "train.py").write_text("raise SystemExit('changed since')\n")
    headwater_uri(monkeypatch, server)
    place = tmp_path / "recipe"
    done = on_server(
        "reproduce", run_id, "--output", str(place), "-x", "--yes", "--current-environment"
    )
    assert done.status == 0, done.err
    assert [line.split() for line in done.lines[1:]] == [
        ["acc", "0.5", "0.5", "0", "yes"],
        ["loss", "0.1", "0.1", "0", "yes"],
    ]
    again = done.err.split()[-1].rstrip(".")
    shown = on_server("runs", "show", again, "--json").json
    assert shown["tags"]["headwater.reproduces"] == run_id
    assert shown["tags"]["mlflow.source.git.dirty"] == "true"
    assert (place / "source" / "jobs" / "package.py").exists()


@pytest.mark.slow
def test_a_difference_is_told_and_a_command_may_be_given(
    project: Path,
    server: Server,
    on_server: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = train(project, server, "mlflow", BY_MLFLOW, HEADWATER_CAPTURE="true")
    headwater_uri(monkeypatch, server)
    monkeypatch.setenv("HEADWATER_CAPTURE", "true")
    command = f"{sys.executable} train.py 2.01"
    options = ("-x", "-y", "--current-environment", "--command", command, "--json")
    done = on_server("reproduce", run_id, "--output", str(tmp_path / "one"), *options)
    assert done.status == 1
    told = json.loads(done.out)
    [loss] = told["metrics"]
    assert (loss["key"], loss["is_same"]) == ("loss", False)
    assert loss["difference"] == pytest.approx(0.005)
    tags = on_server("runs", "show", told["run_id"], "--json").json["tags"]
    assert tags["headwater.reproduces"] == run_id
    near = ("--output", str(tmp_path / "two"), "--tolerance", "0.01")
    assert on_server("reproduce", run_id, *near, *options).status == 0


@pytest.mark.slow
def test_a_recipe_alone_is_a_script(
    project: Path, server: Server, on_server: Command, tmp_path: Path
) -> None:
    run_id = train(project, server, "headwater", BY_HEADWATER)
    place = tmp_path / "recipe"
    told = on_server("reproduce", run_id, "--output", str(place), "--json").json
    assert (told["directory"], told["command"]) == (str(place), ["train.py", "2"])
    environment_of = place / "environment" / "bin"
    environment_of.mkdir(parents=True)
    (environment_of / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (environment_of / "python").chmod(0o755)
    lines = (place / "run.sh").read_text().splitlines()
    # Without the two steps that install packages.
    kept = [line for line in lines if "-m venv" not in line and "-m pip" not in line]
    assert len(lines) == len(kept) + 2
    (place / "run.sh").write_text("\n".join(kept))
    done = subprocess.run(
        ["sh", place / "run.sh"],
        env=environment(HEADWATER_SPOOL_DIR=str(tmp_path / "spools")),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    again = on_server("runs", "show", done.stdout.split()[-1], "--json").json
    assert again["tags"]["headwater.reproduces"] == run_id
    assert again["metrics"] == {"acc": 0.5, "loss": 0.1}


@pytest.mark.slow
def test_what_fails_says_at_which_step(
    project: Path, server: Server, on_server: Command, tmp_path: Path
) -> None:
    run_id = train(project, server, "headwater", BY_HEADWATER)
    options = ("-x", "-y", "--current-environment")
    done = on_server(
        *("reproduce", run_id, *options, "--output", str(tmp_path / "one")),
        *("--source", str(tmp_path / "nowhere")),
    )
    assert done.status == 1
    assert "could not clone" in done.err
    assert "nowhere" in done.err
    done = on_server(
        *("reproduce", run_id, *options, "--output", str(tmp_path / "two")),
        *("--command", f"{sys.executable} -c 'raise SystemExit(7)'"),
    )
    assert done.status == 1
    assert "exit status 7" in done.err


BY_HTTP = """
import json, os, sys, urllib.request
import idna

def post(verb, body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/" + verb,
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    return json.load(urllib.request.urlopen(request))

tags = [{"key": "headwater.reproduces", "value": os.environ["HEADWATER_REPRODUCES"]}]
run = post("create", {"experiment_id": os.environ["MLFLOW_EXPERIMENT_ID"], "tags": tags})
run_id = run["run"]["info"]["run_id"]
version = float(idna.__version__)
assert sys.prefix.endswith("environment"), sys.prefix
post("log-metric", {"run_id": run_id, "key": "version", "value": version, "timestamp": 1})
post("update", {"run_id": run_id, "status": "FINISHED"})
"""


@pytest.mark.slow
def test_a_fresh_environment_has_the_packages_of_the_run(
    project: Path, server: Server, on_server: Command, tmp_path: Path
) -> None:
    (project / "jobs" / "train.py").write_text(BY_HTTP)
    tree = read_working_tree(project)
    assert tree is not None
    captured = Captured(
        CommandLine(["python", "jobs/train.py"], str(project)),
        interpreter(),
        host(),
        ["idna==3.9"],  # not the one of this environment
        tree.git,
    )
    run_id = uuid.uuid4().hex
    operations = (
        CreateRun(run_id=run_id, experiment_name="fresh"),
        CaptureRun(run_id=run_id, captured=captured, diff=tree.diff),
        UpdateRun(run_id=run_id, status="FINISHED", end_time=1),
    )
    steps = np.zeros(1, np.int64)
    points = Points(("version",), np.zeros(1, np.intp), steps, steps, np.array([3.9]))
    frame = encode_frame(uuid.uuid4().hex, 1, [(run_id, points)], operations)
    path = f"{server.url}/api/2.0/headwater/metrics/ingest"
    httpx.post(path, content=frame, headers={"content-type": CONTENT_TYPE}).raise_for_status()
    done = on_server("reproduce", run_id, "--output", str(tmp_path / "recipe"), "-x", "-y")
    assert done.status == 0, done.err
    assert done.lines[1].split() == ["version", "3.9", "3.9", "0", "yes"]
    assert (tmp_path / "recipe" / "requirements.txt").read_text() == "idna==3.9\n"


def test_a_run_that_has_captured_nothing_cannot_be_done_again(
    server: Server, on_server: Command
) -> None:
    number = on_server("experiments", "create", "bare").lines[0]
    answer = httpx.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": number})
    run_id = answer.json()["run"]["info"]["run_id"]
    done = on_server("reproduce", run_id)
    assert done.status == 1
    assert "HEADWATER_CAPTURE" in done.err
