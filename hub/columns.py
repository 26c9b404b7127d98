"""What the tables of `office.db` are made with: their names, ids of 63 bits, and what points to what."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData


def points_to(column: str) -> ForeignKey:
    """Checked when the transaction ends, so the rows of one edit may come in any order."""
    return ForeignKey(column, deferrable=True, initially="DEFERRED")


def owned_by(column: str) -> ForeignKey:
    """Erased together with what it belongs to."""
    return ForeignKey(column, ondelete="CASCADE", deferrable=True, initially="DEFERRED")


def amount(name: str) -> Column[int]:
    """A number that is 0 until something is known of it."""
    return Column(name, BigInteger, nullable=False, server_default="0")


NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""63 bits; SQLite keeps a table in the order of a key it calls INTEGER, without a second index."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
