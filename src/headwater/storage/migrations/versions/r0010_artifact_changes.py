"""Create the tables by which servers with one store of artifacts count alike."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# On SQLite only INTEGER makes the key an alias of the row id.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create ``headwater_artifact_changes`` and ``headwater_artifact_admissions``."""
    op.create_table(
        "headwater_artifact_changes",
        sa.Column("change_id", _ID, primary_key=True, autoincrement=True),
        sa.Column("path", sa.Text(), nullable=False),
        # Bytes of the file; null: it is not there any more, nor what was below the path.
        sa.Column("size", sa.BigInteger()),
        # Milliseconds since the epoch.
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "headwater_artifact_admissions",
        sa.Column("admission_id", sa.String(32), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        # Milliseconds since the epoch; what a server that was killed had let in ends then.
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("headwater_artifact_admissions")
    op.drop_table("headwater_artifact_changes")
