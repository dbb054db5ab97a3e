"""Create the tables of compacted series."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# On SQLite only INTEGER makes the key an alias of the row id.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create ``headwater_metric_series``, a row a metric of a run, and its chunks of points."""
    op.create_table(
        "headwater_metric_series",
        sa.Column("series_id", _ID, primary_key=True, autoincrement=True),
        sa.Column(
            "run_uuid",
            sa.String(32),
            sa.ForeignKey(
                "runs.run_uuid", name="headwater_metric_series_run_fk", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(250), nullable=False),
        # Counts the compactions of the series: one that read an older revision is void.
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("nans", sa.BigInteger(), nullable=False),
        sa.Column("infinities", sa.BigInteger(), nullable=False),
        # Of the finite values.
        sa.Column("total", sa.Double(), nullable=False),
        *_extremes(),
        *(
            sa.Column(f"{place}_{part}", kind, nullable=False)
            for place in ("first", "last")
            for part, kind in (
                ("step", sa.BigInteger()),
                ("timestamp", sa.BigInteger()),
                ("value", sa.Double()),
                ("is_nan", sa.Boolean()),
            )
        ),
        sa.UniqueConstraint("run_uuid", "key", name="headwater_metric_series_run_key"),
    )
    op.create_table(
        "headwater_metric_chunks",
        sa.Column("chunk_id", _ID, primary_key=True, autoincrement=True),
        sa.Column(
            "series_id",
            _ID,
            sa.ForeignKey(
                "headwater_metric_series.series_id",
                name="headwater_metric_chunks_series_fk",
                ondelete="CASCADE",
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        # Chunks of a series do not overlap in (timestamp, step).
        sa.Column("first_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("lowest_step", sa.BigInteger(), nullable=False),
        sa.Column("highest_step", sa.BigInteger(), nullable=False),
        *_extremes(),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "headwater_metric_chunks_series",
        "headwater_metric_chunks",
        ["series_id", "last_timestamp", "last_step"],
    )


def downgrade() -> None:
    """Drop the tables; export their points first."""
    op.drop_table("headwater_metric_chunks")
    op.drop_table("headwater_metric_series")


def _extremes() -> list[sa.Column[object]]:
    """Return the columns of the least and greatest value, null where all are NaN."""
    return [
        sa.Column(f"{which}_{part}", kind)
        for which in ("minimum", "maximum")
        for part, kind in (
            ("value", sa.Double()),
            ("step", sa.BigInteger()),
            ("timestamp", sa.BigInteger()),
        )
    ]
