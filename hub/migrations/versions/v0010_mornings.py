"""Class mornings: until when class lasts and from which day it is looked at; the history of lateness and absence."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Class hours that are there go on, without an end; no morning was noted yet, so the history needs no rebuilding."""
    op.add_column("class_hours", sa.Column("end_min", sa.Integer(), nullable=False, server_default="1440"))
    op.add_column("class_hours", sa.Column("from_day", sa.Date()))
    op.create_table(
        "history_morning",
        sa.Column("pupil", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("noted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("justified", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("pupil", "day", name=op.f("pk_history_morning")),
    )
    op.create_index("ix_history_morning_day", "history_morning", ["day"])
