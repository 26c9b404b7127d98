"""Families that were entered twice, each with a wallet."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Those that were made one before had no wallet, and left no name."""
    same_as: sa.Column[int] = sa.Column(
        "same_as", sa.BigInteger(), nullable=False, server_default="0", comment="the household it was entered twice as, 0: itself"
    )
    op.add_column("household", same_as)
