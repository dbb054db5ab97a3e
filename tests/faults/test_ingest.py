"""Kill the server amid frames, send again what was not acknowledged: every point is there once."""

import sqlite3
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.faults.test_durability import create_run
from tests.server import Server, running

from headwater.entities.metric import Points
from headwater.wire.ingest import CONTENT_TYPE, encode_frame

pytestmark = pytest.mark.slow

INGEST = "/api/2.0/headwater/metrics/ingest"
CLIENTS = 4
POINTS = 500


class Sender:
    """A client that logs the same value at every step, so that only counts tell doubles apart."""

    def __init__(self, run_id: str) -> None:
        self.client_id = uuid.uuid4().hex
        self.run_id = run_id
        self.acknowledged = 0

    def send_until_cut_off(self, url: str) -> None:
        with httpx.Client(base_url=url) as client:
            while True:
                try:
                    self.send(client)
                except httpx.TransportError:
                    return

    def send(self, client: httpx.Client) -> None:
        steps = self.acknowledged * POINTS + np.arange(POINTS)
        points = Points(("loss",), np.zeros(POINTS, np.intp), steps, 1000 + steps, steps / 7)
        body = encode_frame(self.client_id, self.acknowledged + 1, [(self.run_id, points)])
        answer = client.post(INGEST, content=body, headers={"content-type": CONTENT_TYPE})
        assert answer.raise_for_status().json()["sequence"] == self.acknowledged + 1
        self.acknowledged += 1


def test_kill_9_amid_frames_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        senders = [Sender(create_run(client)) for _ in range(CLIENTS)]
    for attempt in range(3):
        with running(tmp_path) as server:
            kill_amid(server, senders, 0.3 + 0.2 * attempt)
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        for sender in senders:
            position = client.get(INGEST, params={"client_id": sender.client_id}).json()["sequence"]
            assert position in (sender.acknowledged, sender.acknowledged + 1)
            sender.send(client)
            assert stored(tmp_path, sender.run_id) == sender.acknowledged * POINTS


def kill_amid(server: Server, senders: list[Sender], seconds: float) -> None:
    threads = [
        threading.Thread(target=sender.send_until_cut_off, args=(server.url,)) for sender in senders
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.process.kill()
    for thread in threads:
        thread.join()
    server.process.wait()


def stored(directory: Path, run_id: str) -> int:
    """Count the points as stored, before reading would drop doubles."""
    with closing(sqlite3.connect(next(directory.rglob("mlflow.db")))) as connection:
        (count,) = connection.execute(
            "SELECT coalesce(sum(points), 0) FROM ("
            " SELECT run_uuid, points FROM headwater_metric_blocks"
            " UNION ALL SELECT run_uuid, points FROM headwater_metric_series) WHERE run_uuid = ?",
            (run_id,),
        ).fetchone()
    return int(count)
