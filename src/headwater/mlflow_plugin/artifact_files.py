"""``python -m headwater.mlflow_plugin.artifact_files``: lists and removes artifacts for a command.

Reads ``{"artifacts_destination": ...}`` on a line of standard input, then a request a line:
``{"list": URI}``, answered with ``{"files": [[path, size], ...]}``, and ``{"remove": URI, "paths":
[...]}``, answered with ``{"removed": [path, ...]}``; either with ``"error"`` where it failed. By
MLflow's own repositories, so that it works wherever MLflow keeps artifacts.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from mlflow.exceptions import MlflowException

from headwater.mlflow_plugin.artifact_place import located


def main() -> None:
    """Serve one command."""
    destination = json.loads(sys.stdin.readline())["artifacts_destination"]
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line), destination)) + "\n")
        sys.stdout.flush()


def answer(request: dict[str, Any], destination: str) -> dict[str, Any]:
    """Carry out a request; what could not be done is told by ``error``."""
    removed: list[str] = []
    try:
        if "list" in request:
            return {"files": list(files_in(request["list"], destination))}
        repository, top = located(request["remove"], destination)
        for path in request["paths"]:
            if ".." in path.split("/"):
                raise OSError(f"{path!r} leads elsewhere")
            repository.delete_artifacts("/".join(part for part in (top, path) if part))
            removed.append(path)
    except (MlflowException, OSError, ImportError) as error:
        return {"error": f"{type(error).__name__}: {error}", "files": [], "removed": removed}
    return {"removed": removed}


def files_in(uri: str, destination: str) -> Iterator[tuple[str, int]]:
    """Yield path and size of all files below a URI.

    Raises:
        MlflowException, OSError: they cannot be listed.
    """
    repository, top = located(uri, destination)
    skipped = len(top) + 1 if top else 0
    waiting = [top]
    while waiting:
        for found in repository.list_artifacts(waiting.pop()):
            if found.is_dir:
                waiting.append(found.path)
            else:
                yield found.path[skipped:], found.file_size or 0


if __name__ == "__main__":
    main()
