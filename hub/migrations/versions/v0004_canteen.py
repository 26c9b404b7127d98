"""The canteen: how a site takes orders, menus of a day, diets of pupils, what a product contains."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, empty: a site without a row goes by the defaults; known products contain and suit nothing in particular."""
    op.add_column("product", sa.Column("allergens", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("product", sa.Column("diets", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "canteen",
        sa.Column("site", _NUMBER, nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("cut_off_min", sa.Integer(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("waiting_until_min", sa.Integer(), nullable=False),
        sa.Column("walk_up", sa.Text(), nullable=False),
        sa.Column("walk_up_cents", sa.BigInteger(), nullable=False),
        sa.Column("unordered", sa.Text(), nullable=False),
        sa.Column("unordered_cents", sa.BigInteger(), nullable=False),
        sa.Column("void_limit_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_canteen_site"), initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_canteen")),
    )
    op.create_table(
        "menu",
        sa.Column("site", _NUMBER, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_menu_site"), initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("site", "day", name=op.f("pk_menu")),
    )
    op.create_table(
        "diet",
        sa.Column("pupil", _NUMBER, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("allergens", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["pupil"], ["pupil.id"], name=op.f("fk_diet_pupil"), initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("pupil", name=op.f("pk_diet")),
    )
