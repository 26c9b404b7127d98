"""What the office's pages need: roles and second factors, the trail, photos, who may fetch a child, where money goes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="", comment=comment)


def _ms(name: str, comment: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0", comment=comment)


def upgrade() -> None:
    """Whoever had an account could do everything, and still can."""
    _columns()
    _tables()
    for role in ("bursar", "head"):
        op.execute(sa.text("INSERT INTO staff_role (staff, site, role) SELECT id, 0, :role FROM staff").bindparams(role=role))


def _columns() -> None:
    op.add_column("site", _text("address"))
    op.add_column("site", _text("iban", "without spaces; empty: none"))
    op.add_column("site", _text("holder", "registered name of the account"))
    op.add_column("site", sa.Column("contacts", sa.JSON(), nullable=False, server_default="[]", comment="[topic, name, phone, email], …"))
    op.add_column("product", _text("picture", "name of a drawing, empty: none"))
    op.add_column("device", _text("place"))
    op.add_column("adult", _text("phone"))
    op.add_column("staff", sa.Column("language", sa.String(2), nullable=False, server_default="", comment="empty: the hub's"))
    op.add_column("staff", _text("pin", "argon2id; empty: none"))
    op.add_column("staff", _text("totp", "secret of the second factor, empty: none"))
    op.add_column("staff", _ms("totp_step", "the last one used"))
    op.add_column("staff", _ms("ended_ms", "0: works here"))
    op.add_column("web_session", _ms("second_ms", "when the second factor was shown, 0: not"))
    op.add_column("web_session", _ms("pin_ms", "when the PIN was last typed, 0: not"))
    op.add_column("invite", _ms("staff", "whose account, 0: the first one"))


def _tables() -> None:
    op.create_table(
        "staff_role",
        sa.Column("staff", NUMBER, nullable=False),
        sa.Column("site", sa.BigInteger(), nullable=False, autoincrement=False, comment="0: all sites"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("staff", "site", "role", name=op.f("pk_staff_role")),
        _owner("staff", "staff_role"),
    )
    op.create_table(
        "trail",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("staff", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False, comment="method and path of the route"),
        sa.Column("thing", sa.Text(), nullable=False, comment="ids in the path; never a name"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trail")),
    )
    op.create_index("ix_trail_at", "trail", ["at_ms"])
    op.create_index("ix_trail_staff", "trail", ["staff", "at_ms"])
    op.create_table(
        "photo",
        sa.Column("pupil", NUMBER, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="WebP, made here"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pupil", name=op.f("pk_photo")),
        _owner("pupil", "photo"),
    )
    op.create_table(
        "pickup",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("pupil", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), comment="not included; none: open"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup")),
        _owner("pupil", "pickup"),
    )
    op.create_index("ix_pickup_pupil", "pickup", ["pupil"])
    op.create_table(
        "pupil_note",
        sa.Column("pupil", NUMBER, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pupil", name=op.f("pk_pupil_note")),
        _owner("pupil", "pupil_note"),
    )


def _owner(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{column}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE", deferrable=True, initially="DEFERRED"
    )
