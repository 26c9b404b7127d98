"""Pupils who were entered twice."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nobody was made one yet."""
    same_as: sa.Column[int] = sa.Column(
        "same_as", sa.BigInteger(), nullable=False, server_default="0", comment="the pupil it was entered twice as, 0: itself"
    )
    op.add_column("pupil", same_as)
