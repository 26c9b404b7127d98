"""Planned attendance, absence reasons, class hours; pilots; what is posted by a settlement run, and what it is by law."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """What was there goes on as it did: open to all, posted at once, live."""
    op.add_column("site", sa.Column("pilot_from", sa.Date()))
    op.add_column("site", sa.Column("live_from", sa.Date()))
    op.add_column("site", sa.Column("whole_runs", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("programme", sa.Column("attendance", sa.Text(), nullable=False, server_default="open", comment="open, registered, auto"))
    op.add_column("programme", sa.Column("within", sa.BigInteger(), nullable=False, server_default="0", comment="a programme, 0: none"))
    op.add_column("programme", sa.Column("room", sa.Text(), nullable=False, server_default=""))
    op.add_column("programme", sa.Column("legal", sa.Text(), nullable=False, server_default="outside_hours"))
    op.add_column("programme", sa.Column("post_days", sa.Integer(), nullable=False, server_default="0", comment="0: at once"))
    op.add_column("programme", sa.Column("post_weekday", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("product", sa.Column("legal", sa.Text(), nullable=False, server_default="optional"))
    _plans()
    op.create_table(
        "absence_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_absence_reason"),
    )
    op.create_table(
        "class_hours",
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False, comment="empty: every group"),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("tolerance_min", sa.Integer(), nullable=False),
        sa.Column("missed_min", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_class_hours_site", initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("site", "group", "weekday", name="pk_class_hours"),
    )


def _plans() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pupil", sa.Integer(), nullable=False),
        sa.Column("programme", sa.Integer(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), comment="not included; none: open"),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False, comment="days, YYYY-MM-DD"),
        sa.ForeignKeyConstraint(["pupil"], ["pupil.id"], name="fk_plan_pupil", ondelete="CASCADE", initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["programme"], ["programme.id"], name="fk_plan_programme", initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_index("ix_plan_pupil", "plan", ["pupil"])
