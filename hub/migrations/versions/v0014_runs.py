"""Charges by wallet, and settlement runs that were done: the history is made again, with them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """What was copied from the journal without them is forgotten; the hub copies it again behind its answers."""
    for table in ("scan", "entry", "charge", "stay", "morning", "head"):
        op.execute(sa.delete(sa.table(f"history_{table}")))
    op.add_column(
        "history_charge",
        sa.Column("wallet", sa.BigInteger(), nullable=False, comment="that pays it, also where nothing is posted yet"),
    )
    op.create_index("ix_history_charge_wallet", "history_charge", ["wallet"])
    op.create_table(
        "history_settlement",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment="of the fact that a run was done"),
        sa.Column("site", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_history_settlement")),
    )
