"""``headwater searches``: searches for runs that have a name."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from headwater.cli import table
from headwater.cli.experiments import experiment_ids
from headwater.cli.options import (
    Columns,
    Csv,
    Filter,
    Json,
    OrderBy,
    TrackingUri,
    named_columns,
)
from headwater.cli.table import Column
from headwater.client import saved_searches as client
from headwater.client.connection import connect

Search = Annotated[str, typer.Argument(metavar="SEARCH", help="Its id or name.")]
Name = Annotated[str | None, typer.Option(help="A new name.")]
Project = Annotated[
    str | None, typer.Option("--project", "-p", help="Of the runs in this project and below it.")
]
Experiment = Annotated[
    str | None, typer.Option("--experiment", "-e", help="Of this experiment, by id or name.")
]

_COLUMNS = (
    Column("search_id", "id"),
    Column("name"),
    Column("project"),
    Column("experiment_id", "id", "experiment"),
    Column("filter"),
    Column("order_by"),
    Column("columns"),
    Column("updated_at", "time"),
)
_SHOWN = ("search_id", "name", "project", "experiment_id", "filter")


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    searches = typer.Typer(
        no_args_is_help=True, help="Saved searches; runs list --search uses them."
    )
    searches.command("list")(list_searches)
    searches.command("show")(show)
    searches.command("create")(create)
    searches.command("update")(update)
    searches.command("delete")(delete)
    app.add_typer(searches, name="searches")


def list_searches(
    project: Project = None,
    experiment: Experiment = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """List saved searches."""
    table.require_one_format(json_output, csv_output)
    with connect(tracking_uri) as server:
        experiment_id = experiment_ids(server, [experiment])[0] if experiment else None
        found = client.list_saved_searches(server, project, experiment_id)
    if json_output:
        table.print_json(found)
    else:
        rows = [_row(search) for search in found]
        shown = [column for column in _COLUMNS if column.name in _SHOWN]
        empty = "No saved searches."
        table.print_rows(_COLUMNS, rows, as_csv=csv_output, empty=empty, shown=shown)


def show(search: Search, tracking_uri: TrackingUri = None, json_output: Json = False) -> None:
    """Show a saved search."""
    with connect(tracking_uri) as server:
        _print(client.find_saved_search(server, search), json_output)


def create(
    name: Annotated[str, typer.Argument(help="Its name.")],
    project: Project = None,
    experiment: Experiment = None,
    text: Filter = None,
    order_by: OrderBy = None,
    columns: Columns = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Save a search of a project, of an experiment or of all runs."""
    with connect(tracking_uri) as server:
        given = {
            "name": name,
            "project": project,
            "experiment_id": experiment_ids(server, [experiment])[0] if experiment else None,
            "filter": text,
            "order_by": order_by,
            "columns": named_columns(columns),
        }
        _print(client.create_saved_search(server, _given(given)), json_output)


def update(
    search: Search,
    name: Name = None,
    text: Filter = None,
    order_by: OrderBy = None,
    columns: Columns = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Change a saved search; what no option names stays."""
    with connect(tracking_uri) as server:
        given = {
            "search_id": client.find_saved_search(server, search)["search_id"],
            "name": name,
            "filter": text,
            "order_by": order_by,
            "columns": named_columns(columns),
        }
        _print(client.update_saved_search(server, _given(given)), json_output)


def delete(
    search: Search,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tracking_uri: TrackingUri = None,
) -> None:
    """Delete a saved search; the runs stay."""
    with connect(tracking_uri) as server:
        found = client.find_saved_search(server, search)
        if not yes:
            typer.confirm(f"Delete the search {found['name']!r}?", abort=True, err=True)
        client.delete_saved_search(server, found["search_id"])


def _print(search: Mapping[str, Any], json_output: bool) -> None:
    if json_output:
        table.print_json(search)
        return
    row = _row(search)
    table.print_fields([(c.name, table.cell(row[c.name], c.kind)) for c in _COLUMNS])


def _row(search: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the search with its lists as one text each."""
    lists = {name: ", ".join(search[name]) for name in ("order_by", "columns")}
    return {**search, **lists}


def _given(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in message.items() if value is not None}
