"""How services were run on days that are over: which scans made a stay, who was expected, what was within what."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """What there is was run like this on all days."""
    said = "how it was run on days before one, oldest first"
    op.add_column("programme", sa.Column("formerly", sa.JSON(), nullable=False, server_default="[]", comment=said))
