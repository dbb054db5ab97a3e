"""Runs of a process and of those that it forks."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater
from headwater.client.spool.directory import spools_in
from headwater.client.spool.progress import START
from headwater.client.spool.reader import SpoolReader
from headwater.client.spool.session import Session
from headwater.errors import ConfigurationError, InvalidParameterError
from headwater.wire.operations import CreateRun, LogParams, SetTags, UpdateRun


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator["headwater.Run"]:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("HEADWATER_CAPTURE", "false")  # see test_capture.py
    monkeypatch.setattr(Session, "_see_to_sender", lambda _: None)
    # A port of its own: a process has one session for a server.
    uri = f"http://127.0.0.1:9/{request.node.name}"
    run = headwater.start_run("vision", run_name="r", params={"lr": 0.1}, tracking_uri=uri)
    yield run
    run._session.abandon()


def test_all_that_is_done_to_a_run_is_spooled_in_its_order(
    run: "headwater.Run", tmp_path: Path
) -> None:
    run.log({"loss": 0.5, "acc": 1}, step=3, timestamp=4)
    run.log_series("spectrum", [0, 1], [1.5, 2.5], [5, 6])
    run.set_tags({"note": 7})
    run.end(wait=0)
    [spool] = spools_in(tmp_path)
    part = SpoolReader(spool).read(START)
    assert part is not None
    created, params, tags, ended = part.operations
    assert isinstance(created, CreateRun)
    assert (created.run_id, created.experiment_name, created.run_name) == (
        run.run_id,
        "vision",
        "r",
    )
    assert params == LogParams(run.run_id, {"lr": "0.1"})
    assert tags == SetTags(run.run_id, {"note": "7"})
    assert isinstance(ended, UpdateRun)
    assert ended.status == "FINISHED"
    [(run_id, points)] = part.batches
    assert run_id == run.run_id
    assert [points.keys[index] for index in points.key_index] == ["loss", "acc", *["spectrum"] * 2]
    assert points.steps.tolist() == [3, 3, 0, 1]
    assert points.timestamps.tolist() == [4, 4, 5, 6]
    assert points.values.tolist() == [0.5, 1.0, 1.5, 2.5]


def test_a_forked_process_logs_into_the_run_whichever_spool_is_sent_first(
    run: "headwater.Run", tmp_path: Path
) -> None:
    [before] = spools_in(tmp_path)
    child = os.fork()
    if child == 0:
        try:
            run.log({"loss": 1.0}, step=1)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    [new] = [spool for spool in spools_in(tmp_path) if spool.path != before.path]
    part = SpoolReader(new).read(START)
    assert part is not None
    [created] = part.operations
    assert isinstance(created, CreateRun)
    assert created.run_id == run.run_id
    assert part.points == 1


@pytest.mark.parametrize(
    ("steps", "values", "timestamps"),
    [([1, 2], [1.0], None), ([1], ["high"], None), ([1], [1.0], [-1]), ([[1]], [[1.0]], None)],
)
def test_series_that_cannot_be_stored_are_refused(
    run: "headwater.Run", steps: list[int], values: list[float], timestamps: list[int] | None
) -> None:
    with pytest.raises(InvalidParameterError, match="Metric 'x'"):
        run.log_series("x", steps, values, timestamps)


def test_all_ranks_of_a_launch_start_one_run_and_log_into_series_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("HEADWATER_CAPTURE", "false")  # see test_capture.py
    monkeypatch.setattr(Session, "_see_to_sender", lambda _: None)
    runs = []
    for rank in range(3):
        monkeypatch.setattr("headwater.client.run._ordinals", itertools.count())
        run = headwater.start_run(
            tracking_uri=f"http://127.0.0.1:9/{request.node.name}/{rank}",
            rank=rank,
            world_size=3,
            launch_id="4711",
            params={"lr": 0.1},
        )
        run.log({"loss": rank}, step=1)
        run.log_series("spectrum", [0], [rank])
        run.end(wait=0)
        runs.append(run)
    assert len({run.run_id for run in runs}) == 1
    found = {}
    for spool in spools_in(tmp_path):
        part = SpoolReader(spool).read(START)
        assert part is not None
        [(_, points)] = part.batches
        created, *others = part.operations
        assert isinstance(created, CreateRun)
        found[points.keys] = any(isinstance(other, UpdateRun) for other in others)
    assert found == {
        ("loss", "spectrum"): True,
        ("loss/rank/1", "spectrum/rank/1"): False,
        ("loss/rank/2", "spectrum/rank/2"): False,
    }
    for run in runs:
        run._session.abandon()


def test_a_child_attaches_to_the_run_that_its_parent_has_started(run: "headwater.Run") -> None:
    uri = run._session._uri
    attached = headwater.attach_run(rank=2, tracking_uri=uri)
    assert attached.run_id == run.run_id
    attached._session.abandon()


def test_without_a_run_there_is_nothing_to_attach_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWATER_RUN", raising=False)
    with pytest.raises(ConfigurationError, match="no run to attach to"):
        headwater.attach_run(tracking_uri="http://127.0.0.1:9")
