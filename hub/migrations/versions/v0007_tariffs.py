"""Tariffs as versions with lines, tariff groups, family files; what a programme cost becomes the first version of its tariff."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from hub.core.facts import derived

revision = "0007"
down_revision = "0006"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PRICE = ("per", "unit_tenths", "period_min", "tolerance_min", "max_cents")


def upgrade() -> None:
    """Every programme costs what it did, from always and until further notice; families have no files yet."""
    op.add_column("site", sa.Column("files_due_day", sa.Date(), nullable=True))
    op.add_column("pupil", sa.Column("birth_order", sa.Integer(), server_default="0", nullable=False))
    op.add_column("pupil", sa.Column("child_type", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "tariff_group",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("max_cents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_group")),
    )
    op.create_table(
        "family_file",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("household", _NUMBER, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("bracket", sa.Integer(), nullable=False),
        sa.Column("qf_cents", sa.BigInteger(), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=True),
        sa.Column("validated_day", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["household"], ["household.id"], name=op.f("fk_family_file_household"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_file")),
    )
    _versions()
    for column in _PRICE:
        op.drop_column("programme", column)


def _versions() -> None:
    tariff = op.create_table(
        "tariff",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("group", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
    )
    programme = sa.table("programme", *(sa.column(name) for name in ("id", *_PRICE)))
    known = op.get_bind().execute(sa.select(programme)).mappings().all()
    if known:
        op.bulk_insert(tariff, [_version(dict(row)) for row in known])


def _version(programme: dict[str, int | str]) -> dict[str, object]:
    """The price columns of a programme as a version with one line."""
    formula: dict[str, object] = {"type": "session", "unit": {"type": "fixed", "tenths": programme["unit_tenths"]}}
    if programme["per"] == "period":
        formula |= {"type": "periods", "period_min": programme["period_min"], "tolerance_min": programme["tolerance_min"]}
    return {
        "id": derived(int(programme["id"]), "tariff"),
        "item": programme["id"],
        "from_day": dt.date.min,
        "until_day": None,
        "lines": [{"formula": formula, "max_cents": programme["max_cents"]}],
        "group": 0,
    }
