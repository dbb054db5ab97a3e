"""Runs, asked of a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.client.connection import MLFLOW_API, OWN_API, Connection
from headwater.entities.run_field import ENTITIES, RunField

_PAGE = 1_000
_ROWS = 20_000
"""In one request."""

Run = Mapping[str, Any]
"""MLflow's message of a run."""


Row = Mapping[str, Any]
"""Values of a run by the titles of their columns."""


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The first runs that a search finds, in chosen columns."""

    rows: Sequence[Row]
    more: bool
    """Whether there are other runs."""


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """The first runs that a search finds."""

    runs: Sequence[Run]
    more: bool
    """Whether there are others."""


def search_rows(
    connection: Connection,
    experiment_ids: Sequence[str],
    text: str,
    order_by: Sequence[str],
    view: str,
    limit: int,
    columns: Sequence[RunField],
) -> FoundRows:
    """Return columns of the first `limit` runs of the experiments that match a filter, in order."""
    rows: list[Row] = []
    message: dict[str, Any] = {
        "experiment_ids": list(experiment_ids),
        "filter": text,
        "order_by": list(order_by),
        "run_view_type": view,
        **{
            entity: [column.key for column in columns if column.entity == entity]
            for entity in ENTITIES
        },
    }
    while experiment_ids:
        message["max_results"] = min(_ROWS, limit - len(rows))
        page = connection.post(f"{OWN_API}/runs/search", message, idempotent=True)
        values = [page["columns"][column.name] for column in columns]
        titles = [column.name for column in columns]
        rows += [dict(zip(titles, row, strict=True)) for row in zip(*values, strict=True)]
        token = page.get("next_page_token")
        if not token or len(rows) >= limit:
            return FoundRows(rows, bool(token))
        message["page_token"] = token
    return FoundRows((), False)


def search_runs(
    connection: Connection,
    experiment_ids: Sequence[str],
    text: str,
    order_by: Sequence[str],
    view: str,
    limit: int,
) -> FoundRuns:
    """Return the first `limit` runs of the experiments that match a filter, whole, in order."""
    found: list[Run] = []
    message = {
        "experiment_ids": list(experiment_ids),
        "filter": text,
        "order_by": list(order_by),
        "run_view_type": view,
    }
    token = None
    while experiment_ids and len(found) <= limit:
        size = min(_PAGE, limit + 1 - len(found))
        asked = {**message, "max_results": size, **({"page_token": token} if token else {})}
        page = connection.post(f"{MLFLOW_API}/runs/search", asked, idempotent=True)
        found += page.get("runs", ())
        if not (token := page.get("next_page_token")):
            break
    return FoundRuns(found[:limit], len(found) > limit)


def get_run(connection: Connection, run_id: str) -> Run:
    """Return a run.

    Raises:
        NotFoundError: there is none of that id.
    """
    run: Run = connection.get(f"{MLFLOW_API}/runs/get", {"run_id": run_id})["run"]
    return run


def move_runs(
    connection: Connection, run_ids: Sequence[str], experiment_id: str, *, children: bool
) -> Mapping[str, Any]:
    """Move runs to an experiment, all or none."""
    message = {"run_ids": list(run_ids), "experiment_id": experiment_id, "children": children}
    answer: Mapping[str, Any] = connection.post(f"{OWN_API}/runs/move", message)
    return answer


def value_of(run: Run, column: RunField) -> Any:
    """Return what a run has in a column, None where it has nothing there."""
    if column.entity == "attributes":
        return _attribute(run["info"], column.key)
    items = run["data"].get(column.entity, ())
    return next((item["value"] for item in items if item["key"] == column.key), None)


def columns_of(runs: Sequence[Run]) -> Sequence[RunField]:
    """Return every metric, param and tag that one of the runs has, each kind in order."""
    return [
        RunField(ENTITIES[entity], key)
        for entity in ("metrics", "params", "tags")
        for key in sorted({i["key"] for run in runs for i in run["data"].get(entity, ())})
    ]


def _attribute(info: Mapping[str, Any], key: str) -> Any:
    if key == "duration":
        start, end = info.get("start_time"), info.get("end_time")
        return end - start if start is not None and end is not None else None
    return info.get(key)
