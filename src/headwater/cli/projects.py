"""``headwater projects``: the tree of projects over the experiments."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from headwater.cli import table
from headwater.cli.options import Csv, Json, TrackingUri
from headwater.cli.quotas import Size, print_quotas, size_given
from headwater.cli.table import Column
from headwater.client import projects as client
from headwater.client.connection import connect
from headwater.client.quotas import list_quotas, set_quota
from headwater.entities.project_path import ancestors

_COLUMNS = (
    Column("path"),
    Column("experiments", "number"),
    Column("direct_experiments", "number"),
    Column("runs", "number"),
    Column("last_activity", "time"),
)


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    projects = typer.Typer(no_args_is_help=True, help="The tree of projects over experiments.")
    projects.command("list")(list_projects)
    projects.command("move")(move)
    projects.command("quota")(quota)
    app.add_typer(projects, name="projects")


def list_projects(
    path: Annotated[str, typer.Argument(help="Only this project and what is below it.")] = "",
    experiments: Annotated[
        bool, typer.Option("--experiments", "-e", help="Show the experiments as well.")
    ] = False,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
    csv_output: Csv = False,
) -> None:
    """Show the tree of projects: what is in each, and when something happened there last."""
    table.require_one_format(json_output, csv_output)
    with connect(tracking_uri) as server:
        found = client.list_projects(server, path)
    if json_output:
        kept = found if experiments else {"projects": found["projects"]}
        table.print_json(kept)
    elif csv_output:
        table.print_csv(_COLUMNS, found["projects"])
    else:
        _print_tree(found["projects"], found["experiments"] if experiments else ())


def move(
    path: Annotated[str, typer.Argument(help="The project, such as team/vision.")],
    to: Annotated[str, typer.Argument(help="Its new path; '' takes it out of every project.")],
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Give a project another path, with everything below it, all at once."""
    with connect(tracking_uri) as server:
        done = client.move_project(server, path, to)
    if json_output:
        table.print_json(done)
        return
    moved = [table.counted(len(done["experiments"]), "experiment")]
    if done["saved_searches"]:
        moved.append(table.counted(done["saved_searches"], "search", "searches"))
    print(f"Moved {' and '.join(moved)} from {done['path']} to {done['to'] or 'no project'}.")


def quota(
    path: Annotated[str, typer.Argument(help="The project; '' is everything.")] = "",
    size: Size = None,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Limit the artifacts of a project and of all below it; without a size, show the limits."""
    with connect(tracking_uri) as server:
        if size is not None:
            set_quota(server, size_given(size), project=path)
        found = list_quotas(server, path)
    if json_output:
        table.print_json({"quotas": found})
    else:
        print_quotas(found)


def _print_tree(
    projects: Sequence[Mapping[str, Any]], experiments: Sequence[Mapping[str, Any]]
) -> None:
    """Print each project below its parent; the first one is above all others."""
    nodes: dict[str, Tree] = {}
    for project in projects:
        path = project["path"]
        label = Text(table.cell(path.rpartition("/")[2] or "all projects", "text"), style="bold")
        label.append(f"  {_counts(project)}", style="not bold dim")
        above = [nodes[parent] for parent in ancestors(path)[:-1] if parent in nodes]
        nodes[path] = above[-1].add(label) if above else Tree(label)
    for experiment in experiments:
        label = Text(table.cell(experiment["name"], "text"))
        label.append(f"  id {experiment['experiment_id']}, {_runs(experiment)}", style="dim")
        nodes[experiment["project"]].add(label)
    table.console().print(next(iter(nodes.values())))


def _counts(project: Mapping[str, Any]) -> str:
    return f"{table.counted(project['experiments'], 'experiment')}, {_runs(project)}"


def _runs(item: Mapping[str, Any]) -> str:
    runs, last = table.counted(item["runs"], "run"), item["last_activity"]
    return runs if last is None else f"{runs}, last {table.cell(last, 'time')}"
