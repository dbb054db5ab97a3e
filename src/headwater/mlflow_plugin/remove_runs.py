"""``python -m headwater.mlflow_plugin.remove_runs``: removes deleted runs for good.

Reads ``{"uri": ..., "artifacts_destination": ...}`` on a line of standard input, then run ids, a
line each, and answers each with ``{"error": text or null}``. MLflow's own store removes a run from
all of its tables, which differ between releases; Headwater's follow by their foreign keys. (The
command ``mlflow gc --run-ids`` would remove every deleted experiment and model as well.)
"""

import json
import sys

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from headwater.mlflow_plugin.artifact_place import located
from headwater.mlflow_plugin.uri import sqlalchemy_uri


def main() -> None:
    """Serve one command."""
    settings = json.loads(sys.stdin.readline())
    store = SqlAlchemyStore(sqlalchemy_uri(settings["uri"]), "mlflow-artifacts:/")
    for line in sys.stdin:
        error = remove_run(store, line.strip(), settings["artifacts_destination"])
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()


def remove_run(store: SqlAlchemyStore, run_id: str, destination: str) -> str | None:
    """Remove a deleted run's artifacts, then the run; return why not, or None.

    `destination` is where the server keeps ``mlflow-artifacts:`` artifacts.
    """
    try:
        info = store.get_run(run_id).info
        if info.lifecycle_stage != LifecycleStage.DELETED:
            return "it has been restored"
        repository, path = located(info.artifact_uri, destination)
        repository.delete_artifacts(path)
        store._hard_delete_run(run_id)
    except (MlflowException, OSError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    main()
