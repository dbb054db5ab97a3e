"""``headwater compact``: move all metric points into compressed chunks now."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console

from headwater.cli import server_options as given
from headwater.cli.database import existing_database
from headwater.cli.progress import progress
from headwater.storage.backend import Backend
from headwater.storage.metrics.compact import Compacted, compact_run, waiting


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("compact")(compact)


def compact(
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Move every metric point into compressed chunks, which a server does in the background.

    Servers may go on running. Stopping the command half-way loses nothing.
    """
    backend = existing_database(data_dir, backend_store_uri)
    result = asyncio.run(_compact_all(backend))
    if json_output:
        print(
            json.dumps(
                {
                    "database": backend.name,
                    "blocks": result.blocks,
                    "points": result.points,
                    "left_blocks": result.left_blocks,
                }
            )
        )
    else:
        print(
            f"Compacted {result.points:,} points of {result.blocks:,} requests in {backend.name}."
        )
    if result.left_blocks:
        Console(stderr=True).print(
            f"{result.left_blocks:,} blocks stay: they, or a chunk of their series, are damaged.",
            style="yellow",
        )
        raise typer.Exit(1)


async def _compact_all(backend: Backend) -> Compacted:
    database, _ = backend.open()
    try:
        runs = await database.read(waiting)
        total = Compacted()
        with progress("Compacting points") as bar:
            task = bar.add_task("compact", total=sum(run.points for run in runs))
            for run in runs:
                total = total.plus(await compact_run(database, run.run_id))
                bar.advance(task, run.points)
        return total
    finally:
        database.close()
