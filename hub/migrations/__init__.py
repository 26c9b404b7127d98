"""How `office.db` came to its present tables: one file per step in `versions/`, applied once each, in order.

Alembic keeps the book of it. It is loaded only when there is a step to take: it is slow to import.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import StartError

if TYPE_CHECKING:  # the number of the newest step is asked for before SQLAlchemy is loaded
    from sqlalchemy import Connection

NEWEST = "0025"
"""The last step this program knows; a test holds it to the files."""


def migrate(connection: "Connection") -> None:
    """Take the missing steps, each with its record, in the transaction that is open. Raises StartError for a newer database.

    A new database has its tables at once: a test holds them to be what all the steps make.
    """
    stored = _stored(connection)
    if stored > NEWEST:
        raise StartError(f"office.db has version {stored}, this program knows {NEWEST}: install the version that wrote it")
    if not stored:
        create(connection)
    elif stored < NEWEST:
        upgrade(connection)


def create(connection: "Connection") -> None:
    """The tables of today in an empty database, with the record of the newest step."""
    from hub.tables import metadata

    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) CONSTRAINT alembic_version_pkc PRIMARY KEY NOT NULL)")
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (NEWEST,))


def _stored(connection: "Connection") -> str:
    """The last step taken; empty for a new database."""
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").first():
        return ""
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""


def upgrade(connection: "Connection") -> None:
    """Every step that this database has not taken."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(__file__).parent))
    context = MigrationContext.configure(connection)
    steps = list(script.iterate_revisions("head", context.get_current_revision() or "base"))
    with Operations.context(context):
        for step in reversed(steps):
            step.module.upgrade()
            context.stamp(script, step.revision)
