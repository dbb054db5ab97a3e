"""Create the table of envelopes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_metric_envelopes``: the extremes of a chunk's pieces, for charts.

    Chunks that exist get none: charts decode them until ``headwater check --repair`` adds it.
    """
    op.create_table(
        "headwater_metric_envelopes",
        sa.Column(
            "chunk_id",
            # On SQLite only INTEGER makes the key an alias of the row id.
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey(
                "headwater_metric_chunks.chunk_id",
                name="headwater_metric_envelopes_chunk_fk",
                ondelete="CASCADE",
            ),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table; it holds nothing that the chunks do not."""
    op.drop_table("headwater_metric_envelopes")
