"""``headwater reproduce``: the recipe to do a run again, and whether it comes out the same."""

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli import table
from headwater.cli.options import Json, TrackingUri
from headwater.cli.run_output import capture_of
from headwater.client import runs as client
from headwater.client.captures import get_captures, get_diff
from headwater.client.connection import Connection, connect
from headwater.client.reproduce.compare import Compared, compare
from headwater.client.reproduce.execute import execute, find_tools, write_recipe
from headwater.client.reproduce.recipe import Recipe, plan_recipe
from headwater.client.reproduce.steps import plan_steps
from headwater.entities import reproduction
from headwater.errors import ReproductionError

_URI = "MLFLOW_TRACKING_URI"
_SEEN_SECONDS = 30.0
"""How long the new run is waited for after its program has ended."""

_COLUMNS = (
    table.Column("key", title="metric"),
    table.Column("original", "number"),
    table.Column("again", "number"),
    table.Column("difference", "number"),
    table.Column("is_same", title="same"),
)


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("reproduce")(reproduce)


def reproduce(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Directory of the recipe; reproduce- and the id's beginning unless set."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Repository to clone instead of the one that the run names.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="What to run instead of the run's own command line.")
    ] = None,
    carry_out: Annotated[
        bool, typer.Option("--execute", "-x", help="Carry the recipe out, and compare.")
    ] = False,
    current_environment: Annotated[
        bool, typer.Option(help="Use the packages of this command, instead of installing.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Relative difference up to which a metric is the same.")
    ] = 0.001,
    metrics: Annotated[
        str | None, typer.Option(help="Compare only these, with commas between them.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Write what it takes to do a run again; with --execute, do it and compare the metrics.

    Exits with 1 where a metric differs.
    """
    with connect(tracking_uri) as server:
        run = client.get_run(server, run_id)
        captured = capture_of(get_captures(server, run_id), run_id, 0).captured
        diff = get_diff(server, run_id)
        recipe = plan_recipe(run, captured, diff, repository=source, command=command)
        directory = output or Path(f"reproduce-{run_id[:12]}")
        variables = {_URI: tracking_uri or os.environ.get(_URI, "")}
        write_recipe(recipe, directory, variables)
        for doubt in recipe.doubts:
            table.note(f"Note: {doubt}.")
        if not carry_out:
            _tell_written(recipe, directory, as_json=json_output)
            return
        if not yes:
            typer.confirm(
                f"Run {shlex.join(recipe.command)} of commit {recipe.commit[:12] or 'none'} here?",
                abort=True,
                err=True,
            )
        _carry_out(recipe, directory, variables, current_environment=current_environment)
        again = _find_again(server, recipe, run["info"].get("run_name", ""))
    found = compare(recipe.metrics, _metrics(again), tolerance, _named(metrics))
    _tell_compared(found, again, as_json=json_output)
    if not all(each.is_same for each in found):
        sys.exit(1)


def _named(metrics: str | None) -> Sequence[str]:
    return [name.strip() for name in metrics.split(",")] if metrics else ()


def _carry_out(
    recipe: Recipe, directory: Path, variables: Mapping[str, str], *, current_environment: bool
) -> None:
    tools = None if current_environment else find_tools(recipe.python)
    steps = plan_steps(recipe, tools, sys.executable, variables)
    for number, step in enumerate(steps, 1):
        table.note(f"[{number}/{len(steps)}] {step.title}")
        execute(step, directory, is_shown=step is steps[-1])


def _find_again(server: Connection, recipe: Recipe, name: str) -> Mapping[str, Any]:
    """Return the run that the program has made: the last one, of the same name where there is one.

    Raises:
        ReproductionError: there is none.
    """
    text = f"tags.`{reproduction.TAG}` = '{recipe.run_id}'"
    until = time.monotonic() + _SEEN_SECONDS
    while True:
        found = client.search_runs(
            server, [recipe.experiment_id], text, ["start_time DESC"], "ACTIVE_ONLY", 100
        )
        ended = [run for run in found.runs if run["info"]["status"] != "RUNNING"]
        if ended:
            named = [run for run in ended if run["info"].get("run_name") == name]
            return (named or ended)[0]
        if time.monotonic() > until:
            raise ReproductionError(
                "the program has ended, but made no run in the experiment of the original; it must "
                "log by mlflow or headwater to the same server"
            )
        time.sleep(1)


def _metrics(run: Mapping[str, Any]) -> Mapping[str, float]:
    return {each["key"]: float(each["value"]) for each in run["data"].get("metrics", ())}


def _tell_written(recipe: Recipe, directory: Path, *, as_json: bool) -> None:
    if as_json:
        told = {"directory": str(directory), "doubts": recipe.doubts}
        table.print_json({**told, "command": recipe.command, "commit": recipe.commit})
    else:
        print(f"The recipe is in {directory}; to carry it out: {directory}/run.sh")


def _tell_compared(found: Sequence[Compared], again: Mapping[str, Any], *, as_json: bool) -> None:
    run_id = again["info"]["run_id"]
    if as_json:
        table.print_json({"run_id": run_id, "metrics": [asdict(each) for each in found]})
        return
    rows = [{**asdict(each), "is_same": "yes" if each.is_same else "no"} for each in found]
    table.print_rows(_COLUMNS, rows, as_csv=False, empty="The run has no metrics to compare.")
    differing = sum(not each.is_same for each in found)
    told = f"{table.counted(differing, 'metric')} differ" if differing else "All metrics agree"
    table.note(f"{told}; the new run is {run_id}.")
