"""Pupils who leave the school."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Who left before was only taken out of every class."""
    op.add_column("pupil", sa.Column("left_day", sa.Date(), comment="the first day it is of the school no more, none: it stays"))
