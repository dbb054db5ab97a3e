"""``headwater runs``: list, show and move runs, and what they have printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from headwater.cli import pareto, run_output, run_rows, table
from headwater.cli.experiments import VIEW_TYPES, View, experiment_ids
from headwater.cli.options import (
    Columns,
    Csv,
    Filter,
    Json,
    OrderBy,
    TrackingUri,
    named_columns,
)
from headwater.client import runs as client
from headwater.client.connection import Connection, connect
from headwater.client.experiments import find_experiment
from headwater.client.projects import list_projects
from headwater.client.saved_searches import find_saved_search
from headwater.entities.run_field import RunField, parse_column
from headwater.errors import InvalidParameterError

Experiments = Annotated[
    list[str] | None,
    typer.Option("--experiment", "-e", help="Of this experiment, by id or name; may be repeated."),
]
Project = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Of the experiments in this project and below it."),
]
_USUAL = tuple(
    RunField("attribute", key) for key in ("run_name", "status", "start_time", "duration")
)
_MOST_MOVED = 10_000
"""In one request."""


@dataclass(frozen=True)
class _Search:
    """What is looked for, from the options or from a saved search."""

    experiment_ids: Sequence[str]
    filter: str
    order_by: Sequence[str]
    columns: Sequence[RunField]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    runs = typer.Typer(no_args_is_help=True, help="List, show and move runs; read their output.")
    runs.command("list")(list_runs)
    runs.command("show")(show)
    runs.command("move")(move)
    run_output.register(runs)
    pareto.register(runs)
    app.add_typer(runs, name="runs")


def list_runs(
    experiment: Experiments = None,
    project: Project = None,
    text: Filter = None,
    order_by: OrderBy = None,
    columns: Columns = None,
    search: Annotated[
        str | None,
        typer.Option("--search", "-s", help="A saved search; other options replace parts of it."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most runs to show.")] = 100,
    view: View = "active",
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """List runs of experiments, of a project or of all."""
    table.require_one_format(json_output, csv_output)
    with connect(tracking_uri) as server:
        asked = _search(server, search, experiment or (), project, text, order_by, columns)
        where = (asked.experiment_ids, asked.filter, asked.order_by, VIEW_TYPES[view], limit)
        if asked.columns or not (json_output or csv_output):
            shown = run_rows.with_id(asked.columns or _USUAL)
            found = client.search_rows(server, *where, shown)
            rows, more = found.rows, found.more
            as_json = [run_rows.as_json(row, shown) for row in rows]
        else:  # programs get everything that the runs have
            whole = client.search_runs(server, *where)
            shown, more = run_rows.all_columns(whole.runs), whole.more
            rows = run_rows.rows_of(whole.runs, shown)
            as_json = [run_rows.run_as_json(run) for run in whole.runs]
    if json_output:
        table.print_json(as_json)
    else:
        columns_shown = run_rows.table_columns(shown)
        table.print_rows(columns_shown, rows, as_csv=csv_output, empty="No runs match.")
    if more:
        some = table.counted(limit, "run")
        table.note(f"There are more than {some}; --limit shows more of them.")


def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")],
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Show a run: its attributes, params, latest metrics and tags."""
    with connect(tracking_uri) as server:
        run = client.get_run(server, run_id)
    if json_output:
        table.print_json(run_rows.run_as_json(run))
    else:
        run_rows.print_run(run)


def move(
    to: Annotated[
        str, typer.Option(metavar="EXPERIMENT", help="Where the runs go: an id or a name.")
    ],
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN_ID]...", help="The runs.")
    ] = None,
    experiment: Experiments = None,
    text: Filter = None,
    children: Annotated[
        bool, typer.Option(help="Take the runs that are nested below them along.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Move runs to another experiment, all or none; name them, or say with -e and -f which.

    Their artifacts stay where they are.
    """
    if bool(run_ids) == bool(experiment):
        raise typer.BadParameter("name runs, or the --experiment that they are in; not both")
    with connect(tracking_uri) as server:
        target = str(find_experiment(server, to)["experiment_id"])
        if run_ids is None or not run_ids:
            run_ids = _matching(server, experiment or (), text or "")
            if not run_ids:
                table.note("No runs match.")
                return
            if not yes:
                typer.confirm(
                    f"Move {table.counted(len(run_ids), 'run')} to {to}?", abort=True, err=True
                )
        done = client.move_runs(server, run_ids, target, children=children)
    if json_output:
        table.print_json(done)
    else:
        print(_moved(done, to))


def _matching(server: Connection, experiments: Sequence[str], text: str) -> list[str]:
    ids = experiment_ids(server, experiments)
    found = client.search_runs(server, ids, text, (), "ACTIVE_ONLY", _MOST_MOVED)
    if found.more:
        raise InvalidParameterError(
            f"more than {_MOST_MOVED:,} runs match; move them in parts, with a narrower --filter"
        )
    return [run["info"]["run_id"] for run in found.runs]


def _moved(done: Mapping[str, Any], to: str) -> str:
    text = f"Moved {table.counted(len(done['moved']), 'run')} to {to}"
    along = [
        table.counted(done[f"{noun}s"], noun) for noun in ("model", "trace") if done[f"{noun}s"]
    ]
    text += f", with {' and '.join(along)}" if along else ""
    there = len(done["unchanged"])
    return f"{text}; {there:,} already there." if there else f"{text}."


def _search(
    server: Connection,
    search: str | None,
    experiments: Sequence[str],
    project: str | None,
    text: str | None,
    order_by: Sequence[str] | None,
    columns: Sequence[str] | None,
) -> _Search:
    """Return what is asked for; each option that is given replaces what the saved search says."""
    saved: Mapping[str, Any] = {} if search is None else find_saved_search(server, search)
    if experiments and project is not None:
        raise InvalidParameterError("--experiment and --project exclude each other")
    if not experiments and project is None:
        project = saved.get("project")
        experiments = [saved["experiment_id"]] if saved.get("experiment_id") else ()
    if experiments:
        ids = experiment_ids(server, experiments)
    else:
        placed = list_projects(server, project or "", "ALL")["experiments"]
        ids = [experiment["experiment_id"] for experiment in placed]
    return _Search(
        ids,
        text or saved.get("filter", ""),
        order_by or saved.get("order_by", ()),
        [parse_column(name) for name in named_columns(columns) or saved.get("columns", ())],
    )
