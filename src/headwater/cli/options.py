"""Options that several commands about runs and experiments have."""

from collections.abc import Sequence
from typing import Annotated

import typer

TrackingUri = Annotated[
    str | None,
    typer.Option(envvar="MLFLOW_TRACKING_URI", help="The server, such as http://localhost:5000."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
Filter = Annotated[
    str | None, typer.Option("--filter", "-f", help="What must hold, as in MLflow's searches.")
]
OrderBy = Annotated[
    list[str] | None,
    typer.Option("--order-by", "-o", help='Such as "metrics.loss ASC"; may be repeated.'),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", "-c", help="What to show, such as metrics.loss,params.lr; may be repeated."
    ),
]

Among = Annotated[
    list[str] | None,
    typer.Option("--experiment", "-e", help="By id or name; may be repeated. All by default."),
]
WithinProject = Annotated[
    str | None, typer.Option("--project", "-p", help="The experiments of a project.")
]
Reduction = Annotated[
    str, typer.Option(help="last, first, min, max, mean, mean:COUNT, at:STEP or area.")
]


def named_columns(columns: Sequence[str] | None) -> list[str] | None:
    """Return the names in the values of `Columns`; None where the option was not given."""
    if columns is None:
        return None
    return [name.strip() for each in columns for name in each.split(",")]
