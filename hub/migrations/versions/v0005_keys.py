"""Keys: what another programme calls pupils and households, where households live, and when pupils were born."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nobody has any of it yet: the next import brings it."""
    op.add_column("household", sa.Column("key", sa.Text(), server_default="", nullable=False))
    op.add_column("household", sa.Column("address", sa.Text(), server_default="", nullable=False))
    op.add_column("pupil", sa.Column("born", sa.Date(), nullable=True))
    op.add_column("pupil", sa.Column("key", sa.Text(), server_default="", nullable=False))
