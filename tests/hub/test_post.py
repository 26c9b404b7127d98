"""The post: a letter for each payer and each crossing, sent when the server lets it, once where it can be helped."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from hub import tables as t
from hub.backup import _copy_office
from hub.core.books import Books
from hub.core.codes import Level
from hub.core.facts import Facts, LowBalance, WalletOpened
from hub.core.school import Adult, Household, Pupil, Row, School, Site
from hub.letters import mark
from hub.mailqueue import KEEP_MS, Listed, MailQueue, State, listed
from hub.memory import Memory, memory
from hub.opening import _start_post
from hub.post import AT_ONCE, DOWN_AFTER, FAILED_MS, GIVE_UP_MS, Carrier, Clockwork, Post, over_smtp, pause_ms, readers
from hub.settings import HubSettings, MailSettings, Settings, mail_sender
from tests.boxes import until
from tests.mailserver import MailServer, mail_server
from tests.schools import MONDAY, ZONE, moment

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SITE, WALLET = 1, 42
VANDERZANDE, OKONKWO = 5, 6
ANNE, BOB, MIA = "anne@example.be", "bob@example.be", "mia@example.be"
ROWS: tuple[Row, ...] = (
    Site(SITE, "Les Tilleuls", ZONE, floor_cents=-10_00),
    Household(VANDERZANDE, "Vanderzande"),
    Household(OKONKWO, "Okonkwo"),
    Pupil(11, VANDERZANDE, SITE, "Léa", "Vanderzande"),
    Adult(21, VANDERZANDE, "Anne", "Vanderzande", ANNE),
    Adult(22, VANDERZANDE, "Bob", "Vanderzande", BOB),
    Adult(23, VANDERZANDE, "Oma", "Vanderzande"),
    Adult(24, OKONKWO, "Mia", "Okonkwo", MIA),
)


@dataclass
class Wall:
    """A clock that a test moves on; the pauses of a post are waited for by nobody."""

    ms: int = moment("16:05", MONDAY)

    def __call__(self) -> int:
        return self.ms

    def on(self, ms: int) -> None:
        self.ms += ms


@dataclass
class House:
    """A hub's stores, and the post that follows them."""

    stores: Memory
    wall: Wall
    mail: MailSettings
    queue: MailQueue = field(init=False)
    post: Post = field(init=False)

    def __post_init__(self) -> None:
        self.queue = MailQueue(self.stores.register)
        clock = Clockwork(self.wall, lambda: 0.0, every_s=0.01)
        self.post = Post(self.stores.desk, self.stores.journal, self.queue, mail_sender(self.mail), lambda: over_smtp(self.mail), clock)

    async def falls(self, level: Level = Level.LOW, payer: int = VANDERZANDE, balance_cents: int = 1_50) -> int:
        """A wallet has fallen; the number of the fact."""
        ask = self.stores.new_ask()

        def fallen(_school: School, books: Books) -> Facts:
            opened = WalletOpened(ask, WALLET + payer, SITE, payer, self.wall())
            low = LowBalance(ask, WALLET + payer, payer, level, balance_cents, self.wall())
            return (low,) if (WALLET + payer) in books.owners else (opened, low)

        answer = await self.stores.desk.do(ask, fallen)
        return answer.number + len(answer.facts) - 1

    def rows(self) -> list[Listed]:
        return listed(self.stores.folder.office)

    async def comes(self, *expected: tuple[str, State, str]) -> None:
        """Wait until the queue is like this."""
        await until(lambda: sorted((row.email, row.state, row.trouble) for row in self.rows()) == sorted(expected))


@asynccontextmanager
async def house(path: Path, mail: MailSettings, wall: Wall, *, starts: bool = True) -> AsyncIterator[House]:
    """A hub that starts, and ends."""
    async with memory(path / "hub") as stores, AsyncExitStack() as stack:
        await stores.desk.edit(1, lambda _school: ROWS)
        found = House(stores, wall, mail)
        if starts:
            found.post.start()
            stack.push_async_callback(found.post.close)
            await until(lambda: _follows(stores.folder.office))
        yield found


def _follows(office: Path) -> bool:
    """Whether a post has noted from where on it follows the journal."""
    with closing(sqlite3.connect(office)) as database:
        return bool(database.execute("SELECT 1 FROM mail_head").fetchone())


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as told:
        yield told


@pytest.fixture
async def home(tmp_path: Path, server: MailServer) -> AsyncIterator[House]:
    async with house(tmp_path, server.settings(), Wall()) as found:
        yield found


# --- to whom --------------------------------------------------------------------------------------


async def test_the_adults_who_pay_get_a_letter_and_nobody_else(home: House, server: MailServer) -> None:
    """Not the child, not another family, not the grandmother without an address (complaint C3)."""
    await home.falls(Level.DEBT, balance_cents=-3_20)
    await home.comes((ANNE, State.SENT, ""), (BOB, State.SENT, ""))
    assert sorted(server.to()) == [ANNE, BOB]
    body = server.mails[0][1].get_body(("plain",))
    assert body is not None
    assert "-3,20" in body.get_content()
    assert "+++097/0000/00101+++" in body.get_content(), "the first wallet's communication"
    assert "Léa" not in server.mails[0][1].as_string()


def test_a_letter_is_for_each_adult_of_the_household_that_pays() -> None:
    school = School(adults={one.id: one for one in ROWS if isinstance(one, Adult)})
    low = {number: LowBalance(1, WALLET, payer, Level.LOW, 1_00, 0) for number, payer in ((7, OKONKWO), (8, VANDERZANDE), (9, OKONKWO))}
    assert [(number, adult.email) for number, adult in readers(school, low)] == [(8, ANNE), (8, BOB), (7, MIA), (9, MIA)]
    assert readers(school, {7: LowBalance(1, WALLET, 99, Level.LOW, 1_00, 0)}) == readers(school, {}) == []


async def test_a_hub_that_starts_sends_what_is_due_and_says_where_nobody_will(
    tmp_path: Path, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    hub = HubSettings(str(tmp_path / "hub"))
    async with house(tmp_path, server.settings(), Wall(), starts=False) as home:
        await home.queue.begin(home.stores.journal.durable)
        await home.falls(payer=OKONKWO)
        with caplog.at_level(logging.INFO, "hub.opening"):
            async with AsyncExitStack() as stack:
                await _start_post(Settings(hub=hub, mail=server.settings()), home.stores, stack)
                await server.arrived.wait()
            assert caplog.messages == []
            async with AsyncExitStack() as stack:
                await _start_post(Settings(hub=hub), home.stores, stack)
            assert caplog.messages == ["no [mail] in the settings: no letters are sent"]
    assert server.to() == [MIA]


async def test_each_crossing_makes_one_letter_however_often_the_hub_starts_again(tmp_path: Path, server: MailServer) -> None:
    wall = Wall()
    for crossing in range(1, 4):
        async with house(tmp_path, server.settings(), wall) as home:
            await home.falls(payer=OKONKWO)
            await home.comes(*[(MIA, State.SENT, "")] * crossing)
    async with house(tmp_path, server.settings(), wall):
        pass
    assert server.to() == [MIA] * 3
    assert len({mail["Message-ID"] for _, mail in server.mails}) == 3


async def test_what_happened_while_the_post_was_away_is_caught_up(tmp_path: Path, server: MailServer) -> None:
    """The hub died after the commit, before the letter was queued."""
    wall = Wall()
    async with house(tmp_path, server.settings(), wall):
        pass
    async with house(tmp_path, server.settings(), wall, starts=False) as home:
        await home.falls(payer=OKONKWO)
        assert home.rows() == []
    async with house(tmp_path, server.settings(), wall) as home:
        await home.comes((MIA, State.SENT, ""))
    assert server.to() == [MIA]


async def test_a_school_that_begins_with_letters_gets_none_about_its_past(tmp_path: Path, server: MailServer) -> None:
    wall = Wall()
    async with house(tmp_path, server.settings(), wall) as home:
        await home.falls(payer=OKONKWO)
        await home.comes((MIA, State.SENT, ""))
    async with house(tmp_path, server.settings(), wall, starts=False) as home:
        await home.queue.forget_head()  # as a start without [mail] does
        await home.falls(payer=OKONKWO)
    async with house(tmp_path, server.settings(), wall) as home:
        await home.falls(payer=VANDERZANDE)
        await home.comes((MIA, State.SENT, ""), (ANNE, State.SENT, ""), (BOB, State.SENT, ""))
    assert sorted(server.to()) == [ANNE, BOB, MIA]


async def test_a_letter_goes_to_the_address_of_now(home: House, server: MailServer) -> None:
    server.greylists.add(MIA)
    await home.falls(payer=OKONKWO)
    await home.comes((MIA, State.QUEUED, "451"))
    await home.stores.desk.edit(2, lambda _school: (Adult(24, OKONKWO, "Mia", "Okonkwo", "new@example.be"),))
    home.wall.on(HOUR_MS)
    await home.comes(("new@example.be", State.SENT, ""))


async def test_who_has_left_the_household_reads_no_balance_of_it(home: House, server: MailServer) -> None:
    server.greylists.add(MIA)
    await home.falls(payer=OKONKWO)
    await home.comes((MIA, State.QUEUED, "451"))
    server.greylists.clear()
    await home.stores.desk.edit(2, lambda _school: (Adult(24, VANDERZANDE, "Mia", "Okonkwo", MIA),))
    home.wall.on(HOUR_MS)
    await home.comes((MIA, State.FAILED, "no_reader"))
    assert server.mails == []


async def test_an_adult_who_is_erased_takes_the_letters_along(home: House, server: MailServer) -> None:
    await home.falls()
    await home.comes((ANNE, State.SENT, ""), (BOB, State.SENT, ""))
    async with home.stores.register.writing() as connection:
        await connection.execute(delete(t.adult).where(t.adult.c.id == 21))
        left = (await connection.execute(select(t.mail_queue.c.adult))).scalars().all()
    assert left == [22]


async def test_the_queue_holds_ids_and_codes_only(home: House, server: MailServer) -> None:
    number = await home.falls()
    server.unknown |= {ANNE, BOB}
    await until(lambda: len(home.rows()) == 2)
    async with home.stores.register.reading() as connection:
        rows = [dict(row) for row in (await connection.execute(select(t.mail_queue))).mappings()]
    assert {row["fact"] for row in rows} == {number}
    assert all(isinstance(value, int) or value in {*State, "", "550"} for row in rows for value in row.values())


# --- when -----------------------------------------------------------------------------------------


async def test_a_reader_nobody_knows_is_given_up_and_the_other_parent_gets_the_letter(home: House, server: MailServer) -> None:
    server.unknown.add(ANNE)
    await home.falls()
    await home.comes((ANNE, State.FAILED, "550"), (BOB, State.SENT, ""))
    await until(lambda: home.post.alarms() == ["mail_failed"])
    home.wall.on(FAILED_MS + MINUTE_MS)
    await until(lambda: home.post.alarms() == [])
    assert server.to() == [BOB]


async def test_a_server_that_greylists_is_asked_again_after_growing_pauses(home: House, server: MailServer) -> None:
    server.greylists.add(MIA)
    await home.falls(payer=OKONKWO)
    for tries, minutes in enumerate((1, 3, 9, 27), 1):
        await until(lambda tries=tries: [row.tries for row in home.rows()] == [tries])  # type: ignore[misc]
        assert home.rows()[0].next_ms == home.wall() + minutes * MINUTE_MS
        home.wall.on(minutes * MINUTE_MS)
    server.greylists.clear()
    home.wall.on(HOUR_MS)
    await home.comes((MIA, State.SENT, ""))
    assert home.post.alarms() == []


async def test_a_letter_that_cannot_be_sent_for_three_days_is_given_up_with_an_alarm(home: House, server: MailServer) -> None:
    server.greylists.add(MIA)
    await home.falls(payer=OKONKWO)
    await home.comes((MIA, State.QUEUED, "451"))
    begun_ms = home.wall()
    while home.wall() - begun_ms <= GIVE_UP_MS:
        tries = home.rows()[0].tries
        home.wall.on(6 * HOUR_MS)
        await until(lambda tries=tries: home.rows()[0].tries > tries)  # type: ignore[misc]
    await home.comes((MIA, State.FAILED, "too_late"))
    await until(lambda: home.post.alarms() == ["mail_failed"])
    assert server.mails == []


async def test_a_server_that_is_away_keeps_all_letters_waiting_and_staff_are_told(tmp_path: Path) -> None:
    async with mail_server() as gone:
        settings = gone.settings()
    async with house(tmp_path, settings, Wall()) as home:
        await home.falls()
        await home.falls(payer=OKONKWO)
        for _ in range(DOWN_AFTER):
            tried = sum(row.tries for row in home.rows())
            await until(lambda tried=tried: sum(row.tries for row in home.rows()) > tried)  # type: ignore[misc]
            home.wall.on(HOUR_MS)
        await until(lambda: home.post.alarms() == ["mail_down"])
        assert {row.state for row in home.rows()} == {State.QUEUED}
        assert len(home.rows()) == 3


async def test_letters_that_waited_for_the_server_arrive_when_it_is_back(home: House, server: MailServer) -> None:
    server.refuses_sender = True  # a mistake in the settings, or in the server's: no fault of any letter
    await home.falls()
    await home.falls(payer=OKONKWO)
    await until(lambda: sorted(row.trouble for row in home.rows()) == ["", "", "550"])
    server.refuses_sender = False
    home.wall.on(2 * MINUTE_MS)
    await home.comes((ANNE, State.SENT, ""), (BOB, State.SENT, ""), (MIA, State.SENT, ""))


async def test_a_letter_the_server_cannot_bear_does_not_block_the_others(home: House, server: MailServer) -> None:
    server.drops = "DATA"
    await home.falls()
    await until(lambda: sorted(row.tries for row in home.rows()) == [0, 1])
    home.wall.on(2 * MINUTE_MS)
    await until(lambda: sum(row.tries for row in home.rows()) == 2)
    assert [row.tries for row in home.rows()] == [1, 1], "each had its turn"
    server.drops = ""
    home.wall.on(HOUR_MS)
    await home.comes((ANNE, State.SENT, ""), (BOB, State.SENT, ""))


async def test_while_a_server_hangs_the_hub_decides_and_ends_in_time(tmp_path: Path, server: MailServer) -> None:
    server.hangs = "DATA"
    async with house(tmp_path, server.settings(), Wall()) as home:
        await home.falls(payer=OKONKWO)
        await until(lambda: "DATA" in server.asked)
        async with asyncio.timeout(1.0):
            await home.falls(payer=VANDERZANDE)
    server.hangs = ""
    async with house(tmp_path, server.settings(), Wall()) as home:
        await home.comes((ANNE, State.SENT, ""), (BOB, State.SENT, ""), (MIA, State.SENT, ""))


async def test_an_answer_that_is_lost_sends_the_letter_again_under_the_same_name(tmp_path: Path, server: MailServer) -> None:
    """At least once: the server has it, and the hub died before it knew."""
    async with house(tmp_path, server.settings(), Wall()) as home:
        await home.falls(payer=OKONKWO)
        await home.comes((MIA, State.SENT, ""))
        async with home.stores.register.writing() as connection:  # as it was before the answer
            await connection.execute(t.mail_queue.update().values(state=State.QUEUED))
    async with house(tmp_path, server.settings(), Wall()) as home:
        await home.comes((MIA, State.SENT, ""))
    assert server.to() == [MIA, MIA]
    assert len({mail["Message-ID"] for _, mail in server.mails}) == 1


async def test_many_letters_go_a_few_at_a_time_over_one_connection_each(tmp_path: Path, server: MailServer) -> None:
    async with house(tmp_path, server.settings(), Wall(), starts=False) as home:
        await home.queue.put([], home.stores.journal.durable, 0)
        for _ in range(AT_ONCE + 5):
            await home.falls(payer=OKONKWO)
    async with house(tmp_path, server.settings(), Wall()) as home:
        await home.comes(*[(MIA, State.SENT, "")] * (AT_ONCE + 5))
    assert server.connections == 2


async def test_what_failed_can_be_queued_again_when_its_reason_is_mended(home: House, server: MailServer) -> None:
    server.unknown.add(MIA)
    await home.falls(payer=OKONKWO)
    await home.comes((MIA, State.FAILED, "550"))
    server.unknown.clear()
    assert await home.queue.again(home.wall()) == 1
    await home.comes((MIA, State.SENT, ""))
    assert await home.queue.again(home.wall()) == 0


async def test_what_is_over_is_forgotten_after_a_term(home: House) -> None:
    await home.falls(payer=OKONKWO)
    await home.comes((MIA, State.SENT, ""))
    await home.queue.tidy(home.wall() + KEEP_MS)
    assert len(home.rows()) == 1
    await home.queue.tidy(home.wall() + KEEP_MS + 1)
    assert home.rows() == []


async def test_a_backup_keeps_no_letter_about_a_fact_that_it_lacks(home: House, tmp_path: Path) -> None:
    """After a restore its number is given again, perhaps to what concerns another family."""
    await home.queue.put([(1, 24), (2, 24)], 5, home.wall())
    await asyncio.to_thread(_copy_office, home.stores.folder.office, tmp_path / "copy", 1)
    assert [letter.fact for letter in listed(tmp_path / "copy")] == [1]
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT number FROM mail_head").fetchall() == [(1,)]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_server_and_hub_do_no_letter_is_lost_and_none_goes_to_a_stranger(
    tmp_path: Path, server: MailServer, seed: int
) -> None:
    luck, wall = random.Random(seed), Wall()
    expected: list[tuple[str, str]] = []
    for _life in range(4):
        async with house(tmp_path, server.settings(), wall) as home:
            for _ in range(4):
                server.drops, server.refuses_sender = luck.choice(["", "", "MAIL", "DATA"]), luck.random() < 0.2
                server.greylists = {MIA} if luck.random() < 0.5 else set()
                payer = luck.choice([VANDERZANDE, OKONKWO])
                number = await home.falls(payer=payer)
                fact = (await home.stores.journal.facts([number]))[number]
                assert isinstance(fact, LowBalance)
                expected += [(adult.email, mark(fact, adult)) for _, adult in readers(home.stores.desk.school, {number: fact})]
                wall.on(luck.choice([0, MINUTE_MS, HOUR_MS]))
    server.drops, server.refuses_sender, server.greylists = "", False, set()
    async with house(tmp_path, server.settings(), wall) as home:
        await until(lambda: len(home.rows()) >= len(expected))  # it may not have got round to the first one yet
        for _ in range(10):
            wall.on(7 * HOUR_MS)
            await until(lambda: all(row.state is State.SENT or row.next_ms > wall() for row in home.rows()))
        assert sorted(row.email for row in home.rows()) == sorted(email for email, _ in expected)
        assert {row.state for row in home.rows()} == {State.SENT}
    arrived = {(to, mail["Message-ID"].partition("@")[0].removeprefix("<")) for to, mail in server.mails}
    assert arrived == set(expected)


async def test_a_defect_stops_the_letters_and_not_the_hub(home: House, caplog: pytest.LogCaptureFixture) -> None:
    def defect() -> Carrier:
        raise ZeroDivisionError

    home.post._make_carrier = defect
    await home.falls(payer=OKONKWO)
    await until(lambda: home.post.alarms() == ["mail_stopped"])
    assert "no letters are sent until the hub is started again" in caplog.text
    assert await home.falls() > 0


@given(tries=st.integers(0, 1000), luck=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_from_a_minute_to_six_hours_and_never_shrink(tries: int, luck: float) -> None:
    assert MINUTE_MS <= pause_ms(tries, luck) <= 1.25 * 6 * HOUR_MS
    assert pause_ms(tries, luck) <= pause_ms(tries + 1, luck)
    assert [pause_ms(each, 0.0) // MINUTE_MS for each in range(7)] == [1, 3, 9, 27, 81, 243, 360]
