"""A Monday with everything in it, for whoever looks at a whole journal: `lived()`."""

from dataclasses import replace

from hub.core import corrections, scans, till
from hub.core.books import Books
from hub.core.codes import Act, By, Clearing, Compartment, Excuse, Justification, Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.facts import (
    AbsenceMarked,
    CashPaidIn,
    ChargesPosted,
    Corrected,
    DayClosed,
    Facts,
    Refusal,
    SettlementDone,
    StaySplit,
    TillSold,
)
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.school import School, WalletScope
from hub.core.till import Cashier, Goods
from hub.core.transfers import Move, Payment, clear, transfer
from hub.core.wallets import open_balances, release, set_aside
from proto.messages import Direction, Hole, Light
from tests.canteen import cancel, change, order, put_on_the_menu, wait
from tests.mornings import came, roll, say, with_timetable
from tests.schools import FIRST_LIFE, TUESDAY, Day, moment, number, reported, scan

ANNE, BORIS = 71, 72
"""Two members of staff."""
TILLEULS, PARC, LEA, MIA = number("Tilleuls"), number("Parc"), number("Léa"), number("Mia")
PARC_CARE, MONDAY_CODE = number("parc-care"), 20250106


def lived() -> Day:
    """A Monday with everything in it: class, care, study, meals, till, cash, holds, transfers, refunds; some of it taken back."""
    day = Day()
    put_on_the_menu(day)
    day.change((replace(day.school.sites[PARC], wallet_scope=WalletScope.PUPIL), replace(day.school.programmes[PARC_CARE], post_days=7)))
    day.bring("Vanderzande", 20_00)
    day.bring("Quintelier", 5_00)
    day.do(_bring_mia, moment("00:00"))
    _in_class(day)
    _in_the_morning(day)
    _at_the_canteen(day)
    _at_the_cash_desk(day)
    _in_care(day)
    _at_the_office(day)
    return day


def _bring_mia(school: School, books: Books, ask: int, at_ms: int) -> Facts | Refusal:
    return open_balances(school, books, ask, {(PARC, MIA): 30_00}, at_ms)


def _in_class(day: Day) -> None:
    """Léa is late, and has a note for it; Noé is absent until a scan comes in that says otherwise."""
    with_timetable(day)
    came(day, "Léa", "08:31")
    came(day, "Tom", "08:15")
    say(day, "Léa", Justification.JUSTIFIED, Excuse.TRANSPORT, 117, clock="08:40")
    roll(day, "10:00")
    came(day, "Noé", "08:40")


def _in_the_morning(day: Day) -> None:
    """Léa is late, and had a reason; Noé does not come."""
    with_timetable(day)
    came(day, "Tom", "08:10")
    came(day, "Léa", "08:31")
    came(day, "Mia", "08:15", "parc-entrance")
    roll(day, "10:01")
    say(day, "Léa", Justification.JUSTIFIED, Excuse.DOCTOR)


def _at_the_canteen(day: Day) -> None:
    """Léa changes her order and eats; Tom cancels in time and orders again; Noé cancels late, and Tom's is bought by who waited."""
    order(day, "Léa")
    change(day, "Léa", "soup")
    order(day, "Tom")
    cancel(day, "Tom")
    order(day, "Noé")
    wait(day, "Tom")
    cancel(day, "Noé", "09:40")
    day.tap("Léa", "meal-till", "12:00")
    day.tap("Tom", "meal-till", "12:01")
    day.tap("Mia", "parc-meal-till", "12:00")
    day.tap("Noé", "parc-meal-till", "12:01")


def _at_the_cash_desk(day: Day) -> None:
    """Two top-ups, one of them handed back; two sales, one of them voided by another person; closed with a difference; opened again."""
    day.do(till.open_desk, Cashier("till", ANNE, moment("08:00")), 50_00)
    day.do(till.pay_in, Cashier("till", ANNE, moment("08:10")), LEA, 10_00)
    twice = day.do(till.pay_in, Cashier("till", ANNE, moment("08:11")), LEA, 10_00)
    goods = (Goods(number("sandwich")), Goods(number("drink"), 2))
    day.do(till.sell, Cashier("till", ANNE, moment("12:10")), LEA, goods, 6_20)
    wrong = day.do(till.sell, Cashier("till", ANNE, moment("12:11")), LEA, goods, 6_20)
    for done, reason in ((twice, Reason.TWICE), (wrong, Reason.WRONG_PUPIL)):
        assert not isinstance(done, Refusal), done
        (act,) = (fact.act for fact in done if isinstance(fact, TillSold | CashPaidIn))
        day.do(till.void, Cashier("till", BORIS, moment("12:12")), act, reason)
    day.do(till.close_desk, Cashier("till", ANNE, moment("14:00")), 59_50)
    day.do(till.open_desk, Cashier("till", BORIS, moment("14:05")), 59_50)


def _in_care(day: Day) -> None:
    """Léa's stay is charged, Tom's exit is missing, Noé's light was not seen, Mia's charge is gathered; a scan is late, some are lost."""
    day.tap("Léa", "care-door", "15:35")
    day.tap("Léa", "care-door", "16:45")
    day.tap("Tom", "care-in", "15:40")
    day.tap("Noé", "care-in", "15:41")
    taken = day.tap("Noé", "care-out", "16:30")
    day.report(reported(scan("Noé", "care-out", "16:30", n=taken.n), Light.ADULT))
    day.tap("Noé", "study-in", "16:10", shown=Light.ACCEPTED)
    day.tap("Mia", "parc-care", "15:45")
    day.tap("Mia", "parc-care", "16:50")
    day.tap("a stranger", "care-in", "16:00")
    day.do(_lost, "gate", 3)
    day.close("19:40")
    day.tap("Tom", "care-out", "17:20")


def _lost(school: School, books: Books, ask: int, device: str, to_n: int) -> Facts:
    return scans.declare_hole(school, books, device, Hole(FIRST_LIFE, books.line(device, FIRST_LIFE).n + 1, to_n), ask)


def _at_the_office(day: Day) -> None:
    """Holds, a transfer, money in and out; a correction; the day is closed, and Mia's care is settled."""
    family, mia = (
        day.books.wallets[place] for place in ((TILLEULS, number("Vanderzande"), Compartment.WHOLE), (PARC, MIA, Compartment.GENERAL))
    )
    for until, amount in (("18:00", 1_00), ("19:00", 2_00)):
        day.do(set_aside, family, amount, (moment("17:00"), moment(until, TUESDAY)))
    (first, _) = day.books.holds[family]
    day.do(release, family, first, moment("17:30"))
    day.do(transfer, Move((PARC, MIA, Compartment.GENERAL), (PARC, MIA, Compartment.RESERVE), 5_00, By.PARENT, 7), moment("18:00"))
    for kind, amount in ((Clearing.TOP_UP, 8_00), (Clearing.REFUND, 1_00), (Clearing.PAYOUT, 0)):
        day.do(clear, Payment(family, kind, amount, Reason.REQUESTED, ANNE), moment("18:30"))
    _corrected(day)
    day.do(_settled, mia)


def _corrected(day: Day) -> None:
    """Noé's stay is confirmed; what Anne says of Tom she undoes; Mia did not come on Tuesday, and went to study on Monday."""
    (stay,) = day.books.sheet(number("Noé"), number("care"), MONDAY_CODE).stays
    day.do(corrections.verify, Staff(ANNE, Reason.CONFIRMED, moment("19:50")), Place(number("Noé"), number("care"), MONDAY_CODE), stay)
    added = Moment(number("Tom"), number("care"), moment("08:00"))
    day.do(corrections.add, Staff(ANNE, Reason.FORGOTTEN, moment("19:51")), added, Direction.IN)
    day.do(corrections.undo, Staff(ANNE, Reason.UNDONE, moment("19:52")))
    day.do(_missed)
    day.do(_went_within)


def _missed(_school: School, _books: Books, ask: int) -> Facts:
    """Staff say that Mia did not come on Tuesday."""
    head = Corrected(ask, Act.ABSENT, MIA, PARC_CARE, 20250107, ANNE, Reason.CORRECTED, moment("20:00"))
    return (head, AbsenceMarked(ask, MIA, PARC, PARC_CARE, 20250107, 9, 0, 0))


def _went_within(_school: School, _books: Books, ask: int) -> Facts:
    head = Corrected(ask, Act.SPLIT, MIA, PARC_CARE, MONDAY_CODE, ANNE, Reason.CORRECTED, moment("20:01"))
    return (head, StaySplit(ask, MIA, PARC_CARE, MONDAY_CODE, split=False))


def _settled(_school: School, books: Books, ask: int, wallet: int) -> Facts:
    """What was gathered on a wallet is posted, once the day is closed."""
    (charge,) = books.gathered[wallet]
    cents, at_ms = books.charges[charge].cents, moment("21:00")
    entries = move(wallet_account(wallet), sales_account(PARC, PARC_CARE), cents)
    closed = () if books.closed.get(PARC) else (DayClosed(ask, PARC, MONDAY_CODE, at_ms),)
    return (
        *closed,
        ChargesPosted(ask, wallet, number("Okonkwo"), PARC, PARC_CARE, (charge,), cents, at_ms, entries),
        SettlementDone(ask, PARC, PARC_CARE, MONDAY_CODE, 1, cents, (), at_ms),
    )
