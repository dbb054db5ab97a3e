"""Client libraries measured in processes of their own, which print what they found as JSON."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.logging_program import WITHOUT_SERVER
from benchmarks.servers import Server

LOGGERS = Path(".venv-peers-loggers/bin/python")
"""Libraries of others that need no server; ``tools/peers`` installs them."""

TORCH = Path(".venv-peers-torch/bin/python")
"""The same with PyTorch, MLflow and Headwater; ``tools/peers --torch`` installs them."""

_SECONDS = 600


def url_of(server: Server, scheme: str = "http") -> str:
    """Return what MLFLOW_TRACKING_URI must be for a client of the server."""
    host, port = server.address
    return f"{scheme}://{host}:{port}"


def installed(python: Path) -> list[str]:
    """Return the libraries of others that this interpreter finds; none where it is missing."""
    if not python.exists():
        return []
    look = "import importlib.util, sys; print(*filter(importlib.util.find_spec, sys.argv[1:]))"
    found = subprocess.run(
        [str(python), "-c", look, *WITHOUT_SERVER], capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def run_program(
    program: str, library: str, count: int, url: str, *, python: Path | None = None
) -> dict[str, float]:
    """Return what ``python -m benchmarks.<program>`` prints, in a process with its own spool."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": url,
            "HEADWATER_SPOOL_DIR": directory,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TRACKIO_DIR": directory,
        }
        ended = subprocess.run(
            [str(python or sys.executable), "-m", f"benchmarks.{program}", library, str(count)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    answer: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return answer
