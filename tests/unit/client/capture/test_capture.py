"""What a run captures goes into its spool, and nothing of it can hold the program up."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import headwater
from headwater.client.capture.begin import wants_capture
from headwater.client.spool.directory import spools_in
from headwater.client.spool.progress import START
from headwater.client.spool.reader import SpoolReader
from headwater.client.spool.session import Session
from headwater.errors import ConfigurationError
from headwater.wire.operations import (
    AppendOutput,
    CaptureRun,
    Operation,
    SetTags,
    UpdateRun,
)

Start = Callable[..., "headwater.Run"]


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Start]:
    """Start runs whose spools nobody sends."""
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.delenv("HEADWATER_CAPTURE", raising=False)
    monkeypatch.setattr(Session, "_see_to_sender", lambda _: None)
    started: list[headwater.Run] = []

    def begin(**options: object) -> "headwater.Run":
        uri = f"http://127.0.0.1:9/{request.node.name}"
        started.append(headwater.start_run(tracking_uri=uri, **options))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for run in started:
        run._session.part(run.run_id)
        run._session.abandon()


def operations(tmp_path: Path) -> list[Operation]:
    [spool] = spools_in(tmp_path / "spools")
    part = SpoolReader(spool).read(START)
    assert part is not None
    return list(part.operations)


def printed(found: list[Operation]) -> str:
    return "".join(each.text for each in found if isinstance(each, AppendOutput))


def test_a_run_tells_of_its_process_and_keeps_what_is_printed(start: Start, tmp_path: Path) -> None:
    with start() as run:
        print("epoch 1")
        print("warning", file=sys.stderr)
    found = operations(tmp_path)
    [told] = [each for each in found if isinstance(each, CaptureRun)]
    assert told.run_id == run.run_id
    assert told.captured.command.arguments[1:] == sys.orig_argv[1:]
    assert any(line.startswith("numpy==") for line in told.captured.packages)
    assert printed(found) == "epoch 1\nwarning\n"
    assert isinstance(found[-1], UpdateRun)
    print("after the end")
    assert operations(tmp_path) == found


def test_the_commit_is_told_in_mlflows_tags(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("x = 1\n")
    author = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    for arguments in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "."),
        (*author, "commit", "--quiet", "-m", "first"),
    ):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    (project / "train.py").write_text("x = 2\n")
    program = str(project / "train.py")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", program, raising=False)
    start().end(wait=0)
    found = operations(tmp_path)
    [told] = [each for each in found if isinstance(each, CaptureRun)]
    assert told.captured.git is not None
    assert told.captured.git.root == str(project)
    assert told.diff is not None
    assert b"+x = 2" in told.diff
    [tags] = [each.tags for each in found if isinstance(each, SetTags)]
    assert tags == {
        "mlflow.source.git.commit": told.captured.git.commit,
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.dirty": "true",
    }


def test_the_error_that_ends_a_run_is_kept(start: Start, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a defect"), start():
        raise ValueError("a defect in the training")
    text = printed(operations(tmp_path))
    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("ValueError: a defect in the training\n")


def test_an_error_that_is_dealt_with_is_none_of_the_runs(start: Start, tmp_path: Path) -> None:
    run = start()
    try:
        raise ValueError("no harm")
    except ValueError:
        run.end(wait=0)
    assert printed(operations(tmp_path)) == ""


@pytest.mark.parametrize("said", ["argument", "variable"])
def test_nothing_is_captured_where_that_is_not_wanted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    if said == "variable":
        monkeypatch.setenv("HEADWATER_CAPTURE", "false")
        run = start()
    else:
        run = start(capture=False)
    print("unheard")
    run.end(wait=0)
    assert not [
        each for each in operations(tmp_path) if isinstance(each, CaptureRun | AppendOutput)
    ]


def test_the_switch_is_true_or_false() -> None:
    assert wants_capture({"HEADWATER_CAPTURE": "TRUE"}, default=False)
    assert not wants_capture({"HEADWATER_CAPTURE": "0"}, default=True)
    assert wants_capture({}, default=True)
    with pytest.raises(ConfigurationError, match="HEADWATER_CAPTURE must be true or false"):
        wants_capture({"HEADWATER_CAPTURE": "maybe"}, default=True)


def test_other_ranks_tell_of_their_machine_only(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(rank=1, world_size=2, launch_id="x")
    print("from rank 1")
    run.end(wait=0)
    found = operations(tmp_path)
    [told] = [each for each in found if isinstance(each, CaptureRun)]
    assert (told.rank, told.captured.packages, told.captured.git) == (1, [], None)
    assert told.captured.host.name
    assert [each.rank for each in found if isinstance(each, AppendOutput)] == [1]
    assert not [each for each in found if isinstance(each, SetTags)]


def test_what_a_forked_process_prints_is_not_the_runs(start: Start, tmp_path: Path) -> None:
    run = start()
    child = os.fork()
    if child == 0:
        try:
            print("from the child", flush=True)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print("from the parent")
    run.end(wait=0)
    assert len(list(spools_in(tmp_path / "spools"))) == 1
    assert printed(operations(tmp_path)) == "from the parent\n"


def test_a_full_spool_does_not_end_the_program(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_SPOOL_LIMIT", str(8 * 1024 * 1024))
    run = start()
    for _ in range(40):
        print("x" * 300_000)
        run._session._companions[run.run_id][0].__self__._print("y" * 300_000)  # type: ignore[attr-defined]
    run._session.part(run.run_id)
