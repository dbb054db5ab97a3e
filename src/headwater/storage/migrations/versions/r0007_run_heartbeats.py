"""Create the table of heartbeats of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_run_heartbeats``: when the process of a running run was heard last."""
    op.create_table(
        "headwater_run_heartbeats",
        sa.Column("run_uuid", sa.String(32), primary_key=True),
        # Milliseconds since the epoch, by the server's clock.
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        # Milliseconds of silence after which the run has failed.
        sa.Column("lost_after", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uuid"],
            ["runs.run_uuid"],
            name="headwater_run_heartbeats_run_fk",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Drop the table with the heartbeats."""
    op.drop_table("headwater_run_heartbeats")
