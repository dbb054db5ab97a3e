"""The processes in which MLflow's own code removes runs and artifacts."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from headwater.errors import ArtifactStoreError
from headwater.tracking.artifact_retention import Listed, Place

_REMOVE_RUNS = "headwater.mlflow_plugin.remove_runs"
_ARTIFACT_FILES = "headwater.mlflow_plugin.artifact_files"


class _Process:
    """A module that answers each line of JSON with one."""

    def __init__(self, module: str, settings: dict[str, str]) -> None:
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            (sys.executable, "-W", "ignore", "-m", module),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(settings))

    def ask(self, line: str) -> dict[str, Any]:
        """Return the answer; one with ``error`` where the process has ended."""
        try:
            self._send(line)
        except OSError as error:
            return {"error": f"MLflow's process has ended: {error}"}
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            return {"error": "MLflow's process has ended"}
        found: dict[str, Any] = json.loads(answer)
        return found

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


class Remover(_Process):
    """Removes deleted runs for good, one at a time; see `headwater.mlflow_plugin.remove_runs`."""

    def __init__(self, uri: str, destination: str) -> None:
        super().__init__(_REMOVE_RUNS, {"uri": uri, "artifacts_destination": destination})

    def remove(self, run_id: str) -> str | None:
        """Remove a run, or return why it stays."""
        error: str | None = self.ask(run_id).get("error")
        return error


class ArtifactFiles(_Process):
    """Lists and removes artifacts; see `headwater.mlflow_plugin.artifact_files`."""

    def __init__(self, destination: str) -> None:
        super().__init__(_ARTIFACT_FILES, {"artifacts_destination": destination})

    def list(self, place: Place) -> Sequence[Listed]:
        """Return all files in a place.

        Raises:
            ArtifactStoreError: they cannot be listed.
        """
        found = self.ask(json.dumps({"list": place.uri}))
        if found.get("error"):
            raise ArtifactStoreError(found["error"])
        return [Listed(place, path, size) for path, size in found["files"]]

    def remove(self, files: Sequence[Listed]) -> tuple[int, str | None]:
        """Remove files; return how many went, and why the others did not."""
        count = 0
        for place in dict.fromkeys(each.place for each in files):
            paths = [each.path for each in files if each.place == place]
            done = self.ask(json.dumps({"remove": place.uri, "paths": paths}))
            count += len(done.get("removed", ()))
            if done.get("error"):
                return count, done["error"]
        return count, None
