"""Search runs into a data frame by one request."""

import importlib
from collections.abc import Sequence
from typing import Any, Literal

from headwater.client.connection import OWN_API, connect
from headwater.errors import ConfigurationError

ARROW_TYPE = "application/vnd.apache.arrow.stream"

Frame = Literal["pandas", "polars", "arrow"]


def search(
    experiments: str | Sequence[str] = (),
    filter: str = "",  # what it is called everywhere
    *,
    experiment_ids: Sequence[str] = (),
    order_by: Sequence[str] = (),
    metrics: Sequence[str] = (),
    params: Sequence[str] = (),
    tags: Sequence[str] = (),
    attributes: Sequence[str] = ("run_id", "run_name", "status", "start_time"),
    group_by: Sequence[str] = (),
    aggregates: Sequence[str] = (),
    distinct: str | None = None,
    histogram: str | None = None,
    bins: int = 20,
    view: Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] = "ACTIVE_ONLY",
    max_results: int | None = None,
    frame: Frame = "pandas",
    tracking_uri: str | None = None,
) -> Any:
    """Return the runs that a filter finds as a data frame with the columns that are named.

    Columns are called as in `mlflow.search_runs`: ``run_id``, ``metrics.loss``, ``params.lr``,
    ``tags.team``. With `group_by` or `aggregates` there is a row a group, with `distinct` a row a
    value, with `histogram` a row a bin. `experiments` are names. All runs come unless
    `max_results` says how many, and up to 10 million values in a request; more take several.
    The server is `tracking_uri`, or else MLFLOW_TRACKING_URI's.

    Raises:
        ConfigurationError: no server is named, or what the frame needs is not installed.
        RequestError: the server refused; the message is its own.
        ServerError: it failed, cannot be reached, or is no Headwater server.
    """
    message: dict[str, Any] = {
        "experiment_ids": list(experiment_ids),
        "experiment_names": [experiments] if isinstance(experiments, str) else list(experiments),
        "filter": filter,
        "order_by": list(order_by),
        "run_view_type": view,
        "attributes": list(attributes),
        "metrics": list(metrics),
        "params": list(params),
        "tags": list(tags),
        "group_by": list(group_by),
        "aggregates": list(aggregates),
        "distinct": distinct,
        "histogram": histogram,
        "bins": bins,
        "max_results": max_results,
        "format": "arrow",
    }
    arrow = _module("pyarrow", frame)
    tables: list[Any] = []
    with connect(tracking_uri) as server:
        while True:
            answer = server.request(
                "POST",
                f"{OWN_API}/runs/search",
                message=message,
                accept=ARROW_TYPE,
                idempotent=True,
            )
            table = arrow.ipc.open_stream(answer.body).read_all()
            tables.append(table.replace_schema_metadata(None))
            token = (table.schema.metadata or {}).get(b"next_page_token")
            if token is None or max_results is not None:
                break
            message["page_token"] = token.decode()
    return _framed(arrow.concat_tables(tables), frame)


def _framed(table: Any, frame: Frame) -> Any:
    if frame == "pandas":
        _module("pandas", frame)
        return table.to_pandas()
    if frame == "polars":
        return _module("polars", frame).from_arrow(table)
    return table


def _module(name: str, frame: Frame) -> Any:
    # Large, and not needed by those who only import headwater.
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"frame={frame!r} needs {name} ({error}); run: pip install {name}"
        ) from error
