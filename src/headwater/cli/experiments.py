"""``headwater experiments``: list, show, create and move experiments."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from headwater.cli import table
from headwater.cli.options import Csv, Filter, Json, OrderBy, TrackingUri
from headwater.cli.quotas import Size, print_quotas, size_given
from headwater.cli.table import Column
from headwater.client import experiments as client
from headwater.client.connection import Connection, connect
from headwater.client.projects import list_projects
from headwater.client.quotas import list_quotas, set_quota
from headwater.errors import InvalidParameterError

Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Its id or name.")]
View = Annotated[
    Literal["active", "deleted", "all"], typer.Option(help="Which lifecycle stages to show.")
]
VIEW_TYPES = {"active": "ACTIVE_ONLY", "deleted": "DELETED_ONLY", "all": "ALL"}

_COLUMNS = (
    Column("experiment_id", "id", "id"),
    Column("name"),
    Column("project"),
    Column("runs", "number"),
    Column("last_activity", "time", "last activity"),
)


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    experiments = typer.Typer(no_args_is_help=True, help="List, show, create, move experiments.")
    experiments.command("list")(list_experiments)
    experiments.command("show")(show)
    experiments.command("create")(create)
    experiments.command("move")(move)
    experiments.command("quota")(quota)
    app.add_typer(experiments, name="experiments")


def list_experiments(
    project: Annotated[
        str, typer.Option("--project", "-p", help="Only this project and what is below it.")
    ] = "",
    text: Filter = None,
    order_by: OrderBy = None,
    view: View = "active",
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """List experiments, with their projects and how many runs they have."""
    table.require_one_format(json_output, csv_output)
    with connect(tracking_uri) as server:
        rows = _rows(server, project, text or "", order_by or (), VIEW_TYPES[view])
    if json_output:
        table.print_json(rows)
    else:
        table.print_rows(_COLUMNS, rows, as_csv=csv_output, empty="No experiments match.")


def show(
    experiment: Experiment, tracking_uri: TrackingUri = None, json_output: Json = False
) -> None:
    """Show an experiment and its tags."""
    with connect(tracking_uri) as server:
        found = client.find_experiment(server, experiment)
    if json_output:
        table.print_json(found)
        return
    names = ("experiment_id", "name", "lifecycle_stage", "artifact_location")
    fields = [(name, str(found.get(name, ""))) for name in names]
    times = ("creation_time", "last_update_time")
    fields += [(name, table.cell(found.get(name), "time")) for name in times]
    tags = sorted(found.get("tags", ()), key=lambda tag: str(tag["key"]))
    table.print_fields([*fields, *((f"tags.{tag['key']}", tag["value"]) for tag in tags)])


def create(
    name: Annotated[str, typer.Argument(help="The experiment's name.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Such as team/vision.")] = "",
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag; may be repeated.")
    ] = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Create an experiment and print its id."""
    with connect(tracking_uri) as server:
        experiment_id = client.create_experiment(server, name, project, _tags(tag or ()))
    if json_output:
        table.print_json({"experiment_id": experiment_id})
    else:
        print(experiment_id)


def move(
    experiments: Annotated[
        list[str], typer.Argument(metavar="EXPERIMENT...", help="Their ids or names.")
    ],
    to: Annotated[
        str, typer.Option(metavar="PROJECT", help="Such as team/vision; '' is no project.")
    ],
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Move experiments to a project, all or none."""
    with connect(tracking_uri) as server:
        ids = experiment_ids(server, experiments)
        done = client.move_experiments(server, ids, to)
    if json_output:
        table.print_json(done)
    else:
        moved = table.counted(len(done["experiment_ids"]), "experiment")
        print(f"Moved {moved} to {done['project'] or 'no project'}.")


def quota(
    experiment: Experiment,
    size: Size = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Limit the artifacts of an experiment; without a size, show the limit."""
    with connect(tracking_uri) as server:
        [number] = experiment_ids(server, [experiment])
        if size is not None:
            set_quota(server, size_given(size), experiment_id=number)
        found = [each for each in list_quotas(server) if each["experiment_id"] == number]
    if json_output:
        table.print_json({"quotas": found})
    else:
        print_quotas(found)


def experiment_ids(server: Connection, experiments: Sequence[str]) -> list[str]:
    """Return the ids of experiments that are given by id or name."""
    return [str(client.find_experiment(server, each)["experiment_id"]) for each in experiments]


def _rows(
    server: Connection, project: str, text: str, order_by: Sequence[str], view: str
) -> Sequence[Mapping[str, Any]]:
    """Return what the tree knows of the experiments that match, in the order asked for."""
    placed = list_projects(server, project, view)["experiments"]
    if not text and not order_by:
        return list(placed)
    by_id = {row["experiment_id"]: row for row in placed}
    matching = client.search_experiments(server, text, order_by, view)
    return [by_id[each["experiment_id"]] for each in matching if each["experiment_id"] in by_id]


def _tags(texts: Sequence[str]) -> Mapping[str, str]:
    tags = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise InvalidParameterError(f"--tag {text!r} is not KEY=VALUE")
        tags[key] = value
    return tags
