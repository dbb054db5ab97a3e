"""``headwater rewind``: delete the points of a run after a step."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer

from headwater.cli import server_options as given
from headwater.cli.database import existing_database
from headwater.mlflow_release import installed_release
from headwater.storage.backend import Backend
from headwater.storage.metrics.rewind import Rewound
from headwater.tracking.rewind import rewind as rewind_run
from headwater.tracking.service import TrackingService

RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("rewind")(rewind)


def rewind(
    run_id: RunId,
    after_step: Annotated[
        int,
        typer.Option(
            min=-(1 << 63), max=(1 << 63) - 2, help="The last step that stays.", show_default=False
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only this metric; may be repeated.  [default: all of the run]"),
    ] = None,
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Delete the points of a run after a step, as when training goes on from a checkpoint.

    Servers may go on running. There is no way back.
    """
    backend = existing_database(data_dir, backend_store_uri)
    which = "every metric" if metric is None else ", ".join(map(repr, metric))
    ask(f"Delete the points of {which} of run {run_id} after step {after_step}", yes)
    print_result(
        run_id,
        on_service(
            backend, lambda service: rewind_run(service, run_id, metric, since=after_step + 1)
        ),
        json_output,
    )


def ask(question: str, yes: bool) -> None:
    """Go on only where the user says so."""
    if not yes:
        typer.confirm(f"{question}?", abort=True, err=True)


def on_service(
    backend: Backend, work: Callable[[TrackingService], Awaitable[list[Rewound]]]
) -> list[Rewound]:
    """Do the work on a database that no server of ours need serve."""

    async def do() -> list[Rewound]:
        database, metrics = backend.open()
        try:
            behaviour = installed_release().behaviour
            return await work(TrackingService(database, metrics, "", behaviour))
        finally:
            database.close()

    return asyncio.run(do())


def print_result(run_id: str, changed: Sequence[Rewound], json_output: bool) -> None:
    """Tell which metrics have changed, and how."""
    if json_output:
        metrics = [
            {"key": metric.key, "deleted": metric.deleted, "last_step": metric.last_step}
            for metric in changed
        ]
        print(json.dumps({"run_id": run_id, "metrics": metrics}))
        return
    if not changed:
        print(f"Run {run_id} had no such points.")
    for metric in changed:
        left = "nothing is left" if metric.last_step is None else f"ends at {metric.last_step:,}"
        print(f"{metric.key}: deleted {metric.deleted:,} points, {left}")
