"""Notes of corrections: a document beside the words, and whose day it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Notes that are there name no document, and are found by their fact alone."""
    document: sa.Column[str] = sa.Column(
        "document", sa.Text(), nullable=False, server_default="", comment="where the proof is kept, empty: none"
    )
    pupil: sa.Column[int] = sa.Column(
        "pupil", sa.BigInteger(), nullable=False, server_default="0", comment="whose day it corrects, 0: it is no matter of a day"
    )
    day: sa.Column[int] = sa.Column("day", sa.Integer(), nullable=False, server_default="0", comment="YYYYMMDD")
    for column in (document, pupil, day):
        op.add_column("note", column)
    op.create_index("ix_note_pupil", "note", ["pupil", "day"])
