"""Verbs that touch every run of an experiment must not hold up the event loop."""

from collections.abc import Awaitable, Callable
from unittest.mock import create_autospec

import pytest

from headwater.mlflow_release import behaviour_of
from headwater.storage.metadata.base import Database, Operation
from headwater.storage.metrics.sqlite import SqliteMetricEngine
from headwater.tracking.delete_experiment import delete_experiment
from headwater.tracking.delete_run import delete_run
from headwater.tracking.restore_experiment import restore_experiment
from headwater.tracking.restore_run import restore_run
from headwater.tracking.service import TrackingService

Verb = Callable[[TrackingService, str], Awaitable[object]]


@pytest.mark.parametrize(
    ("verb", "name", "long"),
    [
        (delete_experiment, "1", True),
        (restore_experiment, "1", True),
        (delete_run, "a" * 32, False),
        (restore_run, "a" * 32, False),
    ],
)
async def test_writes_say_whether_they_are_long(verb: Verb, name: str, long: bool) -> None:
    asked: list[bool] = []

    async def write(_: Operation[object], *, long: bool = False) -> None:
        asked.append(long)

    database = create_autospec(Database, instance=True)
    database.write = write
    service = TrackingService(
        database, SqliteMetricEngine(), "mlflow-artifacts:/", behaviour_of("3.17.2")
    )
    await verb(service, name)
    assert asked == [long]
