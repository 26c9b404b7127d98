"""Charges by pupil, also those that wait for a settlement run: the history is made again, with them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """What was copied from the journal without the charges is forgotten; the hub copies it again behind its answers."""
    op.create_table(
        "history_charge",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment="of a fact about the charge"),
        sa.Column("charge", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pupil", sa.BigInteger(), nullable=False, comment="of the fact that made it, 0: posted or taken back"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "charge", name=op.f("pk_history_charge")),
    )
    op.create_index("ix_history_charge_charge", "history_charge", ["charge"])
    op.create_index("ix_history_charge_pupil", "history_charge", ["pupil", "at_ms"])
    for table in ("scan", "entry", "stay", "morning", "head"):
        op.execute(sa.delete(sa.table(f"history_{table}")))
