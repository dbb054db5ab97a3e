"""What processes of runs tell and print is stored with their frames, and goes with their runs."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.conftest import RUN_IDS, Backend
from tests.contracts.test_ingest import client, service_on
from tests.contracts.test_operations import send

from headwater.errors import NotFoundError
from headwater.storage.metadata import run_output as stored
from headwater.storage.metadata.base import Connection
from headwater.tracking.run_capture import run_capture, run_diff
from headwater.tracking.run_output import RunOutput, run_output
from headwater.wire.capture import Captured, Command, Host, Python
from headwater.wire.operations import AppendOutput, CaptureRun, UpdateRun
from headwater.wire.run_output import MOST_BYTES, OutputRequest

RUN, OTHER = RUN_IDS[:2]
UNKNOWN = "f" * 32


def told(host: str) -> Captured:
    return Captured(
        Command(["python", "train.py"], "/x"),
        Python("3.11.4", "CPython", "python"),
        Host(host, "Linux", "x86_64", "Xeon", 8, 2**34),
    )


def printed(text: str, rank: int = 0, run_id: str = RUN) -> AppendOutput:
    return AppendOutput(run_id=run_id, text=text, rank=rank)


async def output(
    backend: Backend, start: int = 0, most: int = MOST_BYTES, rank: int = 0, run_id: str = RUN
) -> RunOutput:
    return await run_output(service_on(backend), OutputRequest(run_id, rank, start, most))


async def test_what_ranks_tell_is_kept_and_the_last_word_counts(backend: Backend) -> None:
    service = service_on(backend)
    await send(
        backend,
        CaptureRun(run_id=RUN, captured=told("node0"), diff=b"\xff\x00 patch"),
        CaptureRun(run_id=RUN, captured=told("node1"), rank=1),
        CaptureRun(run_id=RUN, captured=told("node2"), rank=1),
    )
    found = await run_capture(service, RUN)
    assert [each.rank for each in found] == [0, 1]
    assert b'"node2"' in found[1].captured
    assert await run_diff(service, RUN, 0) == b"\xff\x00 patch"
    assert await run_capture(service, OTHER) == []
    with pytest.raises(NotFoundError, match="Rank 1 of run"):
        await run_diff(service, RUN, 1)
    for question in (run_capture(service, UNKNOWN), run_diff(service, UNKNOWN, 0)):
        with pytest.raises(NotFoundError, match=UNKNOWN):
            await question


async def test_output_is_appended_once_and_told_from_any_place(backend: Backend) -> None:
    to = (client(), 1)
    for _ in range(2):
        await send(backend, printed("epoch 1\n"), printed("rank 1\n", 1), printed("ü"), to=to)
    await send(backend, printed("ber\n"), UpdateRun(run_id=RUN, status="FINISHED"))
    assert await output(backend) == RunOutput("FINISHED", [0, 1], 0, "epoch 1\nüber\n", 14, 14)
    assert (await output(backend, rank=1)).text == "rank 1\n"
    assert (await output(backend, start=-4)).text == "ber\n"
    assert await output(backend, start=9) == RunOutput("FINISHED", [0, 1], 10, "ber\n", 14, 14)
    assert await output(backend, most=9) == RunOutput("FINISHED", [0, 1], 0, "epoch 1\n", 8, 14)
    assert (await output(backend, start=99)).after == 14
    nothing = await output(backend, run_id=OTHER)
    assert nothing == RunOutput("RUNNING", [], 0, "", 0, 0)
    with pytest.raises(NotFoundError, match=UNKNOWN):
        await output(backend, run_id=UNKNOWN)


async def test_the_last_megabyte_of_output_is_kept(backend: Backend) -> None:
    pieces = [f"{number:06}" * 2_000 for number in range(150)]
    for piece in pieces:
        await send(backend, printed(piece))
    everything = "".join(pieces)
    first = await output(backend)
    assert first.end == len(everything)
    assert stored.KEPT_BYTES <= first.end - first.start <= stored.KEPT_BYTES + 64 * 1024
    assert everything[first.start : first.after] == first.text
    last = await output(backend, start=-stored.KEPT_BYTES)
    assert everything[-stored.KEPT_BYTES :] == last.text
    assert last.after == last.end

    def rows(connection: Connection) -> int:
        statement = "SELECT COUNT(*) FROM headwater_run_output"
        return int(connection.execute(statement).fetchone()[0])

    assert await backend.database.read(rows) < 60


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pieces=st.lists(st.text(max_size=40_000), max_size=6),
    start=st.integers(-100_000, 100_000),
    most=st.integers(4, 60_000),
)
async def test_every_part_of_the_output_is_what_was_printed(
    swept_backend: Backend, pieces: list[str], start: int, most: int
) -> None:
    run_id = RUN_IDS[2]

    def forget(connection: Connection) -> None:
        connection.execute("DELETE FROM headwater_run_output")

    await swept_backend.database.write(forget)
    await send(swept_backend, *(printed(piece, run_id=run_id) for piece in pieces))
    content = "".join(pieces).encode()
    found = await output(swept_backend, start, most, run_id=run_id)
    assert found.end == len(content)
    assert content[found.start : found.after].decode() == found.text
    asked = max(0, len(content) + start) if start < 0 else min(start, len(content))
    assert 0 <= found.start - asked <= 3
    assert found.after == found.end or len(found.text.encode()) >= most - 6


async def test_what_a_run_captured_goes_with_it(backend: Backend) -> None:
    await send(backend, CaptureRun(run_id=RUN, captured=told("n")), printed("x"))

    def remove(connection: Connection) -> int:
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (RUN,))
        left = 0
        for table in ("headwater_run_captures", "headwater_run_output"):
            found = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            left += int(found[0])
        return left

    assert await backend.database.write(remove) == 0
