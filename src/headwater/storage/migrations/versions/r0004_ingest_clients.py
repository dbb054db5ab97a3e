"""Create the table of ingest clients."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_ingest_clients``: the last frame of each client that is stored."""
    op.create_table(
        "headwater_ingest_clients",
        # A UUID in hexadecimal.
        sa.Column("client_id", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        # Milliseconds since the epoch.
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table: frames that are sent again are then stored again."""
    op.drop_table("headwater_ingest_clients")
