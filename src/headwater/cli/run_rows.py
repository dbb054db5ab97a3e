"""Runs as rows of a table, of CSV, or as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.cli import table
from headwater.cli.table import Column, Kind
from headwater.client.runs import Row, Run, columns_of, value_of
from headwater.entities.run_field import ATTRIBUTES, RunField

_RUN_ID = RunField("attribute", "run_id")
_BELOW = ("metrics", "params", "tags")
_KINDS: Mapping[str, Kind] = {
    "run_id": "id",
    "experiment_id": "id",
    "status": "id",
    "start_time": "time",
    "end_time": "time",
    "duration": "duration",
}


def with_id(columns: Sequence[RunField]) -> Sequence[RunField]:
    """Return the columns with the run's id first."""
    return [_RUN_ID, *(column for column in dict.fromkeys(columns) if column != _RUN_ID)]


def all_columns(runs: Sequence[Run]) -> Sequence[RunField]:
    """Return the columns of everything that one of the runs has."""
    return [*(RunField("attribute", key) for key in ATTRIBUTES), *columns_of(runs)]


def rows_of(runs: Sequence[Run], columns: Sequence[RunField]) -> Sequence[Row]:
    """Return runs as rows."""
    return [{column.name: value_of(run, column) for column in columns} for run in runs]


def table_columns(columns: Sequence[RunField]) -> Sequence[Column]:
    """Return how the columns are printed."""
    return [_column(column) for column in columns]


def print_run(run: Run) -> None:
    """Print everything about one run, a line each."""
    table.print_fields(
        [(c.name, table.cell(value_of(run, c), _column(c).kind)) for c in all_columns([run])]
    )


def run_as_json(run: Run) -> Mapping[str, Any]:
    """Return everything about one run: its attributes, and below their kind all else."""
    columns = all_columns([run])
    found = as_json(rows_of([run], columns)[0], columns)
    return {**found, **{entity: found.get(entity, {}) for entity in _BELOW}}


def as_json(row: Row, columns: Sequence[RunField]) -> Mapping[str, Any]:
    """Return a row with what is no attribute below its kind."""
    found: dict[str, Any] = {}
    for column in columns:
        if column.entity == "attributes":
            found[column.key] = row[column.name]
    for entity in _BELOW:
        items = {c.key: row[c.name] for c in columns if c.entity == entity}
        if items:
            found[entity] = items
    return found


def _column(column: RunField) -> Column:
    kind: Kind = "text"
    if column.entity == "attributes":
        kind = _KINDS.get(column.key, "text")
    elif column.entity == "metrics":
        kind = "number"
    return Column(column.name, kind)
