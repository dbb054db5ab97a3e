"""Create what searches for runs read."""

import sqlalchemy as sa
from alembic import op

from headwater.storage.migrations.search_indexes import ALL_NAMES, creation, removal

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create indexes on MLflow's tables, and the tables and triggers that order latest metrics.

    On PostgreSQL, what the tables hold is counted at once, for the planner.
    """
    dialect = op.get_bind().dialect.name
    seconds = "strftime('%s', 'now')" if dialect == "sqlite" else "extract(epoch FROM now())"
    op.create_table(
        "headwater_metric_order",
        # Latest values of runs at rest, NaN as MLflow stores it.
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("is_nan", sa.Boolean(), primary_key=True),
        sa.Column("value", sa.Float(53), primary_key=True),
        sa.Column("run_uuid", sa.String(32), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "headwater_unsettled_runs",
        # All other runs that have metrics.
        sa.Column("run_uuid", sa.String(32), primary_key=True),
        # Seconds since 1970.
        sa.Column("since", sa.BigInteger(), server_default=sa.text(f"(CAST({seconds} AS BIGINT))")),
        sqlite_with_rowid=False,
    )
    for statement in creation(ALL_NAMES, dialect):
        op.execute(statement)
    if dialect == "postgresql":
        for table in ("runs", "params", "tags", "headwater_metric_order"):
            op.execute(f"ANALYZE {table}")


def downgrade() -> None:
    """Drop them; they hold nothing that MLflow's tables do not."""
    for statement in removal(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("headwater_unsettled_runs")
    op.drop_table("headwater_metric_order")
