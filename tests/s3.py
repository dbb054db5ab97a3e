"""An S3 server for tests: moto's, in a process of its own, behind real HTTP."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

_START_SECONDS = 60
SECRET = "a-secret-that-must-not-be-told"  # nobody else's


@dataclass(frozen=True)
class S3:
    """A running server."""

    url: str

    @property
    def port(self) -> int:
        """Return where it listens on this machine."""
        port = httpx.URL(self.url).port
        assert port is not None
        return port

    def client(self) -> Any:
        """Return a client that is not ours."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            **_keys("aws_access_key_id", "aws_secret_access_key", "region_name"),
        )

    def create_bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def environment(self, url: str | None = None) -> dict[str, str]:
        """Return the variables by which MLflow and we reach it, or it through a proxy."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": url or self.url,
            "AWS_MAX_ATTEMPTS": "3",
            "AWS_EC2_METADATA_DISABLED": "true",
            **_keys("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"),
        }

    def use(self, monkeypatch: pytest.MonkeyPatch, url: str | None = None) -> None:
        """Have this process reach it."""
        for name in list(os.environ):
            if name.startswith(("AWS_", "MLFLOW_S3_")):
                monkeypatch.delenv(name)
        for name, value in self.environment(url).items():
            monkeypatch.setenv(name, value)


def _keys(*names: str) -> dict[str, str]:
    return dict(zip(names, ("tester", SECRET, "us-east-1"), strict=True))


@contextlib.contextmanager
def running_s3(log: Path) -> Iterator[S3]:
    """Run a server until the end; it keeps everything in memory."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        server = S3(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{server.url}/moto-api/")
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait()
