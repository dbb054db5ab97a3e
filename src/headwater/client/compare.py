"""Compare groups of runs by one request."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from headwater.client.connection import MLFLOW_API, OWN_API, connect
from headwater.client.runs import get_run
from headwater.client.verdict import Verdict
from headwater.entities import verdict as entities
from headwater.entities.artifact_location import proxied_path
from headwater.entities.verdict import Choice, Missing
from headwater.errors import InvalidParameterError

Group = str | Mapping[str, Any] | Sequence[str]
"""A filter; or run ids; or a mapping of ``name``, ``filter``, ``run_ids``, ``parent_run_id``."""

TAG = "headwater.verdict"
"""Of the run that a verdict is kept at: what it says; ``headwater.verdict.NAME`` for a name."""

_DIRECTORY = "verdicts"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def compare(
    *groups: Group,
    metric: str,
    higher_is_better: bool,
    experiments: str | Sequence[str] = (),
    experiment_ids: Sequence[str] = (),
    project: str | None = None,
    filter: str = "",  # what it is called everywhere
    group_by: str | Sequence[str] = (),
    candidate: str | None = None,
    reduction: str = "last",
    paired_by: str | None = None,
    margin: float | None = None,
    test: Choice = "auto",
    test_share: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    missing: Missing = "omit",
    seed: int = 0,
    tracking_uri: str | None = None,
) -> Verdict:
    """Say whether the first group of runs is better than each of the others in a metric.

    A group is a filter such as ``'params.model = "a"'``, a list of run ids, or a mapping with a
    ``name`` and ``filter``, ``run_ids`` or ``parent_run_id``. Instead, `group_by` names columns
    whose values make groups of the runs that match `filter`, and `candidate` the value of the first
    one. All active experiments are searched unless `experiments` (names), `experiment_ids` or a
    `project` are given.

    `reduction` is ``last``, ``first``, ``min``, ``max``, ``mean``, ``mean:COUNT`` (of the last
    points), ``at:STEP`` or ``area``. With `paired_by`, such as ``params.seed``, runs with the same
    value are compared with each other. A difference below `margin` does not matter: then groups may
    be equivalent. `missing` says what becomes of runs without a finite value: ``omit``, ``refuse``
    or ``worst``; whichever, they are reported.

    Raises:
        ConfigurationError: no server is named.
        RequestError: the server refused; the message is its own.
        ServerError: it failed, cannot be reached, or is no Headwater server.
    """
    message = {
        "metric": metric,
        "direction": "higher" if higher_is_better else "lower",
        "experiment_ids": list(experiment_ids),
        "experiment_names": [experiments] if isinstance(experiments, str) else list(experiments),
        "project": project,
        "filter": filter,
        "groups": [_group(group) for group in groups],
        "group_by": [group_by] if isinstance(group_by, str) else list(group_by),
        "candidate": candidate,
        "reduction": reduction,
        "paired_by": paired_by,
        "margin": margin,
        "test": test,
        "test_share": test_share,
        "alpha": alpha,
        "power": power,
        "missing": missing,
        "seed": seed,
    }
    with connect(tracking_uri) as server:
        answer = server.request("POST", f"{OWN_API}/compare", message=message, idempotent=True)
    return Verdict(entities.Verdict.from_json(answer.body))


def save_verdict(
    verdict: Verdict, run_id: str, name: str = "", tracking_uri: str | None = None
) -> str:
    """Keep a verdict at a run, such as the parent of those compared, and return its artifact.

    All of it is the artifact ``verdicts/NAME.json``; what it says is the tag `TAG`.

    Raises:
        InvalidParameterError: the name has other characters than letters, digits, - and _, or the
            run's artifacts are not kept behind the server.
        RequestError: the server refused; the message is its own.
        ServerError: it failed, cannot be reached, or is no Headwater server.
    """
    if name and not name.replace("-", "").replace("_", "").isalnum():
        raise InvalidParameterError(
            f"{name!r} is no name for a verdict; use letters, digits, - and _"
        )
    path = f"{_DIRECTORY}/{name or 'verdict'}.json"
    with connect(tracking_uri) as server:
        place = _artifact_path(get_run(server, run_id)["info"]["artifact_uri"])
        server.request(
            "PUT",
            f"{_ARTIFACTS}/{quote(f'{place}/{path}')}",
            content=verdict.to_json().encode(),
            idempotent=True,
        )
        told = {
            "decision": verdict.decision,
            "headline": verdict.headline,
            "metric": verdict.record.question.metric,
            "artifact": path,
            "version": verdict.record.version,
        }
        tag = {"run_id": run_id, "key": f"{TAG}.{name}" if name else TAG, "value": json.dumps(told)}
        server.post(f"{MLFLOW_API}/runs/set-tag", tag, idempotent=True)
    return path


def _artifact_path(uri: str) -> str:
    path = proxied_path(uri)
    if path is None:
        raise InvalidParameterError(
            f"the artifacts of this run are at {uri.partition(':')[0]}:, not behind the server; "
            "write verdict.to_json() there with mlflow.log_text"
        )
    return path


def _group(group: Group) -> dict[str, Any]:
    if isinstance(group, str):
        return {"filter": group}
    if isinstance(group, Mapping):
        return dict(group)
    return {"run_ids": list(group)}
