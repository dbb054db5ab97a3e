"""Read chosen columns of many runs, one column at a time."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

from headwater.entities.run_field import RunField
from headwater.entities.run_table import Column
from headwater.storage.metadata.base import Connection
from headwater.storage.migrations.search_indexes import PREFIX

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
    select = f"SELECT run_uuid, {selected} FROM runs"  # noqa: S608  # our names
    if _are_most(connection, run_ids, "SELECT 1 FROM runs", ()):
        rows = {row[0]: row for row in connection.execute(select).fetchall()}
    else:
        for chunk in _chunks(run_ids):
            among = f"WHERE run_uuid IN ({', '.join('?' * len(chunk))})"
            found = connection.execute(f"{select} {among}", chunk).fetchall()
            rows.update((row[0], row) for row in found)
    ordered = [rows[run_id] for run_id in run_ids]
    columns = dict(zip(keys, list(zip(*ordered, strict=True))[1:], strict=True)) if ordered else {}
    by_key: dict[str, Sequence[Any]] = {key: columns.get(key, ()) for key in keys}
    if "experiment_id" in by_key:
        by_key["experiment_id"] = [str(number) for number in by_key["experiment_id"]]
    return by_key


def _entries(connection: Connection, run_ids: Sequence[str], field: RunField) -> dict[str, Any]:
    """Return the values of a key by run, of the runs and maybe of others."""
    table = "headwater_metric_order" if field.source == "metric" else _TABLES[field.source]
    of_key = f'SELECT 1 FROM {table} WHERE "key" = ?'  # noqa: S608  # our names
    if _are_most(connection, run_ids, of_key, (field.key,)):
        return _all_entries(connection, field)
    return _entries_of(connection, run_ids, field)


def _entries_of(connection: Connection, run_ids: Sequence[str], field: RunField) -> dict[str, Any]:
    """Return the values of a key by run, of these runs alone."""
    found: dict[str, Any] = {}
    for chunk in _chunks(run_ids):
        marks = ", ".join("?" * len(chunk))
        among = f'WHERE "key" = ? AND run_uuid IN ({marks})'
        found.update(_rows(connection, f"{_TABLES[field.source]} {among}", field, chunk))
    return found


def _are_most(
    connection: Connection, run_ids: Sequence[str], statement: str, values: Sequence[str]
) -> bool:
    """Say whether it is better to read all rows of a statement, as few are of other runs."""
    if len(run_ids) < _SCANNED:
        return False
    most = _SHARE * len(run_ids)
    (rows,) = connection.execute(
        f"SELECT count(*) FROM ({statement} LIMIT ?) AS found",  # noqa: S608  # our names
        (*values, most),
    ).fetchone()
    return int(rows) < most


def _all_entries(connection: Connection, field: RunField) -> dict[str, Any]:
    """Return the values of all runs, from what lies side by side, not scattered over a table."""
    if field.source == "metric":
        found = _rows(connection, 'headwater_metric_order WHERE "key" = ?', field)
        unsettled = "(SELECT run_uuid FROM headwater_unsettled_runs)"
        more = f'latest_metrics WHERE "key" = ? AND run_uuid IN {unsettled}'
        found.update(_rows(connection, more, field))
        return found
    found = dict(
        connection.execute(
            f"SELECT run_uuid, substr(value, 1, {PREFIX}) FROM {_TABLES[field.source]} "  # noqa: S608  # our names
            'WHERE "key" = ?',
            (field.key,),
        ).fetchall()
    )
    cut = [run_id for run_id, text in found.items() if text is not None and len(text) >= PREFIX]
    return found | _entries_of(connection, cut, field)


def _rows(
    connection: Connection, source: str, field: RunField, values: Sequence[str] = ()
) -> dict[str, Any]:
    rows = connection.execute(f"SELECT run_uuid, value FROM {source}", [field.key, *values])  # noqa: S608  # our names
    found: dict[str, Any] = dict(rows.fetchall())
    if field.source == "metric":  # NaN is stored as 0, beside a flag
        flagged = connection.execute(
            f"SELECT run_uuid, value FROM {source} AND is_nan = TRUE AND value = 0",  # noqa: S608  # our names
            [field.key, *values],
        )
        found.update((run_id, nan) for run_id, _ in flagged)
    return found


def _chunks(run_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(run_ids), _CHUNK):
        yield run_ids[start : start + _CHUNK]
