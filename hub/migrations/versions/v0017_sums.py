"""Sums for reports: presence and revenue by quarter of an hour, cash desk sessions. The history is made again, with them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """What was copied from the journal without them is forgotten; the hub copies it again behind its answers."""
    for table in ("scan", "entry", "charge", "settlement", "stay", "morning", "head"):
        op.execute(sa.delete(sa.table(f"history_{table}")))
    op.drop_index("ix_history_stay_pupil", "history_stay")
    op.create_index("ix_history_stay_pupil", "history_stay", ["pupil", "from_ms", "until_ms", "programme", "reason"])
    _sums("history_presence", ("programme",), ("came", "gone"), ("ms",))
    _sums("history_revenue", ("site", "item"), ("charges", "corrections"), ("charged_cents", "corrected_cents"))
    op.create_table(
        "history_cash",
        sa.Column("session", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("site", "opened_by", "from_ms", "opening_cents")),
        *(
            sa.Column(f"{name}_cents", sa.BigInteger(), nullable=False, server_default="0")
            for name in ("sold", "paid_in", "paid_back", "expected", "counted")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in ("closed_by", "until_ms")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_history_cash")),
    )
    op.create_index("ix_history_cash_site", "history_cash", ["site", "from_ms"])


def _sums(table: str, places: tuple[str, ...], counts: tuple[str, ...], amounts: tuple[str, ...]) -> None:
    """A table of sums by place and quarter of an hour."""
    op.create_table(
        table,
        *(sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False) for name in places),
        sa.Column("quarter", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in amounts),
        sa.PrimaryKeyConstraint(*places, "quarter", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
