"""``headwater export-metrics``: give every point back to MLflow's own table."""

import asyncio
import json
from typing import Annotated

import typer

from headwater.cli import server_options as given
from headwater.cli.database import existing_database
from headwater.cli.progress import progress
from headwater.storage.backend import Backend
from headwater.storage.metrics.export import Exported, export, stored


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("export-metrics")(export_metrics)


def export_metrics(
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the points in Headwater's table as well.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Write every metric point into MLflow's own table, so that plain MLflow shows it.

    Stop the server first. Stopping the command half-way loses nothing: run it again.
    """
    backend = existing_database(data_dir, backend_store_uri)
    result = asyncio.run(_export(backend, keep))
    if json_output:
        print(
            json.dumps({"database": backend.name, "blocks": result.blocks, "points": result.points})
        )
    else:
        print(f"Exported {result.points:,} points of {result.blocks:,} requests to {backend.name}.")


async def _export(backend: Backend, keep: bool) -> Exported:
    database, _ = backend.open()
    try:
        total = await database.read(stored)
        with progress("Exporting points") as bar:
            task = bar.add_task("export", total=total.points)
            return await export(
                database, keep=keep, progress=lambda done: bar.update(task, completed=done.points)
            )
    finally:
        database.close()
