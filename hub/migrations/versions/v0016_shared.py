"""Web sessions on a device that several people use, and the trail of one pupil."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Whoever is signed in goes on as on a device of their own."""
    column = sa.Column("shared", sa.Boolean(), nullable=False, server_default="0", comment="several people use the device")
    op.add_column("web_session", column)
    op.create_index("ix_trail_thing", "trail", ["thing", "at_ms"])
