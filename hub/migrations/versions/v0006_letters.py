"""The grown-ups of a household, and the queue of the letters to them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them, empty."""
    op.create_table(
        "adult",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("household", _NUMBER, nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["household"], ["household.id"], name=op.f("fk_adult_household"), initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adult")),
    )
    op.create_table(
        "mail_queue",
        sa.Column("fact", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("adult", _NUMBER, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adult"], ["adult.id"], name=op.f("fk_mail_queue_adult"), ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("fact", "adult", name=op.f("pk_mail_queue")),
    )
    op.create_index("ix_mail_queue_state", "mail_queue", ["state", "next_ms"])
    op.create_table(
        "mail_head",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_head")),
    )
