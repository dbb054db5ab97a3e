"""Read chosen columns of many runs, one column at a time."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

from headwater.entities.run_table import Column, RunField
from headwater.storage.metadata.base import Connection

_CHUNK = 1_000
"""Runs a statement asks for: far below every database's limit on parameters."""

_SCANNED = 5_000
"""Runs from which on all rows of a key are read at once, unless others have most of them."""

_SHARE = 8
_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_COLUMNS = {
    "run_id": "run_uuid",
    "run_name": "name",
    "duration": "end_time - start_time",
}


def load_columns(
    connection: Connection, run_ids: Sequence[str], fields: Sequence[RunField]
) -> list[Column]:
    """Return the columns, with the runs in the order given; all of them exist."""
    attributes = [field for field in fields if field.source == "attribute"]
    found = _attributes(connection, run_ids, [each.key for each in attributes])
    columns = []
    for field in fields:
        values: Sequence[Any]
        if field.source == "attribute":
            values = found[field.key]
        else:
            rows = _entries(connection, run_ids, field)
            values = list(map(rows.get, run_ids))
        columns.append(Column(field.name, field.kind, values))
    return columns


def _attributes(
    connection: Connection, run_ids: Sequence[str], keys: Sequence[str]
) -> Mapping[str, Sequence[Any]]:
    if set(keys) <= {"run_id"}:
        return {"run_id": run_ids}
    selected = ", ".join(_COLUMNS.get(key, key) for key in keys)
    rows: dict[str, tuple[Any, ...]] = {}
    for chunk in _chunks(run_ids):
        marks = ", ".join("?" * len(chunk))
        for run_id, *values in connection.execute(
            f"SELECT run_uuid, {selected} FROM runs WHERE run_uuid IN ({marks})",  # noqa: S608  # our names
            chunk,
        ):
            rows[run_id] = tuple(values)
    ordered = [rows[run_id] for run_id in run_ids]
    columns = dict(zip(keys, zip(*ordered, strict=True), strict=True)) if ordered else {}
    found: dict[str, Sequence[Any]] = {key: columns.get(key, ()) for key in keys}
    if "experiment_id" in found:
        found["experiment_id"] = [str(number) for number in found["experiment_id"]]
    return found


def _entries(connection: Connection, run_ids: Sequence[str], field: RunField) -> dict[str, Any]:
    table = _TABLES[field.source]
    select = f'SELECT run_uuid, value FROM {table} WHERE "key" = ?'  # noqa: S608  # our names
    found: dict[str, Any] = {}
    for more, values in _restrictions(connection, run_ids, field):
        found.update(connection.execute(f"{select}{more}", [field.key, *values]).fetchall())
        if field.source == "metric":  # stored as 0, beside a flag
            flagged = connection.execute(f"{select}{more} AND is_nan = TRUE", [field.key, *values])
            found.update((run_id, nan) for run_id, _ in flagged)
    return found


def _restrictions(
    connection: Connection, run_ids: Sequence[str], field: RunField
) -> Iterable[tuple[str, Sequence[str]]]:
    """Yield what else to ask of the rows of a key, to get those of the runs and not many others."""
    if len(run_ids) >= _SCANNED:
        most = _SHARE * len(run_ids)
        (rows,) = connection.execute(
            f'SELECT count(*) FROM (SELECT 1 FROM {_TABLES[field.source]} WHERE "key" = ? LIMIT ?)'  # noqa: S608  # our names
            " AS found",
            (field.key, most),
        ).fetchone()
        if rows < most:
            yield "", ()
            return
    for chunk in _chunks(run_ids):
        yield f" AND run_uuid IN ({', '.join('?' * len(chunk))})", chunk


def _chunks(run_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(run_ids), _CHUNK):
        yield run_ids[start : start + _CHUNK]
