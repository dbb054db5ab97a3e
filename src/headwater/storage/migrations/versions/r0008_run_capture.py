"""Create the tables of what the processes of runs tell of themselves, and of what they print."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_run_captures`` and ``headwater_run_output``."""
    op.create_table(
        "headwater_run_captures",
        sa.Column("run_uuid", sa.String(32), primary_key=True),
        sa.Column("rank", sa.Integer(), primary_key=True),
        # JSON, compressed with zstd.
        sa.Column("captured", sa.LargeBinary(), nullable=False),
        # A patch as git writes it, compressed with zstd.
        sa.Column("diff", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["run_uuid"],
            ["runs.run_uuid"],
            name="headwater_run_captures_run_fk",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "headwater_run_output",
        sa.Column("run_uuid", sa.String(32), primary_key=True),
        sa.Column("rank", sa.Integer(), primary_key=True),
        # Bytes that the rank had printed before these.
        sa.Column("start", sa.BigInteger(), primary_key=True),
        sa.Column("size", sa.Integer(), nullable=False),
        # UTF-8, compressed with zstd.
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uuid"],
            ["runs.run_uuid"],
            name="headwater_run_output_run_fk",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("headwater_run_output")
    op.drop_table("headwater_run_captures")
