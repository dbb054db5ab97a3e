"""What was acknowledged is there once, whatever happens: kill -9, a full disk, another writer."""

import itertools
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.server import Server, running

pytestmark = pytest.mark.slow

API = "/api/2.0/mlflow"
WRITERS = 8
POINTS = 100


def create_run(client: httpx.Client) -> str:
    answer = client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 1})
    run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
    return run_id


def batch(run_id: str, number: int) -> dict[str, object]:
    steps = range(number * POINTS, (number + 1) * POINTS)
    return {
        "run_id": run_id,
        "metrics": [
            {"key": "loss", "value": step / 7, "timestamp": 1_000 + step, "step": step}
            for step in steps
        ],
        "params": [{"key": f"p{number}", "value": str(number)}],
    }


def stored_steps(client: httpx.Client, run_id: str) -> list[int]:
    answer = client.get(
        f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": "loss"}
    )
    points = answer.raise_for_status().json().get("metrics", [])
    assert all(point["value"] == point["step"] / 7 for point in points)
    return [point["step"] for point in points]


def write_until_cut_off(url: str, run_id: str, acknowledged: list[int]) -> None:
    """Log batch after batch until the connection breaks, noting those that were answered."""
    with httpx.Client(base_url=url) as client:
        for number in itertools.count():
            try:
                answer = client.post(f"{API}/runs/log-batch", json=batch(run_id, number))
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            acknowledged.append(number)


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_amid_writers_loses_and_doubles_nothing(tmp_path: Path, attempt: int) -> None:
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        runs = {create_run(client): [] for _ in range(WRITERS)}  # type: dict[str, list[int]]
        with ThreadPoolExecutor(WRITERS) as writers:
            for run_id, acknowledged in runs.items():
                writers.submit(write_until_cut_off, server.url, run_id, acknowledged)
            while not all(runs.values()):
                time.sleep(0.01)
            time.sleep(0.3 + 0.1 * attempt)
            server.process.kill()
        server.process.wait()
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        for run_id, acknowledged in runs.items():
            steps = stored_steps(client, run_id)
            # One more batch may have been stored whose answer was cut off.
            batches = len(steps) // POINTS
            assert batches in (len(acknowledged), len(acknowledged) + 1)
            assert steps == list(range(batches * POINTS))
            run = client.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]
            assert len(run["data"]["params"]) == batches
            assert run["data"]["metrics"][0]["step"] == batches * POINTS - 1
            # Logging what was cut off once more changes nothing but what is missing.
            for number in (batches - 1, batches):
                client.post(f"{API}/runs/log-batch", json=batch(run_id, number)).raise_for_status()
            assert stored_steps(client, run_id) == list(range((batches + 1) * POINTS))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small file system")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_is_reported_and_survived(tmp_path: Path, small_disk: Path) -> None:
    uri = f"sqlite:///{small_disk}/mlflow.db"
    with (
        running(tmp_path, "--backend-store-uri", uri) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        run_id = create_run(client)
        client.post(f"{API}/runs/log-batch", json=batch(run_id, 0)).raise_for_status()
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(bytes(64 * 1024))
                    file.flush()
            except OSError:
                pass  # full
        stored = 1
        while (
            answer := client.post(f"{API}/runs/log-batch", json=batch(run_id, stored))
        ).status_code == 200:
            stored += 1  # the write-ahead log had room to spare
        assert answer.status_code in (500, 503, 507)
        assert "space" in answer.json()["message"], answer.text
        assert stored_steps(client, run_id) == list(range(stored * POINTS))
        assert client.get("/health").status_code == 200

        ballast.unlink()
        for number in range(stored, stored + 3):
            client.post(f"{API}/runs/log-batch", json=batch(run_id, number)).raise_for_status()
        assert stored_steps(client, run_id) == list(range((stored + 3) * POINTS))


def test_mlflows_process_and_the_front_write_side_by_side(server: Server) -> None:
    """Unusual spellings are stored by MLflow's own process while the front keeps writing."""
    server.wait_for_upstream()
    with httpx.Client(base_url=server.url, timeout=120) as client:
        native, handed_over = create_run(client), create_run(client)
        done = threading.Event()

        def write_natively() -> int:
            with httpx.Client(base_url=server.url, timeout=120) as writer:
                for number in itertools.count():
                    writer.post(
                        f"{API}/runs/log-batch", json=batch(native, number)
                    ).raise_for_status()
                    if done.is_set():
                        return number + 1
            raise AssertionError

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write_natively)
            for step in range(20):
                body = {"run_id": handed_over, "key": "loss", "step": str(step)}
                client.post(
                    f"{API}/runs/log-metric",
                    json={**body, "value": step / 7, "timestamp": str(1_000 + step)},
                ).raise_for_status()
            done.set()
            written = writing.result(timeout=120)
        assert stored_steps(client, handed_over) == list(range(20))
        assert stored_steps(client, native) == list(range(written * POINTS))


def test_two_servers_may_share_a_database(server: Server, tmp_path: Path) -> None:
    uri = f"sqlite:///{server.database}"
    with (
        running(tmp_path, "--backend-store-uri", uri) as other,
        httpx.Client(base_url=server.url, timeout=120) as client,
        ThreadPoolExecutor(2) as writers,
    ):
        run_id = create_run(client)

        def write(url: str, numbers: range) -> None:
            with httpx.Client(base_url=url, timeout=120) as writer:
                for number in numbers:
                    writer.post(
                        f"{API}/runs/log-batch", json=batch(run_id, number)
                    ).raise_for_status()

        for writing in [
            writers.submit(write, server.url, range(0, 40, 2)),
            writers.submit(write, other.url, range(1, 40, 2)),
        ]:
            writing.result(timeout=120)
        assert stored_steps(client, run_id) == list(range(40 * POINTS))


def test_a_damaged_block_is_reported_and_the_rest_stays_readable(tmp_path: Path) -> None:
    with running(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        damaged, sound = create_run(client), create_run(client)
        for run_id in (damaged, sound):
            client.post(f"{API}/runs/log-batch", json=batch(run_id, 0)).raise_for_status()
        connection = sqlite3.connect(server.database)
        with connection:
            (payload,) = connection.execute(
                "SELECT payload FROM headwater_metric_blocks WHERE run_uuid = ?", (damaged,)
            ).fetchone()
            flipped = payload[:-1] + bytes([payload[-1] ^ 1])
            connection.execute(
                "UPDATE headwater_metric_blocks SET payload = ? WHERE run_uuid = ?",
                (flipped, damaged),
            )
        connection.close()
        answer = client.get(
            f"{API}/metrics/get-history", params={"run_id": damaged, "metric_key": "loss"}
        )
        assert answer.status_code == 500
        assert damaged in answer.json()["message"]
        assert "loss" in answer.json()["message"]
        assert stored_steps(client, sound) == list(range(POINTS))
