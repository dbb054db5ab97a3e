"""What is appended to a spool is read from it, whatever happens to the process that appends."""

import itertools
import math
import os
import signal
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.client.spool import writer as writer_module
from headwater.client.spool.directory import SpoolDirectory, create_spool, spools_in
from headwater.client.spool.progress import START
from headwater.client.spool.reader import SpoolReader
from headwater.client.spool.writer import DROPPED_TAG, SpoolWriter
from headwater.entities.metric import Points, storable
from headwater.errors import ConfigurationError, InvalidParameterError
from headwater.wire.operations import LogParams, Operation, SetTags
from headwater.wire.spool import SEGMENT_HEAD, read_segment_head

RUNS = ("a" * 32, "b" * 32)
KEYS = ("loss", "acc", "lr/é", "x" * 250)

Point = tuple[str, int, int, float]
Logged = dict[str, list[Point]]

finite = st.floats(allow_nan=False)
rows = st.tuples(
    st.sampled_from(RUNS),
    st.dictionaries(st.sampled_from(KEYS), finite, min_size=1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**63 - 1),
)
series = st.tuples(
    st.sampled_from(RUNS), st.sampled_from(KEYS), st.lists(st.tuples(st.integers(0, 99), finite))
)
operations = st.builds(LogParams, st.sampled_from(RUNS), st.dictionaries(st.text(), st.text()))


@pytest.fixture
def spool(tmp_path: Path) -> SpoolDirectory:
    return create_spool(tmp_path, "http://localhost:5000")


def read_all(spool: SpoolDirectory) -> tuple[Logged, list[Operation]]:
    points: Logged = {}
    found: list[Operation] = []
    reader, at = SpoolReader(spool), START
    while (part := reader.read(at)) is not None:
        for run_id, batch in part.batches:
            points.setdefault(run_id, []).extend(as_tuples(batch))
        found.extend(part.operations)
        at = part.end
    return points, found


def as_tuples(points: Points) -> list[Point]:
    keys = [points.keys[index] for index in points.key_index]
    columns = (points.steps.tolist(), points.timestamps.tolist(), points.values.tolist())
    return list(zip(keys, *columns, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(rows, series, operations), max_size=60))
def test_all_that_was_appended_is_read_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, items: list[object]
) -> None:
    spool = create_spool(tmp_path_factory.mktemp("spools"), "http://localhost:5000")
    writer = SpoolWriter(spool, segment_bytes=2_000)  # several segments
    expected: Logged = {}
    told: list[Operation] = []
    for item in items:
        match item:
            case LogParams():
                writer.append_operation(item)
                told.append(item)
            case (str(run_id), str(key), list(pairs)):
                writer.append_points(run_id, as_points(key, pairs))
                new = [(key, step, 7, stored(value)) for step, value in pairs]
                expected.setdefault(run_id, []).extend(new)
            case (str(run_id), dict(metrics), int(step), int(timestamp)):
                assert writer.append_row(run_id, metrics, step, timestamp)
                new = [(key, step, timestamp, stored(value)) for key, value in metrics.items()]
                expected.setdefault(run_id, []).extend(new)
    points, found = read_all(spool)
    assert points == {run_id: logged for run_id, logged in expected.items() if logged}
    assert found == told
    writer.close()
    assert read_all(spool) == (points, found)  # also with nobody who writes


def as_points(key: str, pairs: list[tuple[int, float]]) -> Points:
    steps = np.array([step for step, _ in pairs], np.int64)
    values = np.array([value for _, value in pairs], np.float64)
    return Points(
        (key,), np.zeros(len(pairs), np.intp), steps, np.full(len(pairs), 7), storable(values)
    )


def stored(value: float) -> float:
    return float(storable(np.array([value]))[0])


LOG_FOR_EVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.writer import SpoolWriter
writer = SpoolWriter(SpoolDirectory(Path(sys.argv[1])), segment_bytes=100_000)
step = 0
while True:
    writer.append_row("a" * 32, {"loss": step / 7}, step, step)
    if step % 100 == 0:
        print(step, flush=True)
    step += 1
"""


def test_a_process_that_is_killed_leaves_all_that_it_had_logged(spool: SpoolDirectory) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOG_FOR_EVER, spool.path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = 0
    while said < 20_000:
        said = int(process.stdout.readline())
    assert spool.is_written()
    process.send_signal(signal.SIGKILL)
    said = max([said, *map(int, process.stdout.read().split())])
    process.wait()
    process.stdout.close()
    assert not spool.is_written()
    points, _ = read_all(spool)
    logged = points["a" * 32]
    assert len(logged) > said
    assert logged == [("loss", step, step, step / 7) for step in range(len(logged))]


def test_what_a_power_failure_tore_is_left_out_and_what_was_whole_is_kept(
    spool: SpoolDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SpoolWriter(spool)
    for step in range(10):
        writer.append_row(RUNS[0], {"loss": 1.0}, step, 0)
    writer.close()
    with spool.segment(1).open("r+b") as file:
        file.seek(writer.position.offset - 3)  # within the last record
        file.write(b"\xff\xff\xff")
    points, _ = read_all(spool)
    assert [step for _, step, _, _ in points[RUNS[0]]] == list(range(9))
    assert "is damaged" in caplog.text


def test_records_beyond_what_was_published_are_read_when_they_are_whole(
    spool: SpoolDirectory,
) -> None:
    writer = SpoolWriter(spool)
    writer.append_row(RUNS[0], {"loss": 1.0}, 1, 0)
    _, before = read_segment_head(spool.segment(1).read_bytes())
    writer.append_row(RUNS[0], {"loss": 1.0}, 2, 0)
    writer.close()
    with spool.segment(1).open("r+b") as file:
        file.seek(16)
        file.write(struct.pack("<Q", before))
    points, _ = read_all(spool)
    assert len(points[RUNS[0]]) == 2


def test_threads_that_log_at_once_lose_nothing(spool: SpoolDirectory) -> None:
    writer = SpoolWriter(spool, segment_bytes=50_000)
    count, threads = 5_000, 6

    def log(number: int) -> None:
        for step in range(count):
            writer.append_row(RUNS[0], {f"m{number}": step / 7}, step, 0)
            if step % 1_000 == 0:
                writer.append_operation(SetTags(RUNS[1], {str(number): str(step)}))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(log, range(threads)))
    position = writer.position
    points, found = read_all(spool)
    by_key: dict[str, list[int]] = {}
    for key, step, _, value in points[RUNS[0]]:
        by_key.setdefault(key, []).append(step)
        assert value == step / 7
    assert by_key == {f"m{number}": list(range(count)) for number in range(threads)}
    assert len(found) == threads * count // 1_000
    assert position == writer.position


def test_the_position_is_a_true_one_while_another_thread_begins_a_segment(
    spool: SpoolDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(spool, segment_bytes=200)
    expected = writer.position
    seen = []

    def look(content: object) -> memoryview:
        seen.append((writer.position, expected))
        return memoryview(content)  # type: ignore[arg-type]

    monkeypatch.setattr(writer_module, "memoryview", look, raising=False)  # amid `_open`
    for step in range(20):
        writer.append_row(RUNS[0], {"x": 0.0}, step, 0)
        expected = writer.position
    assert len(seen) > 3
    for found, last in seen:
        assert found == last


def test_a_signal_handler_that_logs_in_the_midst_of_logging_loses_nothing(
    spool: SpoolDirectory,
) -> None:
    writer = SpoolWriter(spool, segment_bytes=50_000)
    numbers, interrupts = itertools.count(), 0

    def log(*_: object) -> None:
        nonlocal interrupts
        # Taken in one step: the next signal may come anywhere in this function.
        number = next(numbers)
        assert writer.append_row(RUNS[1], {"at": 1.0}, number, 0)
        interrupts = number

    before = signal.signal(signal.SIGALRM, log)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    step = 0
    try:
        while interrupts < 500:
            writer.append_row(RUNS[0], {"loss": step / 7}, step, 0)
            step += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert writer.position >= START
    points, _ = read_all(spool)
    logged = sorted(step for _, step, _, _ in points[RUNS[1]])  # a handler interrupts another one
    assert logged == list(range(next(numbers)))
    assert points[RUNS[0]] == [("loss", each, 0, each / 7) for each in range(step)]


def test_a_child_of_a_process_that_logs_leaves_its_spool_alone(spool: SpoolDirectory) -> None:
    writer = SpoolWriter(spool)
    writer.append_row(RUNS[0], {"loss": 1.0}, 1, 0)
    child = os.fork()
    if child == 0:
        writer.abandon()
        os._exit(0 if not writer.append_row(RUNS[0], {"loss": 1.0}, 2, 0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert spool.is_written()
    writer.append_row(RUNS[0], {"loss": 1.0}, 3, 0)
    points, _ = read_all(spool)
    assert [step for _, step, _, _ in points[RUNS[0]]] == [1, 3]


def test_two_processes_cannot_write_one_spool(spool: SpoolDirectory) -> None:
    writer = SpoolWriter(spool)
    with pytest.raises(ConfigurationError, match="another process holds"):
        SpoolWriter(spool)
    writer.close()
    SpoolWriter(SpoolDirectory(spool.path)).close()


@pytest.mark.parametrize(
    ("metrics", "step", "message"),
    [
        ({"loss": "high"}, 0, "Metric 'loss' has a value that is no number: 'high'"),
        ({"loss": None}, 0, "Metric 'loss'"),
        ({"a\nb": 1.0}, 0, "Invalid metric name: a key with unusual characters"),
        ({"loss": 1.0}, 2**63, "'step': 9223372036854775808 is not an integer of 64 bits"),
        ({"loss": 1.0}, 0.5, "'step'"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_leaves_nothing(
    spool: SpoolDirectory, metrics: dict[str, float], step: int, message: str
) -> None:
    writer = SpoolWriter(spool)
    with pytest.raises(InvalidParameterError, match=message):
        writer.append_row(RUNS[0], metrics, step, 0)
    writer.append_row(RUNS[0], {"loss": math.inf}, 1, 0)
    writer.close()
    points, _ = read_all(spool)
    assert points == {RUNS[0]: [("loss", 1, 0, float(np.finfo(float).max))]}


def test_a_full_spool_drops_counts_and_tells_when_there_is_room_again(
    spool: SpoolDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_RETRY_SECONDS", 0.0)
    writer = SpoolWriter(spool, segment_bytes=4_000, limit=8_000)
    kept = 0
    while writer.append_row(RUNS[0], {"loss": 0.0}, kept, 0):
        kept += 1
    assert not writer.append_row(RUNS[0], {"loss": 0.0}, -1, 0)
    assert writer.dropped == {RUNS[0]: 2}
    assert spool.size() <= 8_000
    points, _ = read_all(spool)
    assert len(points[RUNS[0]]) == kept
    spool.segment(1).unlink()  # the server has it
    assert writer.append_row(RUNS[0], {"loss": 0.0}, kept, 0)
    reader = SpoolReader(spool)
    part = reader.read(START._replace(segment=2))
    assert part is not None
    last = reader.read(part.end)
    assert last is not None
    assert last.operations == [SetTags(RUNS[0], {DROPPED_TAG: "2"})]


def test_a_full_device_drops_instead_of_ending_the_process(
    spool: SpoolDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = SpoolWriter(spool, segment_bytes=4_000)
    monkeypatch.setattr(os, "posix_fallocate", full)
    while writer.append_row(RUNS[0], {"loss": 0.0}, 0, 0):
        pass
    assert writer.dropped == {RUNS[0]: 1}
    assert spool.segments() == [1]


def test_a_spool_that_was_never_written_holds_nothing(
    spool: SpoolDirectory, tmp_path: Path
) -> None:
    SpoolWriter(spool).close()
    assert read_all(spool) == ({}, [])
    assert [found.path for found in spools_in(tmp_path)] == [spool.path]
    assert spool.segment(1).stat().st_size > SEGMENT_HEAD.size
    assert spool.path.stat().st_mode & 0o077 == 0
