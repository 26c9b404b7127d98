"""The register: what is set up survives, an edit happens once, and tables and migrations agree."""

import importlib
import random
import re
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.exc import OperationalError

import hub.migrations
from hub.core.calendar import CalendarDay, DayKind, Window
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Kin, Late, Line, Periods, Session, Siblings
from hub.core.menus import Allergen, Canteen, Diet, Menu, Offer, Unordered
from hub.core.papers import Note
from hub.core.school import (
    Adult,
    Badge,
    BadgeState,
    Custody,
    Device,
    FamilyFile,
    Household,
    PayerOverride,
    Policy,
    Product,
    ProductKind,
    Programme,
    Pupil,
    Reader,
    Row,
    Rows,
    Scans,
    School,
    Site,
    Tariff,
    TariffGroup,
    WalletScope,
    Weeks,
    edited,
)
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Formerly, Plan
from hub.errors import DamageError, RowError, StartError
from hub.folder import Folder
from hub.migrations import NEWEST, create, migrate, upgrade
from hub.notes import Notes
from hub.register import LOG_BYTES, Register
from hub.tables import metadata
from proto.messages import Direction, Use
from tests.stores import Deaths, alive, log_of

PAGE_BYTES = 4096
"""Of SQLite, where nothing else is said."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "hub")
    yield folder
    folder.close()


@pytest.fixture
async def register(folder: Folder) -> AsyncIterator[Register]:
    register = await Register.open(folder, alive)
    yield register
    await register.close()


# --- the school -----------------------------------------------------------------------------------


def random_rows(luck: random.Random, count: int) -> Iterator[Row]:
    """Rows of every kind, some put again with other values; each refers to what was put before it."""

    def some(last: int) -> int:
        return luck.randint(1, last)

    for number in range(1, 4):
        yield Site(number, "Site", ZoneInfo("Europe/Brussels"))
        yield Household(number, "Famille")
        yield Pupil(number, some(number), some(number), "Léa", "Martin")
        yield Device(f"device-{number}", some(number), "Borne")
        yield Programme(number, some(number), Use.CARE, "Garderie", ())
    for _ in range(count):
        words = luck.choice(["Été", "L'école", "日本", "a\nb", ""])
        windows = tuple(
            Window(frozenset(luck.sample(range(7), some(7))), some(600), 600 + some(700), until_day=luck.choice([None, date(2024, 2, 29)]))
            for _window in range(luck.randrange(3))
        )
        allergens = frozenset(luck.sample(list(Allergen), luck.randrange(4)))
        rows: list[Row] = [
            Site(
                some(3),
                words,
                ZoneInfo(luck.choice(["Europe/Paris", "America/Cayenne"])),
                -luck.randrange(10**6),
                luck.choice(list(WalletScope)),
                some(500),
            ),
            Programme(some(5), some(3), luck.choice(list(Use)), words, windows, luck.choice(list(Scans)), formerly=_formerly(luck)),
            *tariff_rows(luck, words),
            Product(
                some(5),
                some(3),
                luck.choice(list(ProductKind)),
                words,
                some(10**6),
                luck.choice(list(Policy)),
                allergens,
                frozenset([words]),
            ),
            *_canteen(luck, words, allergens),
            Device(f"device-{some(3)}", some(3), words, some(9), luck.choice(["", "clone"])),
            Reader(f"device-{some(3)}", f"r{some(3)}", words, luck.choice(list(Use)), luck.choice(list(Direction)), some(9), some(9)),
            Household(some(3), words),
            Adult(some(5), some(3), words, words, luck.choice(["", "anne@example.be"]), luck.choice(["fr", "en"])),
            Pupil(some(3), some(3), some(3), words, words, words, luck.randrange(10**4)),
            Badge(
                2**63 - (badge := some(9)), f"{badge % 3:020}", some(3), luck.choice(list(BadgeState)), some(99), luck.randrange(99), words
            ),
            *_payers(luck),
            *_expected(luck, words),
            CalendarDay(luck.randrange(3), date(2024, 2, 28) + timedelta(days=some(3)), luck.choice([*DayKind, None]), words),
        ]
        yield luck.choice(rows)


def _formerly(luck: random.Random) -> tuple[Formerly, ...]:
    """How a programme was run before, up to twice."""
    days = sorted(luck.sample([date(2024, 2, 29), date(2025, 9, 1), date(2025, 9, 2)], luck.randrange(3)))
    kinds = [frozenset(luck.sample(list(DayKind), luck.randrange(3))) for _ in days]
    how = [(luck.choice(list(Scans)), luck.choice(list(Attendance)), luck.randrange(3)) for _ in days]
    return tuple(Formerly(day, *each, those) for day, each, those in zip(days, how, kinds, strict=True))


def _canteen(luck: random.Random, words: str, allergens: frozenset[Allergen]) -> Rows:
    """How orders are taken at a site, a day's menu, and what a pupil eats."""
    site, pupil, minutes, cents = luck.randint(1, 3), luck.randint(1, 3), luck.randrange(1440), luck.randrange(99)
    day = date(2024, 2, 28) + timedelta(days=luck.randrange(3))
    unordered = luck.choice(list(Unordered))
    return (
        Canteen(site, luck.randint(1, 30), minutes, luck.randrange(3), minutes, Unordered.SURCHARGE, cents, unordered, cents, cents),
        Menu(site, day, tuple(Offer(luck.randint(1, 5), cents, allergens) for _ in range(3))),
        Diet(pupil, words, allergens),
    )


def _expected(luck: random.Random, words: str) -> Rows:
    """When pupils are expected: a class's hours, a plan, a reason not to come."""
    number, day = luck.randint(1, 5), date(2024, 2, 28) + timedelta(days=luck.randrange(3))
    hours = ClassHours(number % 3 + 1, words, luck.randrange(7), 500, 5, 600, luck.choice([930, 1440]), day, luck.choice([None, day]))
    weekdays = frozenset(luck.sample(range(7), luck.randint(1, 7)))
    plan = Plan(number, number % 3 + 1, luck.randint(1, 3), day, luck.choice([None, day]), weekdays, frozenset({day}))
    return hours, plan, AbsenceReason(number, words, luck.randrange(101))


def _payers(luck: random.Random) -> Rows:
    """Each of a few rows about the same pupil, whoever pays."""
    number, household = luck.randint(1, 9), luck.randint(1, 3)
    from_day, until_day = (date(2024, 2, 28) + timedelta(days=luck.randrange(9)) for _ in range(2))
    weekdays = frozenset(luck.sample(range(7), luck.randint(1, 7)))
    return (
        Custody(number, number % 3 + 1, household, from_day, until_day, luck.choice(list(Weeks)), weekdays),
        PayerOverride(number, number % 3 + 1, household, from_day, luck.choice([None, until_day]), luck.randrange(9)),
    )


def tariff_rows(luck: random.Random, words: str) -> list[Row]:
    """A tariff with a line of every kind, a tariff group, a family file; the id of a row says what it belongs to."""
    version, file = luck.randint(1, 9), luck.randint(1, 9)
    since = date(2024, 2, 29) + timedelta(days=luck.randrange(400))
    until = luck.choice([None, since + timedelta(days=9)])
    units = (Fixed(luck.randrange(10**6)), ByBracket(tuple(range(10)), (1, 2)), ByEffort(luck.randrange(10**6), 50, 300))
    band = Band(960, 1080, luck.choice(units), 30, luck.randrange(9))
    formulas = (Session(luck.choice(units)), Periods(luck.choice(units), 30, 5), Bands((band,)))
    days = tuple(luck.sample(list(DayKind), 2))
    line = Line(
        luck.choice(formulas), words, days, luck.randrange(900), Siblings((0, 25), Kin.HOUSEHOLD, present=True), Late(1080, 500, 15)
    )
    return [
        Tariff(version, version % 3, since, until, (line, Line(luck.choice(formulas))), luck.randrange(3)),
        TariffGroup(luck.randint(1, 3), words, luck.randrange(900)),
        FamilyFile(file, file % 3 + 1, since, until, luck.randrange(11), luck.randrange(-1, 900_00), since, luck.choice([None, since])),
    ]


@pytest.mark.parametrize("seed", range(5))
async def test_an_edited_school_equals_a_full_read(register: Register, seed: int) -> None:
    school, luck = School(), random.Random(seed)
    rows = list(random_rows(luck, 300))
    ask = 0
    while rows:
        size = luck.randint(1, 25)
        batch, rows, ask = tuple(rows[:size]), rows[size:], ask + 1
        assert await register.write(ask, batch)
        school = edited(school, batch)
    assert await register.read_school() == school


async def test_the_same_edit_twice_happens_once(register: Register) -> None:
    assert await register.write(5, (Household(1, "Martin"),))
    assert not await register.write(5, (Household(1, "Dupont"),))
    assert (await register.read_school()).households[1].name == "Martin"


async def test_an_edit_that_does_not_fit_changes_nothing_and_may_be_asked_again(register: Register) -> None:
    with pytest.raises(RowError):
        await register.write(5, (Household(1, "Martin"), Pupil(1, 1, 99, "Léa", "Martin")))
    assert await register.read_school() == School()
    assert await register.write(5, (Household(1, "Martin"),))


async def test_rows_of_one_edit_may_come_in_any_order(register: Register) -> None:
    rows: tuple[Row, ...] = (Pupil(1, 2, 3, "Léa", "Martin"), Household(2, "Martin"), Site(3, "Centre", ZoneInfo("Europe/Paris")))
    assert await register.write(1, rows)
    assert await register.read_school() == edited(School(), rows)


async def test_what_is_set_up_survives_a_restart(folder: Folder) -> None:
    rows = (Household(1, "Martin"),)
    for ask in (1, 2):
        register = await Register.open(folder, alive)
        await register.write(ask, rows)
        await register.close()
    assert not log_of(folder.office).exists()


async def test_many_edits_at_once_leave_a_short_log(folder: Folder, register: Register) -> None:
    """On a full disk the reserve has to carry them: nobody else tidies up for five seconds."""
    for ask in range(1, 3 * LOG_BYTES // (3 * PAGE_BYTES)):  # each rewrites three pages and more
        await register.write(ask, (Household(ask, "Martin"),))
    assert log_of(folder.office).stat().st_size < LOG_BYTES + 50 * PAGE_BYTES


async def test_a_write_that_fails_ends_the_hub(folder: Folder) -> None:
    died = Deaths()
    register = await Register.open(folder, died)
    async with register.writing() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Exception, match="full"):
        await register.write(1, tuple(Household(number, "x" * 500) for number in range(1, 100)))
    assert "full" in died.reasons[0]
    await register.close()


# --- accounts -------------------------------------------------------------------------------------


async def test_a_log_that_cannot_be_written_into_the_file_ends_the_hub(folder: Folder) -> None:
    died = Deaths()
    register = await Register.open(folder, died)
    await register.tidy(0)
    size = folder.office.stat().st_size
    async with register.writing() as connection:
        await connection.execute(insert(metadata.tables["edit"]).values([{"ask": n} for n in range(1, 5_000)]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(sqlite3.OperationalError):
            await register.tidy(0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "office.db: cannot be written" in died.reasons[0]
    await register.close()


async def test_a_full_disk_is_not_called_damage(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup put in place of a healthy register would help nobody."""

    def fails(_connection: Connection) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("COMMIT", None, error)

    monkeypatch.setattr("hub.register.migrate", fails)
    with pytest.raises(StartError, match="the disk is full: make room") as refused:
        await Register.open(folder, alive)
    assert not isinstance(refused.value, DamageError)


async def test_a_note_can_be_changed_and_erased(register: Register) -> None:
    notes = Notes(register)
    await notes.write(Note(3, "parti plus tôt"))
    await notes.write(Note(3, "parti à midi"))
    assert await notes.noted([3, 4]) == {3: Note(3, "parti à midi")}
    await notes.write(Note(3, ""))
    assert await notes.noted([3]) == {}


# --- the tables -----------------------------------------------------------------------------------


def test_migrations_make_the_tables_that_the_code_uses() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        migrated = {row[0] for row in connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE tbl_name != 'alembic_version'")}
    engine.dispose()
    fresh = create_engine("sqlite://")
    with fresh.begin() as connection:
        create(connection)
        made = {row[0] for row in connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE tbl_name != 'alembic_version'")}
        assert MigrationContext.configure(connection).get_current_revision() == NEWEST
        migrate(connection)
        upgrade(connection)
    fresh.dispose()

    def parts(statements: set[str | None]) -> set[tuple[str, ...]]:
        """Columns that were added later, and constraints, may stand in another place."""
        return {tuple(sorted(filter(None, (line.strip(" \t()") for line in re.split(r"[\n,]", sql))))) for sql in statements if sql}

    assert parts(migrated) == parts(made)


async def test_a_programme_of_the_first_version_costs_after_the_upgrade_what_it_did(folder: Folder) -> None:
    steps = Path(hub.migrations.__file__).parent / "versions"
    first = importlib.import_module(f"hub.migrations.versions.{next(steps.glob('v0001_*')).stem}")
    engine = create_engine(f"sqlite:///{folder.office}")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            first.upgrade()
        context.stamp(ScriptDirectory(str(steps.parent)), "0001")
        connection.exec_driver_sql("INSERT INTO site VALUES (1, 'Centre', 'Europe/Brussels', 0)")
        for number, per, period_min in ((5, "period", 30), (6, "session", 0)):
            connection.exec_driver_sql(
                f"INSERT INTO programme VALUES ({number}, 1, 'care', 'P', '[]', '{per}', 750, {period_min}, 5, 600, 1)"
            )
    engine.dispose()
    register = await Register.open(folder, alive)
    school = await register.read_school()
    await register.close()
    (care,), (study,) = school.tariffs[5], school.tariffs[6]
    assert care.lines == (Line(Periods(Fixed(750), 30, 5), max_cents=600),)
    assert study.lines == (Line(Session(Fixed(750)), max_cents=600),)
    assert (care.from_day, care.until_day, school.programmes[5].scans) == (date.min, None, Scans.BOTH)


async def test_hours_of_a_version_without_their_days_are_valid_on_all_days_after_the_upgrade(folder: Folder) -> None:
    steps = Path(hub.migrations.__file__).parent / "versions"
    before = sorted(path.stem for path in steps.glob("v*.py") if path.stem < "v0022")
    engine = create_engine(f"sqlite:///{folder.office}")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for name in before:
                importlib.import_module(f"hub.migrations.versions.{name}").upgrade()
        context.stamp(ScriptDirectory(str(steps.parent)), "0021")
        connection.exec_driver_sql("INSERT INTO site (id, name, zone, floor_cents) VALUES (1, 'Centre', 'Europe/Brussels', 0)")
        connection.exec_driver_sql(
            "INSERT INTO programme (id, site, use, name, windows) VALUES (5, 1, 'care', 'P', '[[[0, 2], 930, 1080], [[4], 720, 1440]]')"
        )
        for weekday, since in ((0, "NULL"), (1, "'2025-09-01'"), (2, "'9999-12-31'")):
            connection.exec_driver_sql(f"INSERT INTO class_hours VALUES (1, '', {weekday}, 510, 5, 720, 930, {since})")
    engine.dispose()
    register = await Register.open(folder, alive)
    school = await register.read_school()
    await register.close()
    assert school.programmes[5].windows == (Window(frozenset({0, 2}), 930, 1080), Window(frozenset({4}), 720, 1440))
    assert (school.programmes[5].formerly, school.changed_day) == ((), None)
    assert list(school.class_hours.values()) == [
        (ClassHours(1, "", 0, 510, 5, 720, 930),),
        (ClassHours(1, "", 1, 510, 5, 720, 930, date(2025, 9, 1)),),
    ], "what had ended is left out"


def test_the_newest_step_is_the_one_the_program_knows() -> None:
    assert ScriptDirectory(str(Path(hub.migrations.__file__).parent)).get_heads() == [NEWEST]


async def test_a_newer_register_is_refused(folder: Folder) -> None:
    await (await Register.open(folder, alive)).close()
    with closing(sqlite3.connect(folder.office, isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match="install the version that wrote it"):
        await Register.open(folder, alive)


async def test_a_register_that_is_no_database_is_named(folder: Folder) -> None:
    folder.office.write_bytes(b"not a database" * 100)
    with pytest.raises(DamageError, match=r"office\.db: file is not a database"):
        await Register.open(folder, alive)
