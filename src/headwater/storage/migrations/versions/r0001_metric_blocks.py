"""Create the table of metric blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_metric_blocks``: one row for the points that one request logged."""
    op.create_table(
        "headwater_metric_blocks",
        sa.Column(
            "block_id",
            # On SQLite only INTEGER makes the key an alias of the row id.
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column(
            "run_uuid",
            sa.String(32),
            sa.ForeignKey(
                "runs.run_uuid", name="headwater_metric_blocks_run_fk", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_index("headwater_metric_blocks_run", "headwater_metric_blocks", ["run_uuid"])


def downgrade() -> None:
    """Drop the table; export its points first."""
    op.drop_table("headwater_metric_blocks")
