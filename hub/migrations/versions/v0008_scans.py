"""Which scans make a stay: both, the entry, the exit."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """A programme that needed no exit goes by the entry."""
    op.add_column("programme", sa.Column("scans", sa.Text(), nullable=False, server_default="both", comment="both, entry, exit"))
    op.execute("UPDATE programme SET scans = 'entry' WHERE NOT needs_exit")
    op.drop_column("programme", "needs_exit")
