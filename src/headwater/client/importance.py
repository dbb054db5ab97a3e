"""Ask which params matter for a metric, by one request."""

from collections.abc import Sequence

import msgspec

from headwater.client.connection import OWN_API, connect
from headwater.entities.importance import Importance


def importance(
    metric: str,
    experiments: str | Sequence[str] = (),
    filter: str = "",  # what it is called everywhere
    *,
    experiment_ids: Sequence[str] = (),
    project: str | None = None,
    reduction: str = "last",
    params: Sequence[str] = (),
    trees: int = 100,
    seed: int = 0,
    tracking_uri: str | None = None,
) -> Importance:
    """Say which params a metric of many runs depends on.

    All active experiments are searched unless `experiments` (names), `experiment_ids` or a
    `project` are given; all params are looked at unless `params` names some. `reduction` is
    ``last``, ``first``, ``min``, ``max``, ``mean``, ``mean:COUNT``, ``at:STEP`` or ``area``.
    Look at `r_squared` and `warnings` before the rest. ``pandas.DataFrame(found.params)`` is a
    frame with a row a param.

    Raises:
        ConfigurationError: no server is named.
        RequestError: the server refused; the message is its own.
        ServerError: it failed, cannot be reached, or is no Headwater server.
    """
    message = {
        "metric": metric,
        "experiment_ids": list(experiment_ids),
        "experiment_names": [experiments] if isinstance(experiments, str) else list(experiments),
        "project": project,
        "filter": filter,
        "reduction": reduction,
        "params": list(params),
        "trees": trees,
        "seed": seed,
    }
    with connect(tracking_uri) as server:
        answer = server.request(
            "POST", f"{OWN_API}/params/importance", message=message, idempotent=True
        )
    return msgspec.json.decode(answer.body, type=Importance)
