"""What waits for a server arrives as it was, in its order, whatever the server answers."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.client.connection import Connection
from headwater.client.settings import ConnectionSettings
from headwater.client.spool.directory import SpoolDirectory, create_spool
from headwater.client.spool.outbox import Outbox, Request
from headwater.client.spool.outbox_sender import OutboxSender
from headwater.client.spool.progress import ProgressFile
from headwater.client.spool.sending import send_while_written
from headwater.client.spool.sync import sync_spool
from headwater.client.spool.writer import SpoolWriter
from headwater.errors import ServerError, SpoolFullError

Answer = Callable[[httpx.Request], httpx.Response]


def put(path: str) -> Request:
    return Request("PUT", f"/{path}", f"artifact {path}", content_type="text/plain")


def connection(answer: Answer) -> Connection:
    settings = ConnectionSettings("http://server:5000", retries=0)
    return Connection(settings, transport=httpx.MockTransport(answer))


class Server:
    """Keeps what it is sent; `faults` is what happens to the next requests."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.kept: dict[str, bytes] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "unreachable":
            raise httpx.ConnectError("refused")
        if fault == "broken":
            raise httpx.WriteError("cut")
        if fault:
            return httpx.Response(int(fault))
        self.kept[request.url.path] = request.read()
        assert len(self.kept[request.url.path]) == int(request.headers["content-length"])
        return httpx.Response(200, json={})


@settings(max_examples=60, deadline=None)
@given(
    logged=st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=50)), max_size=8),
    faults=st.lists(st.sampled_from(["", "unreachable", "broken", "500", "503", "401"])),
)
def test_files_arrive_as_they_were_when_they_were_logged(
    logged: list[tuple[str, bytes]], faults: list[str]
) -> None:
    server = Server(faults)
    with TemporaryDirectory() as root:
        spool = create_spool(Path(root), "http://server:5000")
        outbox, file = Outbox(spool), Path(root) / "file"
        for path, content in logged:
            file.write_bytes(content)
            outbox.add(put(path), file)
            file.write_bytes(b"changed")
        for _ in range(100):  # a process each, which knows only what is on the disk
            with connection(server) as connected:
                try:
                    while OutboxSender(spool, connected).send_next() is not None:
                        pass
                except ServerError:
                    continue
                break
        assert outbox.is_empty()
        assert outbox.size() == 0
        assert spool.refused() == []
    assert server.kept == {f"/{path}": content for path, content in logged}


def test_what_the_server_will_not_have_is_set_aside(spool: SpoolDirectory, tmp_path: Path) -> None:
    file, outbox = tmp_path / "file", Outbox(spool)
    file.write_bytes(b"content")
    outbox.add(put("a"), file)
    outbox.add(Request("POST", "/b", "inputs of run x", '{"x": 1}'))
    outbox.add(put("c"), file)
    server = Server(["413", "404"])
    with connection(server) as connected:
        sender = OutboxSender(spool, connected)
        assert [sender.send_next() for _ in range(4)] == [1, 1, 0, None]
    assert server.kept == {"/c": b"content"}
    first, second = spool.refused()
    assert first["message"].startswith("artifact a: ")
    assert (spool.path / first["file"]).read_bytes() == b"content"
    assert json.loads(json.loads((spool.path / second["file"]).read_bytes())["message"]) == {"x": 1}


def test_files_have_a_limit(spool: SpoolDirectory, tmp_path: Path) -> None:
    outbox = Outbox(spool, limit=10)
    for size, fits in ((6, True), (5, False), (4, True), (1, False)):
        (tmp_path / "file").write_bytes(bytes(size))
        if fits:
            outbox.add(put(str(size)), tmp_path / "file")
        else:
            with pytest.raises(SpoolFullError, match="HEADWATER_SPOOL_ARTIFACT_LIMIT"):
                outbox.add(put(str(size)), tmp_path / "file")
    assert outbox.size() == 10
    assert len(outbox.numbers()) == 2


def test_points_do_not_wait_for_files(spool: SpoolDirectory, tmp_path: Path) -> None:
    """The file is taken only after the frame: that would never come if it waited."""
    has_frame = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(200 if has_frame.wait(20) else 400)
        if request.url.path.endswith("/ingest"):
            has_frame.set()
        return httpx.Response(200, json={"sequence": 1})

    (tmp_path / "file").write_bytes(b"content")
    writer = SpoolWriter(spool)
    Outbox(spool).add(put("a"), tmp_path / "file")

    def wait(_: float) -> bool:
        if not has_frame.is_set():
            writer.append_row("a" * 32, {"loss": 1.0}, 0, 0)
        else:
            writer.close()
        return False

    with connection(answer) as connected:
        assert send_while_written(spool, connected, wait)
    assert not spool.path.exists()


def test_a_spool_with_files_is_kept_until_they_are_sent(
    spool: SpoolDirectory, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    Outbox(spool).add(put("a"), tmp_path / "file")
    ProgressFile(spool.path, writable=True).close()
    synced = sync_spool(spool, "http://127.0.0.1:9")
    assert synced.state == "failed"
    assert not Outbox(spool).is_empty()


@pytest.fixture
def spool(tmp_path: Path) -> SpoolDirectory:
    return create_spool(tmp_path / "spools", "http://server:5000")
