"""Create the table of the limits of projects."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_artifact_quotas``: how many bytes of artifacts projects may have."""
    op.create_table(
        "headwater_artifact_quotas",
        # The path of a project; empty: everything.
        sa.Column("project", sa.String(500), primary_key=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table with the limits."""
    op.drop_table("headwater_artifact_quotas")
