"""What searches read instead of whole tables: indexes, and the order of the latest metrics.

Runs, params and tags change little once they are there: they get indexes. Plain MLflow keeps these
current as it does its own. The latest value of a metric changes with every point that is logged,
and an index on it would cost more than the point. So there is a table of values for runs that have
come to rest, and a table of runs that have not, which triggers fill, whoever writes.

A migration of MLflow's that rebuilds a table may lose indexes and triggers; they are then made anew
when Headwater starts.
"""

from collections.abc import Iterable

PREFIX = 64
"""Characters of a value that an index holds: PostgreSQL refuses to index long ones."""

_INDEXES = {
    "headwater_runs_by_start": (
        "runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid, status, end_time)"
    ),
    "headwater_params_by_value": f'params ("key", substr(value, 1, {PREFIX}), run_uuid)',
    "headwater_tags_by_value": f'tags ("key", substr(value, 1, {PREFIX}), run_uuid)',
}
_ROW = '"key", is_nan, value, run_uuid'
_UNSETTLED = "SELECT 1 FROM headwater_unsettled_runs WHERE run_uuid = NEW.run_uuid"
_MARK = "INSERT INTO headwater_unsettled_runs (run_uuid) VALUES (NEW.run_uuid)"
# The first change of a run at rest takes its rows out of the order, while they are as they were.
_TAKE_OUT = (
    f"DELETE FROM headwater_metric_order WHERE ({_ROW}) IN "  # noqa: S608  # constants
    f"(SELECT {_ROW} FROM latest_metrics WHERE run_uuid = NEW.run_uuid)"
)
_TAKE_ONE_OUT = (
    'DELETE FROM headwater_metric_order WHERE "key" = OLD."key" AND is_nan = OLD.is_nan '
    "AND value = OLD.value AND run_uuid = OLD.run_uuid"
)
_TRIGGERS = {
    "headwater_metric_inserted": "AFTER INSERT",
    "headwater_metric_updated": "BEFORE UPDATE",
    "headwater_metric_deleted": "AFTER DELETE",
}
_POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION headwater_unsettle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    {_TAKE_ONE_OUT};
    RETURN OLD;
  END IF;
  -- Waits for who is settling the run, and keeps others from it until this is committed.
  PERFORM {_UNSETTLED.removeprefix("SELECT ")} FOR SHARE;
  IF NOT FOUND THEN
    {_TAKE_OUT};
    {_MARK} ON CONFLICT DO NOTHING;
  END IF;
  RETURN NEW;
END $$
"""

SETTLE_ALL = (
    "DELETE FROM headwater_metric_order",
    'INSERT INTO headwater_metric_order ("key", is_nan, value, run_uuid) '
    'SELECT "key", is_nan, value, run_uuid FROM latest_metrics ORDER BY 1, 2, 3, 4',
    "DELETE FROM headwater_unsettled_runs",
)
"""Makes the order anew; nobody writes meanwhile."""

SQLITE_OBJECTS = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')"
POSTGRES_OBJECTS = """
SELECT indexname, NULL FROM pg_indexes WHERE schemaname = ANY (current_schemas(false))
UNION ALL
SELECT tgname, NULL FROM pg_trigger WHERE tgrelid = to_regclass('latest_metrics')
"""
"""Statements that return what `missing` takes; SQLite keeps the definitions as given."""


def missing(found: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return the indexes and triggers that a database lacks or has in another form."""
    definitions = dict(found)
    return [
        name
        for name in (*_INDEXES, *_TRIGGERS)
        if name not in definitions or definitions[name] not in (None, _sqlite(name))
    ]


def creation(names: Iterable[str], dialect: str) -> list[str]:
    """Return the statements that make these indexes and triggers, whatever is in their place."""
    names = list(names)
    statements = []
    for name in names:
        if name in _INDEXES:
            statements += [f"DROP INDEX IF EXISTS {name}", _sqlite(name)]
        elif dialect == "sqlite":
            statements += [f"DROP TRIGGER IF EXISTS {name}", _sqlite(name)]
        else:
            statements += [
                _POSTGRES_FUNCTION,
                f"DROP TRIGGER IF EXISTS {name} ON latest_metrics",
                f"CREATE TRIGGER {name} {_TRIGGERS[name]} ON latest_metrics "
                "FOR EACH ROW EXECUTE FUNCTION headwater_unsettle()",
            ]
    if not set(names).isdisjoint(_TRIGGERS):  # what was written meanwhile has left no mark
        statements += SETTLE_ALL
    return statements


def removal(dialect: str) -> list[str]:
    """Return the statements that remove all indexes and triggers."""
    on = "" if dialect == "sqlite" else " ON latest_metrics"
    return [
        *(f"DROP INDEX IF EXISTS {name}" for name in _INDEXES),
        *(f"DROP TRIGGER IF EXISTS {name}{on}" for name in _TRIGGERS),
    ]


def _sqlite(name: str) -> str:
    """Return a definition as SQLite keeps it."""
    if name in _INDEXES:
        return f"CREATE INDEX {name} ON {_INDEXES[name]}"
    begin = f"CREATE TRIGGER {name} {_TRIGGERS[name]} ON latest_metrics"
    if name == "headwater_metric_deleted":
        return f"{begin} BEGIN {_TAKE_ONE_OUT}; END"
    return f"{begin} WHEN NOT EXISTS ({_UNSETTLED}) BEGIN {_TAKE_OUT}; {_MARK}; END"


ALL_NAMES = (*_INDEXES, *_TRIGGERS)
