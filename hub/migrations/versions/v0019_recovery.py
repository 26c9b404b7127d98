"""Recovery codes of the second factor."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Nobody has any yet: they are made by who wants them."""
    once = "keyed, of a code that opens once"
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "recovery",
        sa.Column("hash", sa.String(32), nullable=False, comment=once),
        sa.Column("staff", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff"], ["staff.id"], name="fk_recovery_staff", ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("hash", name="pk_recovery"),
    )
    op.create_index("ix_recovery_staff", "recovery", ["staff"])
