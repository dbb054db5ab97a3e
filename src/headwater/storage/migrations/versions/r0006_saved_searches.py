"""Create the table of saved searches."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``headwater_saved_searches``: named searches for runs of a project or experiment."""
    op.create_table(
        "headwater_saved_searches",
        # A UUID in hexadecimal.
        sa.Column("search_id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(250), nullable=False),
        # A search is of a project with all below it, of an experiment, or of neither: everywhere.
        sa.Column("project", sa.String(500)),
        sa.Column("experiment_id", sa.Integer()),
        sa.Column("filter", sa.Text(), nullable=False),
        # JSON lists of texts.
        sa.Column("order_by", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        # Milliseconds since the epoch.
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name="headwater_saved_searches_experiment_fk",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "project IS NULL OR experiment_id IS NULL", name="headwater_saved_searches_one_scope"
        ),
    )
    # NULL is not equal to NULL, so that a plain constraint would let a name occur twice.
    op.create_index(
        "headwater_saved_searches_name",
        "headwater_saved_searches",
        [sa.text("COALESCE(project, '')"), sa.text("COALESCE(experiment_id, -1)"), "name"],
        unique=True,
    )


def downgrade() -> None:
    """Drop the table with the saved searches."""
    op.drop_table("headwater_saved_searches")
