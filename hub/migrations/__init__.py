"""How `office.db` came to its present tables: one file per step in `versions/`, applied once each, in order.

Alembic keeps the book of it. It is loaded only when there is a step to take: it is slow to import.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from hub.errors import StartError

NEWEST = "0011"
"""The last step this program knows; a test holds it to the files."""


def migrate(connection: Connection) -> None:
    """Take the missing steps, each with its record, in the transaction that is open. Raises StartError for a newer database."""
    stored = _stored(connection)
    if stored > NEWEST:
        raise StartError(f"office.db has version {stored}, this program knows {NEWEST}: install the version that wrote it")
    if stored < NEWEST:
        _upgrade(connection)


def _stored(connection: Connection) -> str:
    """The last step taken; empty for a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _upgrade(connection: Connection) -> None:
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
