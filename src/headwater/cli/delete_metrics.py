"""``headwater delete-metrics``: delete metrics of a run."""

from typing import Annotated

import typer

from headwater.cli import server_options as given
from headwater.cli.database import existing_database
from headwater.cli.rewind import Json, RunId, Yes, ask, on_service, print_result
from headwater.tracking.delete_metrics import delete_metrics as delete_metrics_of_run


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("delete-metrics")(delete_metrics)


def delete_metrics(
    run_id: RunId,
    metrics: Annotated[list[str], typer.Argument(metavar="METRIC...", help="The metrics.")],
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Delete metrics of a run with all of their points.

    Servers may go on running. There is no way back.
    """
    backend = existing_database(data_dir, backend_store_uri)
    ask(f"Delete {', '.join(map(repr, metrics))} of run {run_id}", yes)
    changed = on_service(backend, lambda service: delete_metrics_of_run(service, run_id, metrics))
    print_result(run_id, changed, json_output)
