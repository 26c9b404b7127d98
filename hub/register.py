"""The register: people, badges, devices: what is set up. Personal data lives here only (design.md, What is remembered).

`office.db`, through SQLAlchemy Core, with one writing connection that the history shares. Decisions see a frozen `School`; nothing
is decided here. Any failed write ends in `die`.
"""

import asyncio
import contextlib
import dataclasses
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, RowMapping, Table, delete, event, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub import tables as t
from hub.core.calendar import CalendarDay
from hub.core.menus import Canteen, Diet, Menu
from hub.core.school import (
    Adult,
    Badge,
    Custody,
    Device,
    FamilyFile,
    Household,
    PayerOverride,
    Product,
    Programme,
    Pupil,
    Reader,
    Row,
    Rows,
    School,
    Site,
    Tariff,
    TariffGroup,
)
from hub.core.timetable import AbsenceReason, ClassHours, Plan
from hub.errors import DamageError, RowError
from hub.folder import Die, Folder, disk_full, settle_log
from hub.migrations import migrate
from hub.rows import opened, read_school

LOG_BYTES = 1024 * 1024
"""A longer write-ahead log is written into the file: rarely, for what it holds is safe, and each page is then written once more."""
READERS = 2
"""Reading connections, each with a thread and 2 MB: pages answer in about a millisecond, so more would not be faster."""
ROWS_AT_ONCE = 50
"""Rows of an edit written at once: a millisecond of the loop."""


class Register:
    """Implements `hub.desk.Register`; accounts, papers and the history are rooms of their own on the same database."""

    def __init__(self, path: Path, die: Die) -> None:
        self._path = path
        self.die = die
        self.written = 0
        """Counts what was written, by whomever: what was read before may be another now."""
        self._writer = _engine(path, connections=1, setting="synchronous=FULL", begin="BEGIN IMMEDIATE")
        self._reader = _engine(path, connections=READERS, setting="query_only=ON", begin="BEGIN")

    @classmethod
    async def open(cls, folder: Folder, die: Die, *, settled: bool = False) -> "Register":
        """Bring the tables up to date; `settled`: the log of the last run is.

        Raises StartError for a database of a newer version, DamageError for a broken file.
        """
        if not settled:
            settle_log(folder.office)
        register = cls(folder.office, die)
        try:
            async with register._writer.begin() as connection:
                await connection.run_sync(migrate)
        except DBAPIError as error:
            await register._dispose()
            damage = DamageError(f"{folder.office}: {error.orig}: restore the folder from a backup")
            raise disk_full(folder.office, error.orig) or damage from error
        except BaseException:
            await register._dispose()
            raise
        return register

    async def close(self) -> None:
        """Tidy up and let go of the file."""
        await self.tidy(0)
        await self._dispose()

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One durable transaction, one at a time. Raises RowError, with nothing written, for rows that fit no table."""
        try:
            async with self._writer.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise RowError(f"{self._path}: {error.orig}") from error
        except DBAPIError as error:
            self.die(f"{self._path}: cannot be written: {error.orig}")
            raise
        finally:
            self.written += 1

    def reading(self) -> contextlib.AbstractAsyncContextManager[AsyncConnection]:
        """A reading connection: sees what was committed when its first query began."""
        return self._reader.connect()

    async def tidy(self, log_bytes: int = LOG_BYTES) -> None:
        """Write a long log into the file. SQLite would by itself, but swallow a failed fsync then (reliability.md, 2.4)."""
        log_path = self._path.with_name(self._path.name + "-wal")
        if not log_path.exists() or log_path.stat().st_size <= log_bytes:
            return
        try:
            async with self._writer.connect() as connection:
                driver = await connection.get_raw_connection()
                await driver.driver_connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        except (DBAPIError, sqlite3.Error) as error:  # the driver's own errors come as they are
            self.die(f"{self._path}: cannot be written: {error}")
            raise

    async def _dispose(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()

    # --- the school -------------------------------------------------------------------------------

    async def read_school(self) -> School:
        """Everything that is set up."""
        return await asyncio.to_thread(_read_school, self._path)

    async def knows(self, ask: int) -> bool:
        """Whether an edit with this ask id was written before."""
        async with self.reading() as connection:
            return await connection.scalar(select(t.edit.c.ask).where(t.edit.c.ask == ask)) is not None

    async def write(self, ask: int, rows: Rows) -> bool:
        """Put rows in or replace them, together with the ask id; False, and nothing written, when this ask was written before."""
        async with self.writing() as connection:
            new = await connection.execute(insert(t.edit).values(ask=ask).on_conflict_do_nothing())
            if new.rowcount == 0:
                return False
            for table, those in _by_table(rows).items():
                for first in range(0, len(those), ROWS_AT_ONCE):
                    await connection.execute(_put(table), [_stored(row) for row in those[first : first + ROWS_AT_ONCE]])
            for row in rows:
                if isinstance(row, Pupil) and row.same_as:
                    for statement in _papers_of_one(row.id, row.same_as):
                        await connection.execute(statement)
        await self.tidy()  # many edits at once fill a disk that has only its reserve before the history comes round to it
        return True

    # --- for the rooms on the same database -------------------------------------------------------

    async def one(self, query: Any) -> RowMapping | None:
        """The one row of a query, or None."""
        async with self.reading() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    async def changed(self, statement: Any) -> bool:
        """Run one writing statement; whether it changed a row."""
        async with self.writing() as connection:
            changed: int = (await connection.execute(statement)).rowcount
        return changed > 0


def _read_school(path: Path) -> School:
    with opened(path) as office:
        return read_school(office)


def _engine(path: Path, *, connections: int, setting: str, begin: str) -> AsyncEngine:
    """Connections that begin their transactions themselves (the driver would begin them late) and check foreign keys."""
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), pool_size=connections, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for each in ("journal_mode=WAL", "wal_autocheckpoint=0", "foreign_keys=ON", "busy_timeout=5000", setting):
            cursor.execute(f"PRAGMA {each}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _put(table: Table) -> Any:
    """Insert a row, or replace the one with its key."""
    statement = insert(table)
    rest = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)


def _papers_of_one(gone: int, kept: int) -> Iterator[Any]:
    """What is kept of a child that was entered twice (papers.py): both notes, everybody who may fetch it, and one photo."""
    yield update(t.pickup).where(t.pickup.c.pupil == gone).values(pupil=kept)
    for table in (t.photo, t.pupil_note):
        held = select(table.c.pupil).where(table.c.pupil == kept)
        yield update(table).where(table.c.pupil == gone, ~held.exists()).values(pupil=kept)
    theirs = select(t.pupil_note.c.text).where(t.pupil_note.c.pupil == gone).scalar_subquery()
    both = t.pupil_note.c.text + "\n\n" + theirs
    yield update(t.pupil_note).where(t.pupil_note.c.pupil == kept, theirs.is_not(None)).values(text=both)
    for table in (t.photo, t.pupil_note):
        yield delete(table).where(table.c.pupil == gone)


def _by_table(rows: Rows) -> dict[Table, list[Row]]:
    found: dict[Table, list[Row]] = defaultdict(list)
    for row in rows:
        found[_TABLE[type(row)]].append(row)
    return found


def _stored(row: Row) -> dict[str, Any]:
    """A row as columns; field names are column names."""
    values = {each.name: getattr(row, each.name) for each in dataclasses.fields(row)}
    match row:
        case Site():
            values |= {"zone": row.zone.key, "contacts": [list(contact) for contact in row.contacts]}
        case Tariff():
            values["lines"] = msgspec.to_builtins(row.lines)
        case Custody():
            values["weekdays"] = sorted(row.weekdays)
        case Plan():
            values |= {"weekdays": sorted(row.weekdays), "excluded": sorted(day.isoformat() for day in row.excluded)}
        case Programme():
            values["windows"] = msgspec.to_builtins(row.windows, order="deterministic")
            values |= {"days": sorted(row.days), "formerly": msgspec.to_builtins(row.formerly, order="deterministic")}
        case Product():
            values |= {"allergens": sorted(row.allergens), "diets": sorted(row.diets)}
        case Menu():
            values["offers"] = [[offer.product, offer.price_cents, sorted(offer.allergens)] for offer in row.offers]
        case Diet():
            values["allergens"] = sorted(row.allergens)
        case CalendarDay():
            values["kind"] = row.kind or ""
    return values


_TABLE: dict[type, Table] = {
    Site: t.site,
    Programme: t.programme,
    Product: t.product,
    Device: t.device,
    Reader: t.reader,
    Household: t.household,
    Adult: t.adult,
    Pupil: t.pupil,
    Badge: t.badge,
    CalendarDay: t.calendar_day,
    Tariff: t.tariff,
    TariffGroup: t.tariff_group,
    FamilyFile: t.family_file,
    Canteen: t.canteen,
    Menu: t.menu,
    Diet: t.diet,
    Custody: t.custody,
    PayerOverride: t.payer_override,
    Plan: t.plan,
    AbsenceReason: t.absence_reason,
    ClassHours: t.class_hours,
}
