"""Runs as rows of a table, of CSV, or as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.cli import table
from headwater.cli.table import Column, Kind
from headwater.client.runs import Run, columns_of, value_of
from headwater.entities.run_column import ATTRIBUTES, RunColumn

_RUN_ID = RunColumn("attributes", "run_id")
_USUAL = ("run_name", "status", "start_time", "duration")
_KINDS: Mapping[str, Kind] = {
    "run_id": "id",
    "experiment_id": "id",
    "status": "id",
    "start_time": "time",
    "end_time": "time",
    "duration": "duration",
}


def print_table(runs: Sequence[Run], chosen: Sequence[RunColumn]) -> None:
    """Print the chosen columns beside the id, or else the usual ones."""
    columns = chosen or [RunColumn("attributes", key) for key in _USUAL]
    shown = _with_id(columns)
    table.print_table([_column(column) for column in shown], _rows(runs, shown))


def print_csv(runs: Sequence[Run], chosen: Sequence[RunColumn]) -> None:
    """Print the chosen columns beside the id, or else everything that one of the runs has."""
    every = [*(RunColumn("attributes", key) for key in ATTRIBUTES), *columns_of(runs)]
    shown = _with_id(chosen or every)
    table.print_csv([_column(column) for column in shown], _rows(runs, shown))


def print_run(run: Run) -> None:
    """Print everything about one run, a line each."""
    columns = [*(RunColumn("attributes", key) for key in ATTRIBUTES), *columns_of([run])]
    table.print_fields([(c.title, table.cell(value_of(run, c), _column(c).kind)) for c in columns])


def as_json(run: Run, chosen: Sequence[RunColumn]) -> Mapping[str, Any]:
    """Return a run's attributes, and below their kind what was chosen or else all there is."""
    shown = _with_id(
        chosen or [*(RunColumn("attributes", k) for k in ATTRIBUTES), *columns_of([run])]
    )
    found: dict[str, Any] = {}
    for column in shown:
        if column.entity == "attributes":
            found[column.key] = value_of(run, column)
    for entity in ("metrics", "params", "tags"):
        keys = [column.key for column in shown if column.entity == entity]
        if keys or not chosen:
            found[entity] = {key: value_of(run, RunColumn(entity, key)) for key in keys}
    return found


def _with_id(columns: Sequence[RunColumn]) -> Sequence[RunColumn]:
    return [_RUN_ID, *(column for column in columns if column != _RUN_ID)]


def _column(column: RunColumn) -> Column:
    kind: Kind = "text"
    if column.entity == "attributes":
        kind = _KINDS.get(column.key, "text")
    elif column.entity == "metrics":
        kind = "number"
    return Column(column.title, kind)


def _rows(runs: Sequence[Run], columns: Sequence[RunColumn]) -> Sequence[Mapping[str, Any]]:
    return [{column.title: value_of(run, column) for column in columns} for run in runs]
