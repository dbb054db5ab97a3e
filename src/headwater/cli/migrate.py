"""``headwater migrate``: move the metric rows of MLflow's table into chunks."""

import asyncio
import json
import time
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from headwater.cli import server_options as given
from headwater.cli.database import existing_database, named_database
from headwater.cli.doctor import gain_lines, size
from headwater.cli.progress import progress
from headwater.errors import ConfigurationError
from headwater.mlflow_release import installed_release
from headwater.storage.backend import Backend
from headwater.storage.doctor import examine
from headwater.storage.metrics import mlflow_rows
from headwater.storage.metrics.migrate import Migrated, migrate_run
from headwater.storage.metrics.pace import Pace
from headwater.storage.metrics.verify import differing, fingerprints

Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Several times as fast; refuses to start while another process has the SQLite file "
        "open, and keeps all others out meanwhile.",
    ),
]
Rate = Annotated[
    float | None, typer.Option("--rate", min=1, help="Points a second, at most.  [default: any]")
]
Share = Annotated[
    float,
    typer.Option(
        "--share",
        min=0.01,
        max=1,
        help="Part of the time for which other writers may have to wait.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("migrate")(migrate)


def migrate(
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done and gained; write nothing.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare every history before and after, run by run."),
    ] = False,
    rate: Rate = None,
    share: Share = 0.5,
    offline: Offline = False,
    vacuum: Annotated[
        bool,
        typer.Option("--vacuum", help="Give the space back to the file system at the end."),
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Move the metric points in MLflow's own table into compressed chunks.

    Servers may go on running. Stopped half-way, nothing is lost: run it again. The way back is
    `headwater export-metrics`.
    """
    if plan:
        _print_plan(named_database(data_dir, backend_store_uri), json_output)
        return
    if offline and (verify or rate is not None):
        raise ConfigurationError("--offline goes with neither --verify nor --rate; leave one out")
    backend = existing_database(data_dir, backend_store_uri)
    before, started = _bytes(backend), time.monotonic()
    if offline:
        migrated, wrong = _migrate_offline(backend), list[tuple[str, str]]()
    else:
        migrated, wrong = asyncio.run(_migrate(backend, Pace(rate=rate, share=share), verify))
    seconds = time.monotonic() - started
    if vacuum:
        with Console(stderr=True).status("Giving the space back"):
            backend.give_back_space()
    result = {
        "database": backend.name,
        "runs": migrated.runs,
        "points": migrated.points,
        "left_rows": migrated.left,
        "differing": [{"run_id": run_id, "key": key} for run_id, key in wrong],
        "seconds": round(seconds, 3),
        "bytes_before": before,
        "bytes_after": _bytes(backend),
    }
    if json_output:
        print(json.dumps(result))
    else:
        _print(result, verify=verify, vacuum=vacuum)
    _print_problems(migrated, wrong)
    if migrated.left or wrong:
        raise typer.Exit(1)


Differing = list[tuple[str, str]]
"""(run id, key) of histories that say something else afterwards."""


async def _migrate(backend: Backend, pace: Pace, verify: bool) -> tuple[Migrated, Differing]:
    database, metrics = backend.open()
    total, wrong = Migrated(), []
    try:
        with progress("Migrating points") as bar:
            task = bar.add_task("migrate", total=await database.read(mlflow_rows.count))
            pace.progress = lambda points: bar.advance(task, points)
            run = await database.read(partial(mlflow_rows.next_run, after=""))
            while run is not None:
                read = partial(fingerprints, metrics=metrics, run_id=run)
                before = await database.read(read) if verify else {}
                total = total.plus(await migrate_run(database, run, pace))
                if verify:
                    wrong += [(run, key) for key in differing(before, await database.read(read))]
                run = await database.read(partial(mlflow_rows.next_run, after=run))
        return total, wrong
    finally:
        database.close()


def _migrate_offline(backend: Backend) -> Migrated:
    with progress("Migrating points") as bar:
        with backend.surveyed() as survey:
            task = bar.add_task("migrate", total=mlflow_rows.count(survey.connection))
        return backend.migrate_offline(lambda points: bar.advance(task, points))


def _print_plan(backend: Backend, json_output: bool) -> None:
    with Console(stderr=True).status("Counting"), backend.surveyed() as survey:
        report = examine(survey, installed_release(), time.time_ns() // 1_000_000)
    if json_output:
        found = {"rows": report.gain.rows, "bytes": report.gain.bytes}
        estimated = {"bytes_as_chunks": report.gain.bytes_as_chunks}
        print(json.dumps({"database": backend.name, **found, **estimated}))
        return
    print(f"{report.gain.rows:,} metric points of {backend.name} would be moved into chunks.")
    for label, text in gain_lines(report):
        print(f"{label:<20}  {text}")


def _print(result: dict[str, Any], *, verify: bool, vacuum: bool) -> None:
    rate = result["points"] / max(result["seconds"], 0.001)
    moved = f"{result['points']:,} points of {result['runs']:,} runs in {result['database']}"
    print(f"Migrated {moved} in {result['seconds']:,.1f} s, {rate:,.0f} points a second.")
    if verify and not result["differing"]:
        print("Every history says what it said before.")
    before, after = size(result["bytes_before"]), size(result["bytes_after"])
    if vacuum:
        print(f"The database took {before} and takes {after} now.")
    elif result["points"]:
        print(f"The database takes {after}; --vacuum gives back what is not used any more.")


def _print_problems(migrated: Migrated, wrong: Differing) -> None:
    console = Console(stderr=True, soft_wrap=True, style="yellow")
    for run_id, key in wrong:
        console.print(f"run {run_id}, metric {key!r}: its history differs", markup=False)
    if migrated.left:
        console.print(
            f"{migrated.left:,} rows stay: they were written meanwhile (run it again), "
            "or chunks of their metrics are damaged (headwater check tells)."
        )


def _bytes(backend: Backend) -> int:
    with backend.surveyed() as survey:
        return survey.sizes.total
