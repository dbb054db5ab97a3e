"""Reads what a comparison of runs needs beside their columns."""

from collections.abc import Iterator, Sequence

from headwater.storage.metadata.base import Connection

_CHUNK = 1_000
"""Runs a statement asks for: far below every database's limit on parameters."""


def latest_metric(
    connection: Connection, run_ids: Sequence[str], key: str
) -> dict[str, tuple[float, int]]:
    """Return the latest value and step of a metric, of those of the runs that have it."""
    found: dict[str, tuple[float, int]] = {}
    for chunk in _chunks(run_ids):
        rows = connection.execute(
            "SELECT run_uuid, value, is_nan, step FROM latest_metrics "  # noqa: S608  # marks
            f'WHERE "key" = ? AND run_uuid IN ({", ".join("?" * len(chunk))})',
            (key, *chunk),
        ).fetchall()
        found.update((row[0], (float("nan") if row[2] else row[1], row[3])) for row in rows)
    return found


def param_keys(connection: Connection, run_ids: Sequence[str]) -> list[str]:
    """Return the keys of the params that any of the runs has, in their order."""
    return _keys(connection, run_ids, "params")


def tag_keys(connection: Connection, run_ids: Sequence[str]) -> list[str]:
    """Return the keys of the tags that any of the runs has, in their order, but MLflow's own."""
    return [key for key in _keys(connection, run_ids, "tags") if not key.startswith("mlflow.")]


def _keys(connection: Connection, run_ids: Sequence[str], table: str) -> list[str]:
    keys: set[str] = set()
    for chunk in _chunks(run_ids):
        marks = ", ".join("?" * len(chunk))
        rows = connection.execute(
            f'SELECT DISTINCT "key" FROM {table} WHERE run_uuid IN ({marks})',  # noqa: S608
            tuple(chunk),
        ).fetchall()
        keys.update(row[0] for row in rows)
    return sorted(keys)


def _chunks(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(run_ids), _CHUNK):
        yield run_ids[start : start + _CHUNK]
