"""The school calendar: days that are not what their weekday says."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create it, empty: every day is what its weekday says."""
    op.create_table(
        "calendar_day",
        sa.Column("site", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "day", name=op.f("pk_calendar_day")),
    )
