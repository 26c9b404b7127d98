"""The desk: one writer. Nobody is answered before the commit, an ask has one effect, and what the power takes was promised to nobody."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable

import pytest

from hub import desk as desk_room
from hub.core import scans
from hub.core.books import Books
from hub.core.codes import Code
from hub.core.facts import BalanceOpened, Facts, Refusal, ScanTaken, WalletOpened
from hub.core.school import Household, Rows, School
from hub.core.wallets import open_balances
from hub.desk import Answer, Desk
from tests.journals import Hub, ReplayEqualsLive, hub_of
from tests.schools import number, scan, small_school

ARRIVAL = scan("Léa", "care-in", "16:00")


@pytest.fixture
def hub(replay_equals_live: ReplayEqualsLive) -> Hub:
    """A hub with empty books, which at the end of the test must be the replay of what was committed."""
    hub = hub_of(small_school())
    replay_equals_live(hub.settled)
    return hub


async def turns() -> None:
    """Let everything run that can run."""
    for _ in range(10):
        await asyncio.sleep(0)


def bring(school: School, books: Books, ask: int, cents: int = 5_00) -> Facts | Refusal:
    return open_balances(school, books, ask, {(number("Tilleuls"), number("Vanderzande")): cents}, 0)


def refuse(school: School, books: Books) -> Refusal:
    return Refusal("no", {"seen": books.number})


def nothing(school: School, books: Books) -> Facts:
    return ()


def stumble(school: School, books: Books) -> Facts:
    raise ZeroDivisionError("a rule that fails")


def add_family(school: School, family: str) -> Rows | Refusal:
    if number(family) in school.households:
        return Refusal("family_exists")
    return (Household(number(family), family),)


# --- answers -------------------------------------------------------------------------------------


async def test_nobody_is_answered_before_the_commit(hub: Hub) -> None:
    asked = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    assert not asked.done()
    assert hub.desk.books.number == 3
    hub.journal.commit()
    answer = await asked
    assert (answer.number, answer.refusal) == (1, None)
    assert isinstance(answer.facts[0], ScanTaken)
    assert answer.facts[0].code is Code.IN


async def test_what_the_power_takes_was_promised_to_nobody(hub: Hub) -> None:
    hub.desk.submit(lambda _: None, 1, bring, 1)
    hub.journal.commit()
    lost = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    hub.restart()
    assert hub.desk.books.number == 2
    assert ARRIVAL.ask not in hub.desk.books.asks
    again = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    hub.journal.commit()
    assert (await again).number == 3
    assert not lost.done()
    lost.cancel()


async def test_a_refusal_waits_for_what_it_has_read(hub: Hub) -> None:
    hub.desk.submit(lambda _: None, 1, bring, 1)
    asked = asyncio.ensure_future(hub.desk.do(2, refuse))
    await turns()
    assert not asked.done()
    hub.journal.commit()
    assert await asked == Answer(refusal=Refusal("no", {"seen": 2}), number=2)


async def test_a_refusal_on_empty_books_waits_for_nothing_and_is_decided_afresh_each_time(hub: Hub) -> None:
    assert await hub.desk.do(2, refuse) == Answer(refusal=Refusal("no", {"seen": 0}))
    hub.desk.submit(lambda _: None, 1, bring, 1)
    hub.journal.commit()
    assert await hub.desk.do(2, refuse) == Answer(refusal=Refusal("no", {"seen": 2}), number=2)


async def test_a_decision_that_changes_nothing_is_answered_without_facts(hub: Hub) -> None:
    assert await hub.desk.do(2, nothing) == Answer()
    assert hub.desk.books == Books()


async def test_a_rule_that_fails_leaves_the_books_untouched_and_tells_its_caller(hub: Hub) -> None:
    with pytest.raises(ZeroDivisionError):
        await hub.desk.do(1, stumble)
    assert hub.desk.books == Books()
    hub.desk.submit(lambda _: None, 1, bring, 1)
    assert hub.desk.books.number == 2
    hub.journal.commit()


async def test_facts_of_another_ask_are_not_taken(hub: Hub) -> None:
    """They would not be found under this one, and a second click would do them twice."""
    with pytest.raises(AssertionError, match="facts of another ask"):
        await hub.desk.do(2, bring, 1)
    assert hub.desk.books == Books()


async def test_answers_come_in_the_order_of_the_facts(hub: Hub) -> None:
    answered: list[int] = []

    def note(place: int) -> Callable[[Answer], None]:
        return lambda _: answered.append(place)

    taps = [scan(who, "care-in", "16:00", n=n) for n, who in enumerate(("Léa", "Tom", "Noé"), 1)]
    hub.desk.submit(note(0), taps[0].ask, scans.take, taps[0])
    hub.desk.submit(note(1), 7, refuse)
    hub.desk.submit(note(2), taps[1].ask, scans.take, taps[1])
    hub.desk.submit(note(3), taps[0].ask, scans.take, taps[0])
    hub.desk.submit(note(4), taps[2].ask, scans.take, taps[2])
    assert answered == []
    hub.journal.commit()
    assert sorted(answered) == [0, 1, 2, 3, 4]
    assert [place for place in answered if place in {0, 2, 4}] == [0, 2, 4]
    assert answered.index(1) < answered.index(2)
    assert answered.index(0) < answered.index(3)


async def test_one_whose_answer_cannot_be_delivered_does_not_keep_the_next_from_his(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    def gone(answer: Answer) -> None:
        raise ConnectionResetError

    answered: list[int] = []
    hub.desk.submit(gone, 1, bring, 1)
    hub.desk.submit(lambda answer: answered.append(answer.number), ARRIVAL.ask, scans.take, ARRIVAL)
    hub.journal.commit()
    assert answered == [3]
    assert "ConnectionResetError" in caplog.text


async def test_one_who_no_longer_waits_disturbs_nobody(hub: Hub) -> None:
    asked = asyncio.ensure_future(hub.desk.do(1, bring, 1))
    await turns()
    asked.cancel()
    await turns()
    hub.journal.commit()
    assert hub.journal.number == 2


# --- asks ----------------------------------------------------------------------------------------


async def test_a_double_click_has_one_effect_and_one_answer(hub: Hub) -> None:
    first, second = (asyncio.ensure_future(hub.desk.do(1, bring, 1)) for _ in range(2))
    await turns()
    assert not second.done()
    hub.journal.commit()
    assert await first == await second
    assert await hub.desk.do(1, bring, 1) == await first
    assert [type(fact) for fact in hub.journal.facts()] == [WalletOpened, BalanceOpened]


async def test_a_known_ask_gets_its_old_answer_whatever_is_asked_now(hub: Hub) -> None:
    hub.desk.submit(lambda _: None, 1, bring, 1, 5_00)
    hub.journal.commit()
    answer = await hub.desk.do(1, bring, 1, 9_99)
    assert isinstance(answer.facts[1], BalanceOpened)
    assert answer.facts[1].entries[1].cents == 5_00


async def test_after_a_restart_a_known_ask_gets_its_old_answer_from_the_journal(hub: Hub) -> None:
    asked = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    hub.journal.commit()
    before = await asked
    hub.restart()
    assert await hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL) == before
    assert (hub.journal.reads, hub.journal.number) == (1, 3)


async def test_an_answer_that_memory_has_forgotten_is_read_back_only_when_it_is_on_disk(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_room, "RECENT_ANSWERS", 1)
    first = asyncio.ensure_future(hub.desk.do(1, bring, 1))
    await turns()
    hub.desk.submit(lambda _: None, ARRIVAL.ask, scans.take, ARRIVAL)
    again = asyncio.ensure_future(hub.desk.do(1, bring, 1))
    await turns()
    assert (again.done(), hub.journal.reads) == (False, 0)
    hub.journal.commit()
    assert await again == await first
    assert hub.journal.reads == 1


# --- what others see -----------------------------------------------------------------------------


async def test_a_page_waits_until_what_it_shows_is_on_disk(hub: Hub) -> None:
    assert await hub.desk.seen() == 0
    hub.desk.submit(lambda _: None, 1, bring, 1)
    page = asyncio.ensure_future(hub.desk.seen())
    await turns()
    assert not page.done()
    hub.journal.commit()
    assert await page == 2


async def test_watchers_are_told_after_the_commit_only(hub: Hub) -> None:
    told: list[list[int]] = []
    stop = hub.desk.watch(lambda facts: told.append([fact.ask for fact in facts]))
    hub.desk.submit(lambda _: None, 1, bring, 1)
    hub.desk.submit(lambda _: None, ARRIVAL.ask, scans.take, ARRIVAL)
    await turns()
    assert told == []
    hub.journal.commit()
    assert told == [], "those who asked have their answers first"
    await turns()
    assert told == [[1] * 2 + [ARRIVAL.ask] * 3], "one commit, told once"
    stop()
    hub.desk.submit(lambda _: None, 3, nothing)
    late = scan("Tom", "care-in", "16:00", n=2)
    hub.desk.submit(lambda _: None, late.ask, scans.take, late)
    hub.journal.commit()
    await turns()
    assert len(told) == 1


async def test_a_watcher_that_fails_keeps_nobody_else_from_being_told(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    def fails(facts: Facts) -> None:
        raise RuntimeError("a page with a defect")

    told: list[int] = []
    hub.desk.watch(fails)
    hub.desk.watch(lambda facts: told.append(len(facts)))
    hub.desk.submit(lambda _: None, 1, bring, 1)
    hub.journal.commit()
    await turns()
    assert told == [2]
    assert "a page with a defect" in caplog.text


# --- edits ---------------------------------------------------------------------------------------


async def test_an_edit_is_seen_by_all_and_equals_a_full_read(hub: Hub) -> None:
    told: list[Facts] = []
    hub.desk.watch(told.append)
    assert await hub.desk.edit(1, add_family, "Peeters") == Answer()
    assert hub.desk.school.households[number("Peeters")].name == "Peeters"
    assert hub.desk.school == hub.register.school
    assert told == [()]


async def test_an_edit_that_is_sent_twice_is_done_once_and_answered_twice_alike(hub: Hub) -> None:
    first, second = await asyncio.gather(*(hub.desk.edit(1, add_family, "Peeters") for _ in range(2)))
    assert first == second == await hub.desk.edit(1, add_family, "Peeters")
    assert first.refusal is None


async def test_an_edit_that_was_written_before_the_power_failed_is_not_written_again(hub: Hub) -> None:
    await hub.desk.edit(1, add_family, "Peeters")
    hub.restart()
    await hub.desk.edit(1, lambda _: (Household(number("Peeters"), "another name"),))
    assert hub.desk.school.households[number("Peeters")].name == "Peeters"
    assert hub.desk.school == hub.register.school


async def test_a_form_sent_again_after_a_restart_does_not_meet_its_own_effect(hub: Hub) -> None:
    def only_new(school: School, name: str) -> Rows | Refusal:
        return Refusal("known") if number(name) in school.households else (Household(number(name), name),)

    assert (await hub.desk.edit(1, only_new, "Peeters")).refusal is None
    hub.restart()
    assert (await hub.desk.edit(1, only_new, "Peeters")).refusal is None
    assert (await hub.desk.edit(2, only_new, "Peeters")).refusal == Refusal("known")


async def test_a_refused_edit_changes_nothing_and_may_be_tried_again(hub: Hub) -> None:
    before = hub.desk.school
    refused = await hub.desk.edit(1, add_family, "Vanderzande")
    assert refused.refusal == Refusal("family_exists")
    assert hub.desk.school is before
    assert (await hub.desk.edit(1, add_family, "Peeters")).refusal is None


async def test_edits_are_decided_one_after_the_other_each_on_the_school_of_its_moment(hub: Hub) -> None:
    hub.register.gate = asyncio.Event()
    edits = [asyncio.ensure_future(hub.desk.edit(ask, add_family, "Peeters")) for ask in (1, 2)]
    await hub.register.begun.wait()
    await turns()
    hub.register.gate.set()
    first, second = [await each for each in edits]
    assert (first.refusal, second.refusal) == (None, Refusal("family_exists"))


async def test_scans_go_on_while_an_edit_is_written(hub: Hub) -> None:
    hub.register.gate = asyncio.Event()
    edit = asyncio.ensure_future(hub.desk.edit(1, add_family, "Peeters"))
    await hub.register.begun.wait()
    tap = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    hub.journal.commit()
    assert (await tap).number == 1
    assert not edit.done()
    hub.register.gate.set()
    await edit


async def test_scans_go_on_while_a_change_of_a_whole_school_is_decided_aside(hub: Hub) -> None:
    aside: list[str] = []
    gate = asyncio.Event()

    async def slowly(work: Callable[..., object], *details: object) -> object:
        aside.append(work.__name__)
        await gate.wait()
        return work(*details)

    hub.desk = Desk(hub.desk.school, hub.desk.books, hub.journal, hub.register, slowly)
    long = asyncio.ensure_future(hub.desk.edit_aside(1, add_family, "Peeters"))
    short = asyncio.ensure_future(hub.desk.edit(2, add_family, "Peeters"))
    tap = asyncio.ensure_future(hub.desk.do(ARRIVAL.ask, scans.take, ARRIVAL))
    await turns()
    hub.journal.commit()
    assert (await tap).number == 1
    assert (long.done(), short.done()) == (False, False)
    gate.set()
    assert [(await each).refusal for each in (long, short)] == [None, Refusal("family_exists")]
    assert (aside, hub.desk.school) == (["<lambda>", "edited"], hub.register.school), "decided and put in place; the second one was refused"


async def test_an_edit_whose_browser_was_closed_is_seen_all_the_same(hub: Hub) -> None:
    hub.register.gate = asyncio.Event()
    edit = asyncio.ensure_future(hub.desk.edit(1, add_family, "Peeters"))
    await hub.register.begun.wait()
    edit.cancel()
    next_edit = asyncio.ensure_future(hub.desk.edit(2, add_family, "Claes"))
    await turns()
    hub.register.gate.set()
    await next_edit
    assert {number("Peeters"), number("Claes")} <= set(hub.desk.school.households)
    assert hub.desk.school == hub.register.school


async def test_a_change_that_fails_tells_its_caller_and_lets_the_next_one_through(hub: Hub) -> None:
    def fails(school: School) -> Rows:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hub.desk.edit(1, fails)
    assert (await hub.desk.edit(1, add_family, "Peeters")).refusal is None


# --- the end -------------------------------------------------------------------------------------

STOPS = {
    "entries that do not sum to zero": """
def spoil(school, books):
    return (BalanceOpened(1, 2, 3, (Entry("a", 1), Entry("b", 1))),)
hub.desk.submit(print, 1, spoil)
""",
    "a journal that takes no more": """
def full(facts, done):
    raise OSError("no room")
hub.desk._journal = type("Full", (), {"append": staticmethod(full), "after": hub.journal.after})()
hub.desk.submit(print, 1, lambda school, books: (HoleDeclared(1, "door", "a", 1, 2),))
""",
    "a journal that cannot be read": """
async def unreadable(number):
    raise OSError("a bad sector")
async def ask_twice():
    hub.desk.submit(lambda _: None, 1, lambda school, books: (HoleDeclared(1, "door", "a", 1, 2),))
    hub.journal.commit()
    hub.restart()
    hub.desk._journal = type("Torn", (), {"find": staticmethod(unreadable), "after": hub.journal.after})()
    await asyncio.wait_for(hub.desk.do(1, print), 10)
asyncio.run(ask_twice())
""",
}
PREPARED = """
import asyncio
from hub.core.facts import BalanceOpened, Entry, HoleDeclared
from tests.journals import hub_of
from tests.schools import small_school
hub = hub_of(small_school())
"""


@pytest.mark.parametrize("why", STOPS)
def test_books_that_would_differ_from_their_journal_end_the_process_at_once(why: str) -> None:
    program = f"{PREPARED}{STOPS[why]}print('still running')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "still running" not in ended.stdout
    assert "stopping" in ended.stderr


async def test_an_ordinary_day_at_the_desk_logs_nothing(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hub.desk.submit(lambda _: None, 1, bring, 1)
    hub.journal.commit()
    await hub.desk.edit(2, add_family, "Peeters")
    assert isinstance(hub.desk, Desk)
    assert caplog.text == ""
