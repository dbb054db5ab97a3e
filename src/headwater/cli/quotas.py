"""The limits of artifacts, for the commands on projects and experiments."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from headwater.cli import table
from headwater.entities.artifact_quota import parse_size, size_text

Size = Annotated[
    str | None,
    typer.Argument(metavar="[SIZE]", help="Such as 500GB or 2TiB; none takes the limit away."),
]

_NONE = "none"


def size_given(text: str) -> int | None:
    """Return the bytes of a size; None for ``none``. Raises InvalidParameterError."""
    return None if text.lower() == _NONE else parse_size(text)


def print_quotas(quotas: Sequence[Mapping[str, Any]]) -> None:
    """Print limits, a line each."""
    if not quotas:
        table.note("No limits.")
        return
    columns = [table.Column("of"), table.Column("limit"), table.Column("used")]
    columns.append(table.Column("percent", "text", "%"))
    table.print_rows(columns, [_row(each) for each in quotas], as_csv=False, empty="")


def _row(quota: Mapping[str, Any]) -> Mapping[str, str]:
    is_experiment = quota["experiment_id"] is not None
    owner = f"experiment {quota['name']}" if is_experiment else quota["project"] or "all projects"
    limit, used = quota["limit"], quota["used"]
    told = {"of": owner, "used": size_text(used)}
    if limit is None:
        return {**told, "limit": "no size", "percent": ""}
    return {**told, "limit": size_text(limit), "percent": percent(used, limit)}


def percent(used: int, limit: int) -> str:
    """Return how much of a limit is used, for people."""
    return f"{100 * used / limit:.0f}" if limit else ""
