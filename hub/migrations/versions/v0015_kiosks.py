"""Browsers that are a kiosk and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Every web session of before is a person's."""
    alone = "device/reader whose kiosk it is alone, empty: a person's"
    op.add_column("web_session", sa.Column("kiosk", sa.Text(), nullable=False, server_default="", comment=alone))
