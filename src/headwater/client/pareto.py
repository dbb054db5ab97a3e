"""Ask which runs no other one beats in several metrics, by one request."""

from collections.abc import Mapping, Sequence

import msgspec

from headwater.client.connection import OWN_API, connect
from headwater.entities.pareto_front import Direction, RunFront


def pareto(
    objectives: Mapping[str, Direction],
    experiments: str | Sequence[str] = (),
    filter: str = "",  # what it is called everywhere
    *,
    experiment_ids: Sequence[str] = (),
    project: str | None = None,
    reduction: str = "last",
    reference: Sequence[float] | None = None,
    tracking_uri: str | None = None,
) -> RunFront:
    """Return the runs that no other one beats, such as of ``{"acc": "max", "latency": "min"}``.

    All active experiments are searched unless `experiments` (names), `experiment_ids` or a
    `project` are given. With a `reference` point, a number for each of two or three objectives in
    their order, the hypervolume is there too. `reduction` is ``last``, ``first``, ``min``, ``max``,
    ``mean``, ``mean:COUNT``, ``at:STEP`` or ``area``. ``pandas.DataFrame(found.front)`` is a frame
    with a row a run.

    Raises:
        ConfigurationError: no server is named.
        RequestError: the server refused; the message is its own.
        ServerError: it failed, cannot be reached, or is no Headwater server.
    """
    message = {
        "objectives": [
            {"metric": metric, "direction": direction} for metric, direction in objectives.items()
        ],
        "experiment_ids": list(experiment_ids),
        "experiment_names": [experiments] if isinstance(experiments, str) else list(experiments),
        "project": project,
        "filter": filter,
        "reduction": reduction,
        "reference": None if reference is None else list(reference),
    }
    with connect(tracking_uri) as server:
        answer = server.request("POST", f"{OWN_API}/runs/pareto", message=message, idempotent=True)
    return msgspec.json.decode(answer.body, type=RunFront)
