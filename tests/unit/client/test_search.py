"""`headwater.search`: one request, a frame; and what `import headwater` loads."""

import subprocess
import sys
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

import headwater
from headwater.client import search as searching
from headwater.client.connection import Answer


class _Server:
    """Answers with two pages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def __enter__(self) -> "_Server":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def request(self, method: str, path: str, *, message: dict[str, Any], **_: object) -> Answer:
        assert (method, path) == ("POST", "/api/2.0/headwater/runs/search")
        self.messages.append(dict(message))
        first = "page_token" not in message
        metadata = {b"next_page_token": b"two"} if first else None
        schema = pa.schema([pa.field("metrics.loss", pa.float64())], metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(pa.table([[0.5 if first else None]], schema=schema))
        return Answer(sink.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream")


def test_pages_become_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Server()
    monkeypatch.setattr(searching, "connect", lambda _: server)
    frame = headwater.search("vision", "metrics.loss < 1", metrics=["loss"])
    assert frame["metrics.loss"].isna().tolist() == [False, True]
    assert server.messages[0]["experiment_names"] == ["vision"]
    assert server.messages[1]["page_token"] == "two"
    assert headwater.search(experiment_ids=["1"], max_results=1, frame="arrow").num_rows == 1


def test_import_is_light() -> None:
    code = "import headwater, sys; print(sorted({'httpx', 'pandas', 'pyarrow'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
