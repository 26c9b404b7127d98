"""Sums for reports: presence and revenue by quarter of an hour, cash desk sessions. The history is made again, with them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """What was copied from the journal without them is forgotten; the hub copies it again behind its answers."""
    for table in ("scan", "entry", "charge", "settlement", "stay", "morning", "head"):
        op.execute(sa.delete(sa.table(f"history_{table}")))
    _sums("history_presence", ("programme",), ("came", "gone", "ms"))
    _sums("history_revenue", ("site", "item"), ("charges", "charged_cents", "corrections", "corrected_cents"))
    op.create_table(
        "history_attended",
        sa.Column("programme", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pupils", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("programme", "hour", name=op.f("pk_history_attended")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history_place",
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("pupil", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_history_place")),
        sa.UniqueConstraint("pupil", name=op.f("uq_history_place_pupil")),
    )
    numbers = ("site", "opened_by", "from_ms", "opening_cents", "sold_cents", "paid_in_cents", "paid_back_cents")
    op.create_table(
        "history_cash",
        sa.Column("session", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        *map(_amount, (*numbers, "closed_by", "until_ms", "expected_cents", "counted_cents")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_history_cash")),
    )
    op.create_index("ix_history_cash_site", "history_cash", ["site", "from_ms"])


def _sums(table: str, places: tuple[str, ...], amounts: tuple[str, ...]) -> None:
    """A table of sums by place and quarter of an hour."""
    op.create_table(
        table,
        *(sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False) for name in places),
        sa.Column("quarter", sa.Integer(), autoincrement=False, nullable=False),
        *map(_amount, amounts),
        sa.PrimaryKeyConstraint(*places, "quarter", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
