"""A spool is sent once, whatever the server answers and whichever answers are lost."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.client.connection import Connection
from headwater.client.settings import ConnectionSettings
from headwater.client.spool.directory import SpoolDirectory, create_spool, spools_in
from headwater.client.spool.progress import ProgressFile
from headwater.client.spool.sender import Sender
from headwater.client.spool.sending import send_while_written
from headwater.client.spool.sync import sync_spool
from headwater.client.spool.writer import SpoolWriter
from headwater.errors import ServerError, ServerUnreachableError
from headwater.wire.ingest import decode_frame
from headwater.wire.operations import Operation, SetTags

RUN = "a" * 32


class Server:
    """What a server keeps of frames, and how it may fail."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.steps: list[int] = []
        self.operations: list[Operation] = []
        self.faults: list[str] = []
        """What happens to the next requests: "" is nothing."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "unreachable":
            raise httpx.ConnectError("refused")
        if fault == "busy":
            return httpx.Response(
                503, json={"error_code": "TEMPORARILY_UNAVAILABLE", "message": "x"}
            )
        answer = self._answer(request)
        if fault == "answer lost":
            raise httpx.ReadError("cut")
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            client_id = request.url.params["client_id"]
            return httpx.Response(200, json={"sequence": self.positions.get(client_id, 0)})
        frame = decode_frame(request.content, request.headers.get("content-encoding", ""))
        stored = self.positions.get(frame.client_id, 0)
        if frame.sequence > stored + 1:
            message = {"error_code": "RESOURCE_CONFLICT", "message": "a gap"}
            return httpx.Response(409, json=message)
        if any(isinstance(o, SetTags) and "bad" in o.tags for o in frame.operations):
            message = {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such thing"}
            return httpx.Response(400, json=message)
        if frame.sequence == stored + 1:
            self.positions[frame.client_id] = frame.sequence
            for batch in frame.batches:
                self.steps += batch.points.steps.tolist()
            self.operations += frame.operations
        refused = [
            {"run_id": o.run_id, "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}
            for o in frame.operations
            if o.run_id != RUN
        ]
        return httpx.Response(200, json={"refused": refused, "sequence": frame.sequence})


@pytest.fixture
def spool(tmp_path: Path) -> SpoolDirectory:
    return create_spool(tmp_path, "http://server:5000")


@pytest.fixture
def writer(spool: SpoolDirectory) -> Iterator[SpoolWriter]:
    writer = SpoolWriter(spool, segment_bytes=4_000)
    yield writer
    writer.close()


def connection(server: Callable[[httpx.Request], httpx.Response]) -> Connection:
    settings = ConnectionSettings("http://server:5000", retries=0)
    return Connection(settings, transport=httpx.MockTransport(server))


def send_all(spool: SpoolDirectory, server: Server) -> None:
    """Send with a new sender, which knows only what is on the disk; go on after each failure."""
    for _ in range(1_000):
        with (
            connection(server) as connected,
            ProgressFile(spool.path, writable=True) as progress,
        ):
            try:
                sender = Sender(spool, connected, progress)
                while sender.send_next() is not None:
                    pass
            except ServerError:
                continue
            return
    raise AssertionError("it never ends")


FAULTS = st.sampled_from(["", "unreachable", "busy", "answer lost"])


@settings(max_examples=60, deadline=None)
@given(
    logged=st.lists(st.integers(1, 300), min_size=1, max_size=5),
    faults=st.lists(FAULTS, max_size=12),
)
def test_every_point_arrives_once_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, logged: list[int], faults: list[str]
) -> None:
    spool = create_spool(tmp_path_factory.mktemp("spools"), "http://server:5000")
    writer, server = SpoolWriter(spool, segment_bytes=4_000), Server()
    server.faults = faults
    step = 0
    for count in logged:
        for _ in range(count):
            writer.append_row(RUN, {"loss": 0.0}, step, 0)
            step += 1
        writer.append_operation(SetTags(RUN, {"step": str(step)}))
        send_all(spool, server)
        assert server.steps == list(range(step))
    assert len(server.operations) == len(logged)
    assert len(spool.segments()) == 1  # what the server has is gone
    writer.close()


def test_after_a_restore_of_the_server_what_is_left_is_sent_under_another_id(
    spool: SpoolDirectory, writer: SpoolWriter, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    for step in range(3):
        writer.append_row(RUN, {"loss": 0.0}, step, 0)
        send_all(spool, server)
    server.positions[spool.about.client_id] = 1  # as the backup has it
    server.steps = [0]
    writer.append_row(RUN, {"loss": 0.0}, 3, 0)
    send_all(spool, server)
    assert server.steps == [0, 3]
    assert "as after a restore from a backup" in caplog.text
    writer.append_row(RUN, {"loss": 0.0}, 4, 0)
    send_all(SpoolDirectory(spool.path), server)
    assert server.steps == [0, 3, 4]
    assert len(server.positions) == 2


def test_a_frame_that_the_server_does_not_take_is_set_aside(
    spool: SpoolDirectory, writer: SpoolWriter
) -> None:
    server = Server()
    writer.append_operation(SetTags(RUN, {"bad": "x"}))
    send_all(spool, server)
    writer.append_row(RUN, {"loss": 0.0}, 1, 0)
    send_all(spool, server)
    assert server.steps == [1]
    [refused] = spool.refused()
    assert refused["message"] == "no such thing"
    kept = decode_frame((spool.path / refused["frame"]).read_bytes())
    assert kept.operations == [SetTags(RUN, {"bad": "x"})]


def test_what_is_refused_is_noted_and_keeps_the_spool(
    spool: SpoolDirectory, writer: SpoolWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    writer.append_operation(SetTags("b" * 32, {"a": "b"}))
    writer.append_row(RUN, {"loss": 0.0}, 1, 0)
    writer.close()
    monkeypatch.setattr("headwater.client.spool.sync.Connection", lambda _: connection(server))
    result = sync_spool(spool, None)
    assert (result.state, result.refused, result.points) == ("refused", 1, 1)
    assert spool.path.exists()
    lines = (spool.path / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["gone"]


def test_a_spool_whose_writer_lives_is_left_to_its_sender(
    spool: SpoolDirectory, writer: SpoolWriter
) -> None:
    writer.append_row(RUN, {"loss": 0.0}, 1, 0)
    assert sync_spool(spool, None).state == "busy"


def test_a_server_that_is_away_is_an_error_that_says_so(
    spool: SpoolDirectory, writer: SpoolWriter
) -> None:
    server = Server()
    server.faults = ["unreachable"]
    writer.append_row(RUN, {"loss": 0.0}, 1, 0)
    with (
        connection(server) as connected,
        ProgressFile(spool.path, writable=True) as progress,
        pytest.raises(ServerUnreachableError, match="cannot be reached"),
    ):
        Sender(spool, connected, progress).send_next()


def test_a_removal_that_is_cut_off_anywhere_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    for kept in range(10):
        spool = create_spool(tmp_path, "http://localhost")
        writer = SpoolWriter(spool)
        writer.append_row(RUN, {"loss": 0.0}, kept, 0)
        writer.close()
        unlink, removals = os.unlink, iter(range(kept))

        def unlink_few(*arguments: Any, **options: Any) -> None:
            if next(removals, None) is None:  # noqa: B023  # called in this round only
                raise KeyboardInterrupt
            unlink(*arguments, **options)  # noqa: B023

        with connection(server) as connected:
            with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
                patch.setattr(os, "unlink", unlink_few)
                send_while_written(spool, connected, lambda _: False)
            for left in spools_in(tmp_path):
                assert send_while_written(left, connected, lambda _: False)
        assert list(tmp_path.iterdir()) == []
        assert server.steps == list(range(kept + 1))
