"""Headwater's indexes on MLflow's tables: searches read them instead of whole tables.

Plain MLflow keeps them current as it does its own, so that they cost it a little and lead nobody
astray. A migration of MLflow's that rebuilds a table may lose them; they are then made anew when
Headwater starts.
"""

from collections.abc import Iterable

PREFIX = 64
"""Characters of a value that an index holds: PostgreSQL refuses to index long ones."""

RUNS_BY_START = "headwater_runs_by_start"
METRICS_BY_VALUE = "headwater_metrics_by_value"
PARAMS_BY_VALUE = "headwater_params_by_value"
TAGS_BY_VALUE = "headwater_tags_by_value"

SEARCH_INDEXES = {
    RUNS_BY_START: (
        "runs",
        "(experiment_id, lifecycle_stage, start_time DESC, run_uuid, status, end_time)",
    ),
    METRICS_BY_VALUE: ("latest_metrics", '("key", is_nan, value, run_uuid)'),
    PARAMS_BY_VALUE: ("params", f'("key", substr(value, 1, {PREFIX}), run_uuid)'),
    TAGS_BY_VALUE: ("tags", f'("key", substr(value, 1, {PREFIX}), run_uuid)'),
}
"""Table and columns by name."""


def definition(name: str) -> str:
    """Return the statement that makes an index, as SQLite keeps it."""
    table, columns = SEARCH_INDEXES[name]
    return f"CREATE INDEX {name} ON {table} {columns}"


SQLITE_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
POSTGRES_INDEXES = """
SELECT indexname, NULL FROM pg_indexes WHERE schemaname = ANY (current_schemas(false))
"""
"""Statements that return what `missing_indexes` takes; SQLite keeps the definitions as given."""


def missing_indexes(found: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return which indexes a database lacks, or has with other columns, given those it has."""
    definitions = dict(found)
    return [
        name
        for name in SEARCH_INDEXES
        if name not in definitions or definitions[name] not in (None, definition(name))
    ]
