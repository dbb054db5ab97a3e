"""Create the indexes that searches for runs read."""

from alembic import op

from headwater.storage.migrations.search_indexes import SEARCH_INDEXES, definition

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create indexes on MLflow's tables of runs, latest metrics, params and tags.

    On PostgreSQL, what their columns hold is counted at once, for the planner.
    """
    for name, (table, _) in SEARCH_INDEXES.items():
        op.execute(f"DROP INDEX IF EXISTS {name}")
        op.execute(definition(name))
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ANALYZE {table}")


def downgrade() -> None:
    """Drop them; they hold nothing that the tables do not."""
    for name in SEARCH_INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
