"""Experiments, asked of a server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headwater.client.connection import MLFLOW_API, OWN_API, Connection
from headwater.entities.project_path import PROJECT_TAG, parse_path
from headwater.errors import NotFoundError

_PAGE = 1_000


def find_experiment(connection: Connection, experiment: str) -> Mapping[str, Any]:
    """Return MLflow's message of the experiment with that id or, where there is none, that name.

    Raises:
        NotFoundError: there is neither.
    """
    if experiment.isdecimal():
        try:
            return _get(connection, "get", experiment_id=experiment)
        except NotFoundError:
            pass
    try:
        return _get(connection, "get-by-name", experiment_name=experiment)
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no experiment {experiment!r}; headwater experiments list shows those there "
            "are"
        ) from error


def search_experiments(
    connection: Connection, text: str = "", order_by: Sequence[str] = (), view: str = "ACTIVE_ONLY"
) -> Iterator[Mapping[str, Any]]:
    """Yield MLflow's messages of the experiments that match a filter."""
    message = {
        "filter": text,
        "order_by": list(order_by),
        "view_type": view,
        "max_results": _PAGE,
    }
    while True:
        page = connection.post(f"{MLFLOW_API}/experiments/search", message, idempotent=True)
        yield from page.get("experiments", ())
        if not (token := page.get("next_page_token")):
            return
        message["page_token"] = token


def create_experiment(
    connection: Connection, name: str, project: str, tags: Mapping[str, str]
) -> str:
    """Create an experiment in a project, or in none (``""``), and return its id.

    Raises:
        InvalidParameterError: the project is no path.
        AlreadyExistsError: there is an experiment of that name.
    """
    path = parse_path(project, "project")
    items = {**tags, PROJECT_TAG: path} if path else tags
    message = {"name": name, "tags": [{"key": k, "value": v} for k, v in items.items()]}
    answer = connection.post(f"{MLFLOW_API}/experiments/create", message)
    return str(answer["experiment_id"])


def move_experiments(
    connection: Connection, experiment_ids: Sequence[str], project: str
) -> Mapping[str, Any]:
    """Put experiments into a project, or out of every one (``""``)."""
    message = {"experiment_ids": list(experiment_ids), "project": project}
    answer: Mapping[str, Any] = connection.post(
        f"{OWN_API}/experiments/move", message, idempotent=True
    )
    return answer


def _get(connection: Connection, verb: str, **query: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = connection.get(f"{MLFLOW_API}/experiments/{verb}", query)
    experiment: Mapping[str, Any] = found["experiment"]
    return experiment
