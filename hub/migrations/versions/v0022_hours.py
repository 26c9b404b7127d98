"""Hours with the days on which they are valid: those of programmes, and of classes."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """What is there is valid on all days, or from the day that was said; class hours that had ended are left out."""
    _programmes()
    hours: sa.TableClause = sa.table("class_hours", *(sa.column(name) for name in (*_KEY, *_REST)), sa.column("from_day", sa.Date()))
    known = [dict(row) for row in op.get_bind().execute(sa.select(hours)).mappings()]
    op.drop_table("class_hours")
    op.create_table(
        "class_hours",
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False, comment="empty: every group"),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("tolerance_min", sa.Integer(), nullable=False),
        sa.Column("missed_min", sa.Integer(), nullable=False),
        sa.Column("end_min", sa.Integer(), nullable=False, server_default="1440"),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), comment="not included; none: open"),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_class_hours_site", initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint(*_KEY, "from_day", name="pk_class_hours"),
    )
    rows = [{**row, "from_day": row["from_day"] or date.min} for row in known if row["from_day"] != date.max]
    if rows:
        op.get_bind().execute(sa.insert(hours), rows)


_KEY = ("site", "group", "weekday")
_REST = ("start_min", "tolerance_min", "missed_min", "end_min")


def _programmes() -> None:
    programme: sa.TableClause = sa.table("programme", sa.column("id"), sa.column("windows", sa.JSON()))
    for number, windows in op.get_bind().execute(sa.select(programme)).all():
        named = [
            {"weekdays": weekdays, "start_min": start_min, "end_min": end_min, "from_day": date.min.isoformat(), "until_day": None}
            for weekdays, start_min, end_min in windows
        ]
        op.get_bind().execute(sa.update(programme).where(programme.c.id == number).values(windows=named))
