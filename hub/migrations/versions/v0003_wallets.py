"""Wallets: whose they are, when they are low, what a pupil may spend a day, and who pays on which day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Sites go on as they did: one wallet per household, low below 2,00 €; nobody has a limit or a custody."""
    op.add_column("site", sa.Column("wallet_scope", sa.Text(), server_default="household", nullable=False))
    op.add_column("site", sa.Column("low_cents", sa.BigInteger(), server_default="200", nullable=False))
    op.add_column("pupil", sa.Column("daily_limit_cents", sa.BigInteger(), server_default="0", nullable=False))
    _payers("custody", sa.Column("weeks", sa.Text(), nullable=False), sa.Column("weekdays", sa.JSON(), nullable=False))
    _payers("payer_override", sa.Column("item", sa.BigInteger(), nullable=False))


def _payers(table: str, *rest: sa.Column[object]) -> None:
    """Which household pays for a pupil from one day to another."""
    op.create_table(
        table,
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("pupil", _NUMBER, nullable=False),
        sa.Column("household", _NUMBER, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        *rest,
        sa.ForeignKeyConstraint(["household"], ["household.id"], name=op.f(f"fk_{table}_household"), initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["pupil"], ["pupil.id"], name=op.f(f"fk_{table}_pupil"), initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
