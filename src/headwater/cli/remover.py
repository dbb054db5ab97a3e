"""The process in which MLflow's own code removes runs."""

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Self

_MODULE = "headwater.mlflow_plugin.remove_runs"


class Remover:
    """Removes deleted runs for good, one at a time; see `headwater.mlflow_plugin.remove_runs`."""

    def __init__(self, uri: str, destination: str) -> None:
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            (sys.executable, "-W", "ignore", "-m", _MODULE),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps({"uri": uri, "artifacts_destination": destination}))

    def remove(self, run_id: str) -> str | None:
        """Remove a run, or return why it stays."""
        try:
            self._send(run_id)
        except OSError as error:
            return f"MLflow's process has ended: {error}"
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return "MLflow's process has ended"
        error_text: str | None = json.loads(line)["error"]
        return error_text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process once it has finished what it does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
