"""When a run's blocks are worth compacting."""

from headwater.storage.metrics.activity import Activity


def test_a_run_that_ended_is_due_at_once_if_it_has_many_blocks() -> None:
    activity = Activity()
    for run_id, blocks in (("small", 31), ("large", 32)):
        activity.logged(run_id, blocks, blocks, now=0)
        activity.ended(run_id)
    assert activity.take_due(now=1) == "large"
    assert activity.take_due(now=1_000) is None


def test_a_run_at_rest_is_due_after_a_minute() -> None:
    activity = Activity()
    activity.logged("run", 40, 40, now=0)
    assert activity.take_due(now=59) is None
    assert activity.take_due(now=60) == "run"
    assert activity.take_due(now=1_000) is None


def test_a_run_that_grows_fast_is_due_while_it_grows() -> None:
    activity = Activity()
    for _ in range(263):
        activity.logged("batches", 1, 1_000, now=0)
    for _ in range(4_096):
        activity.logged("singles", 1, 1, now=0)
    assert activity.take_due(now=0) == "batches"
    assert activity.take_due(now=0) == "singles"
    assert activity.take_due(now=0) is None


def test_ending_a_run_that_logged_nothing_is_no_work() -> None:
    activity = Activity()
    activity.ended("run")
    assert activity.take_due(now=1_000) is None
