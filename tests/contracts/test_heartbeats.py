"""Runs whose processes fall silent or are killed are marked as failed; no others are."""

import pytest
from tests.contracts.conftest import RUN_IDS, Backend
from tests.contracts.test_ingest import service_on
from tests.contracts.test_operations import send

from headwater.errors import InvalidParameterError
from headwater.storage.metadata.base import Connection
from headwater.tracking import clock
from headwater.tracking.fail_lost_runs import fail_lost_runs
from headwater.tracking.fail_runs import fail_runs
from headwater.tracking.heartbeat import Heard, heartbeat
from headwater.wire.operations import UpdateRun

RUN, OTHER = RUN_IDS[:2]
MINUTE = 60_000
Row = tuple[str, int | None, str | None]


async def row(backend: Backend, run_id: str = RUN) -> Row:
    """Return status, end time and reason."""

    def read(connection: Connection) -> Row:
        statement = (
            "SELECT r.status, r.end_time, t.value FROM runs AS r LEFT JOIN tags AS t ON "
            "t.run_uuid = r.run_uuid AND t.key = 'headwater.failure_reason' WHERE r.run_uuid = ?"
        )
        found: Row = tuple(connection.execute(statement, (run_id,)).fetchone())
        return found

    return await backend.database.read(read)


async def look(backend: Backend, after: int, listening: int = 10 * MINUTE) -> int:
    """Look for lost runs when so many milliseconds have passed."""
    now = clock.now() + after
    return await backend.database.write(
        lambda connection: fail_lost_runs(connection, now, listening)
    )


async def test_a_silent_run_has_failed_when_it_was_heard_last(backend: Backend) -> None:
    service = service_on(backend)
    before = clock.now()
    assert await heartbeat(service, [RUN, OTHER], MINUTE) == Heard([RUN, OTHER], [])
    await heartbeat(service, [OTHER], 5 * MINUTE)
    assert await look(backend, MINUTE - 5_000) == 0
    assert await look(backend, MINUTE + 5_000) == 1
    status, end_time, reason = await row(backend)
    assert status == "FAILED"
    assert end_time is not None
    assert before <= end_time <= clock.now()
    assert reason is not None
    assert reason.startswith("lost contact: nothing was heard of its process for 6")
    assert await row(backend, OTHER) == ("RUNNING", None, None)


async def test_who_was_not_there_to_hear_takes_no_run_for_lost(backend: Backend) -> None:
    await heartbeat(service_on(backend), [RUN], MINUTE)
    assert await look(backend, 2 * MINUTE, listening=MINUTE - 1) == 0
    assert await row(backend) == ("RUNNING", None, None)


async def test_a_run_that_is_heard_again_goes_on(backend: Backend) -> None:
    service = service_on(backend)
    await heartbeat(service, [RUN], MINUTE)
    await look(backend, 2 * MINUTE)
    assert await heartbeat(service, [RUN], MINUTE) == Heard([RUN], [])
    assert await row(backend) == ("RUNNING", None, None)


async def test_a_run_that_ends_in_its_own_way_has_not_failed(backend: Backend) -> None:
    service = service_on(backend)
    await heartbeat(service, [RUN], MINUTE)
    await look(backend, 2 * MINUTE)
    await send(backend, UpdateRun(run_id=RUN, status="FINISHED", end_time=7))
    assert await row(backend) == ("FINISHED", 7, None)
    assert await heartbeat(service, [RUN], MINUTE) == Heard([], [RUN])
    assert await look(backend, 2 * MINUTE) == 0


async def test_a_run_that_is_left_running_on_purpose_stays(backend: Backend) -> None:
    service = service_on(backend)
    await heartbeat(service, [RUN], MINUTE)
    assert await heartbeat(service, [RUN], 0) == Heard([RUN], [])
    assert await look(backend, 2 * MINUTE) == 0
    assert await row(backend) == ("RUNNING", None, None)


async def test_a_killed_run_has_failed_unless_it_had_ended(backend: Backend) -> None:
    service = service_on(backend)
    await send(backend, UpdateRun(run_id=OTHER, status="FINISHED", end_time=7))
    unknown = "f" * 32
    assert await fail_runs(service, [OTHER, unknown, RUN], "killed", 9) == [RUN]
    assert await row(backend) == ("FAILED", 9, "killed")
    assert await row(backend, OTHER) == ("FINISHED", 7, None)
    assert await fail_runs(service, [RUN], "again", 10) == []
    assert await heartbeat(service, [unknown], MINUTE) == Heard([], [unknown])


async def test_what_is_no_run_id_is_refused(backend: Backend) -> None:
    with pytest.raises(InvalidParameterError, match="run_ids"):
        await heartbeat(service_on(backend), ["no id"], MINUTE)
