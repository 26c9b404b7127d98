"""Meals and articles that are sold no longer."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """What there was is sold still."""
    op.add_column("product", sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default="0"))
