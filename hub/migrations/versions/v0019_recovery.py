"""Recovery codes of the second factor."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Nobody has any yet: they are made by who wants them."""
    once = "keyed, of a code that opens once"
    op.create_table(
        "recovery",
        sa.Column("hash", sa.String(32), primary_key=True, comment=once),
        sa.Column(
            "staff", sa.BigInteger(), sa.ForeignKey("staff.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"), nullable=False
        ),
    )
    op.create_index("ix_recovery_staff", "recovery", ["staff"])
