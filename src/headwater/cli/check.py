"""``headwater check``: verify what is stored of metrics, and put right what can be."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli import server_options as given
from headwater.cli.artifact_check import check_artifacts
from headwater.cli.artifact_store import existing_store
from headwater.cli.database import existing_database
from headwater.cli.progress import progress
from headwater.server.settings import artifacts_destination as default_destination
from headwater.storage.backend import Backend
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.check import Problem, check_run, runs_with_points


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("check")(check)


def check(
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Read all files of the artifact store as well.")
    ] = False,
    artifacts_destination: given.ArtifactsDestination = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be, and tell what cannot.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Verify every checksum of metric points, and all that is derived from them.

    With --artifacts, also every file of the artifact store, and that nothing of it is missing.

    Exit status 1 tells that something is wrong and was not repaired.
    """
    backend = existing_database(data_dir, backend_store_uri)
    destination = artifacts_destination or default_destination(
        data_dir, backend_store_uri, Path.cwd()
    )
    report = None
    if artifacts:
        with contextlib.closing(existing_store(destination, data_dir)) as store:
            report = check_artifacts(store)
    runs, found = asyncio.run(_check_all(backend, repair=repair))
    unrepaired = sum(not repaired for _, repaired in found)
    if json_output:
        problems = [_as_json(problem, repaired) for problem, repaired in found]
        told = {"database": backend.name, "runs": runs, "problems": problems}
        print(json.dumps(told | ({} if report is None else {"artifacts": report.as_json()})))
    else:
        for problem, repaired in found:
            print(_line(problem, repaired))
        problems_found = f"{len(found):,} problems, {unrepaired:,} left"
        print(f"Checked {runs:,} runs in {backend.name}: {problems_found}.")
        for line in () if report is None else report.lines():
            print(line)
    if unrepaired or (report is not None and not report.is_sound):
        raise typer.Exit(1)


def _as_json(problem: Problem, repaired: bool) -> dict[str, Any]:
    return {
        "run_id": problem.run_id,
        "key": problem.key,
        "problem": problem.text,
        "repairable": problem.repair is not None,
        "repaired": repaired,
    }


def _line(problem: Problem, repaired: bool) -> str:
    metric = "" if problem.key is None else f", metric {problem.key!r}"
    end = " (repaired)" if repaired else " (--repair mends it)" if problem.repair else ""
    return f"run {problem.run_id}{metric}: {problem.text}{end}"


async def _check_all(backend: Backend, *, repair: bool) -> tuple[int, list[tuple[Problem, bool]]]:
    """Return how many runs were checked, and each problem with whether it was repaired."""
    database, _ = backend.open()
    try:
        runs = database.read_now(runs_with_points)
        found: list[tuple[Problem, bool]] = []
        with progress("Checking runs") as bar:
            for run_id in bar.track(runs):
                problems = database.read_now(lambda c, run_id=run_id: list(check_run(c, run_id)))  # type: ignore[misc]
                if repair and problems:
                    repaired = await database.write(
                        lambda c, problems=problems: [_repair(c, p) for p in problems],  # type: ignore[misc]
                        long=True,
                    )
                else:
                    repaired = [False] * len(problems)
                found += zip(problems, repaired, strict=True)
        return len(runs), found
    finally:
        database.close()


def _repair(connection: Connection, problem: Problem) -> bool:
    return problem.repair is not None and connection.execute(*problem.repair).rowcount == 1
