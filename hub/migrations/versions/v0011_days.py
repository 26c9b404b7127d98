"""On which kinds of day the hours of a programme hold."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """What was there holds on every day, as it did."""
    op.add_column("programme", sa.Column("days", sa.JSON(), nullable=False, server_default="[]", comment="kinds of day, none: all"))
