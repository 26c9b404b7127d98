"""The tables of papers of pupils and of letters: a part of tables.py, where everybody takes them from; the same rules hold for them."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, LargeBinary, Table, Text

from hub.columns import NUMBER, metadata, owned_by

# --- what else is known of pupils (papers.py) -----------------------------------------------------

photo = Table(
    "photo",
    metadata,
    Column("pupil", owned_by("pupil.id"), primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="WebP, made here"),
    Column("at_ms", BigInteger, nullable=False),
)
pickup = Table(
    "pickup",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pupil", owned_by("pupil.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date, comment="not included; none: open"),
)
pupil_note = Table(
    "pupil_note",
    metadata,
    Column("pupil", owned_by("pupil.id"), primary_key=True),
    Column("text", Text, nullable=False),
)

# --- letters (mailqueue.py): ids and codes only ---------------------------------------------------

mail_queue = Table(
    "mail_queue",
    metadata,
    Column("fact", BigInteger, primary_key=True, autoincrement=False, comment="number of its cause"),
    Column("adult", owned_by("adult.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False, comment="when it is tried next, or when it was over"),
    Column("trouble", Text, nullable=False, comment="code of the last try"),
    Index("ix_mail_queue_state", "state", "next_ms"),
)
mail_head = Table(
    "mail_head",
    metadata,
    Column("id", NUMBER, primary_key=True, comment="always 1"),
    Column("number", BigInteger, nullable=False, comment="of the last fact that was looked at"),
)
