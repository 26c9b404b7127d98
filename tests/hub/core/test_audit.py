"""The audit has nothing to say against an honest life, and complains of each single thing that is done to one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from hub.core.audit import AT_MOST, KINDS, Audit, audit
from hub.core.books import Books, replay
from hub.core.codes import Clearing, Code, Excuse, Level, Reason, Stage
from hub.core.facts import (
    BalanceOpened,
    CashCounted,
    CashPaidIn,
    Charged,
    ChargesPosted,
    Cleared,
    Corrected,
    DayClosed,
    EntrancePassed,
    Entry,
    Fact,
    HoldPlaced,
    HoldReleased,
    HoleDeclared,
    LowBalance,
    Marked,
    MealCancelled,
    MealReserved,
    MealResold,
    MealServed,
    MorningJustified,
    MorningNoted,
    Resolved,
    Reversed,
    RollTaken,
    ScanTaken,
    ShownBooked,
    StayClosed,
    StayOpened,
    StayVoided,
    TillSold,
    TillVoided,
    Transferred,
    Unresolved,
    WalletOpened,
    derived,
)
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.references import Family, reference
from hub.core.school import School
from hub.core.whys import Rule, Why
from tests.hub.core.test_books import Act as Deed
from tests.hub.core.test_books import acts, facts_of, played
from tests.hub.core.test_facts import VECTORS
from tests.lives import BORIS, LEA, MIA, MONDAY_CODE, PARC, PARC_CARE, TILLEULS, lived
from tests.schools import moment, number, small_school


@dataclass(frozen=True, slots=True)
class Life:
    """What an audit looks at."""

    school: School
    facts: tuple[Fact, ...]
    books: Books | None = None
    """Others than the facts make."""


@pytest.fixture(scope="module")
def honest() -> Life:
    day = lived()
    return Life(day.school, tuple(fact for facts in day.facts for fact in facts))


def complaints(life: Life) -> dict[str, tuple[str, ...]]:
    """Topic -> what is wrong with it."""
    return {verdict.topic: verdict.complaints for verdict in audit(life.facts, life.school, life.books).verdicts if verdict.complaints}


def test_an_honest_life_passes_every_proof(honest: Life) -> None:
    assert complaints(honest) == {}
    assert complaints(replace(honest, books=replay(honest.facts))) == {}
    assert audit(honest.facts, honest.school).holds


def test_the_honest_life_has_every_kind_of_fact_that_can_be_wrong(honest: Life) -> None:
    """Else a proof that looks at a kind would be tried on none of it."""
    looked_at = {kind for proof, _ in Audit().proofs if len(proof.sees) < len(KINDS) for kind in proof.sees}
    assert looked_at <= {type(fact) for fact in honest.facts}


def test_an_empty_journal_proves_that_there_is_nothing() -> None:
    report = audit((), School())
    assert report.holds
    assert not report.notes
    assert report.verdicts[0].sentence.startswith("0 facts of 0 asks")


def test_what_was_proved_is_said_with_numbers(honest: Life) -> None:
    said = {verdict.topic: verdict.sentence for verdict in audit(honest.facts, honest.school).verdicts}
    made = [fact for fact in honest.facts if isinstance(fact, Charged)]
    back = [fact for fact in honest.facts if isinstance(fact, Reversed)]
    assert said["charges"].startswith(f"{len(made)} charges of ")
    assert f"{len(back)} cancelled" in said["charges"]
    assert said["tills"].startswith("2 sessions expected what went in and out; 2 receipts")
    assert f"{len(honest.facts)} facts" in said["facts"]


@given(acts)
@settings(max_examples=200)
def test_random_days_of_taps_pass_every_proof(each: list[Deed]) -> None:
    world = played(each)
    assert complaints(Life(world.day.school, tuple(facts_of(world)), world.day.books)) == {}


# --- older journals -------------------------------------------------------------------------------

FIRST_VERSION = """[
["wallet",7,9,2,8,1736175600000],
["opening",8,9,1736175600000,[["opening:2",-1250],["wallet:9",1250]]],
["in",5,51,5,2,6,1736175540000],
["out",6,51,5,2,6,1736175540000,1736175600000],
["charge",9,91,9,8,5,2,7,320,1736175600000,["price"],"offline",[["wallet:9",-320],["sales:2:7",320]]],
["charge",10,92,9,8,5,2,6,75,1736175600000,["periods",1736173800000,1736175600000,30,1,30,5,750,600],"",[["wallet:9",-75],["sales:2:6",75]]],
["reverse",11,91,9,320,1736175600000,"not_lit",[["sales:2:7",-320],["wallet:9",320]]],
["meal",12,121,5,2,7,20250106],
["served",13,121,5,2,7,20250106,1736175600000],
["in",14,52,5,2,6,1736175700000]
]"""
"""An honest life as the first version wrote it: no price behind a product's charge, no days, references that the books count."""


def test_a_journal_of_the_first_version_passes_and_what_it_did_not_write_down_is_said() -> None:
    facts = msgspec.json.decode(FIRST_VERSION, type=tuple[Fact, ...])
    report = audit(facts, small_school())
    assert report.holds, report
    assert "(1 of the first version, which wrote no price down)" in next(one.sentence for one in report.verdicts if one.topic == "charges")
    assert report.notes == (
        "1 of the households in the facts are not in the register, erased or never there: 8",
        "2 of the programmes or products in the facts are not in the register, erased or never there: 6, 7",
        "1 of the pupils in the facts are not in the register, erased or never there: 5",
        "1 of the sites in the facts are not in the register, erased or never there: 2",
    )


@pytest.mark.parametrize("name", ["facts.jsonl", "older.jsonl"])
def test_no_fact_however_wrong_or_old_stops_the_audit(name: str) -> None:
    """The golden facts, one after the other, tell no life at all."""
    lines = (VECTORS / name).read_bytes().splitlines()
    for each in (lines, lines[::-1]):
        assert not audit([msgspec.json.decode(line, type=Fact) for line in each], small_school()).holds


def test_of_many_complaints_the_first_are_written_out_and_the_others_counted(honest: Life) -> None:
    strangers = tuple(Resolved(derived(n, "answer"), derived(n, "item")) for n in range(1, 3 * AT_MOST + 1))
    (found,) = [one for one in audit((*honest.facts, *strangers), honest.school).verdicts if one.complaints]
    assert (len(found.complaints), found.more) == (AT_MOST, 2 * AT_MOST)
    assert found.complaints[0].startswith(f"fact {len(honest.facts) + 1} (ask {strangers[0].ask}): question ")


def test_who_was_erased_is_a_note_and_no_complaint(honest: Life) -> None:
    pupils = {pupil: row for pupil, row in honest.school.pupils.items() if pupil != LEA}
    report = audit(honest.facts, replace(honest.school, pupils=pupils))
    assert report.holds
    assert report.notes == (f"1 of the pupils in the facts are not in the register, erased or never there: {LEA}",)


# --- what is done to it ---------------------------------------------------------------------------

Which = Callable[[Any], bool]
Doctor = Callable[[Life], Life]


def anyone(_fact: object) -> bool:
    return True


def nth(life: Life, kind: type, which: Which = anyone) -> int:
    """Where the first of these facts stands."""
    return next(place for place, fact in enumerate(life.facts) if isinstance(fact, kind) and which(fact))


def changed(kind: type, which: Which = anyone, **fields: Any) -> Doctor:
    """The first fact of a kind says something else; a value that is a function makes it of the fact."""

    def doctor(life: Life) -> Life:
        place = nth(life, kind, which)
        fact = life.facts[place]
        values = {name: value(fact) if callable(value) else value for name, value in fields.items()}
        other = msgspec.structs.replace(fact, **values)
        return replace(life, facts=(*life.facts[:place], other, *life.facts[place + 1 :]))

    return doctor


def without(kind: type, which: Which = anyone) -> Doctor:
    """The first fact of a kind is gone."""

    def doctor(life: Life) -> Life:
        place = nth(life, kind, which)
        return replace(life, facts=life.facts[:place] + life.facts[place + 1 :])

    return doctor


def twice(kind: type, which: Which = anyone, **fields: Any) -> Doctor:
    """At the end, the first fact of a kind once more, by an ask of its own."""

    def doctor(life: Life) -> Life:
        again = msgspec.structs.replace(life.facts[nth(life, kind, which)], ask=derived(1, "again"), **fields)
        return replace(life, facts=(*life.facts, again))

    return doctor


def once_more(kind: type) -> Doctor:
    """At the end, the first fact of a kind as it is."""
    return lambda life: replace(life, facts=(*life.facts, life.facts[nth(life, kind)]))


def other_books(change: Callable[[Books], object]) -> Doctor:
    """The books say something else than the facts."""

    def doctor(life: Life) -> Life:
        books = replay(life.facts)
        change(books)
        return replace(life, books=books)

    return doctor


def a_cent_more(fact: Any) -> tuple[Entry, ...]:
    first, *others = fact.entries
    return (Entry(first.account, first.cents + 1), *others)


def a_cent_from_elsewhere(fact: Any) -> tuple[Entry, ...]:
    """It still sums to zero."""
    return (*fact.entries, Entry("elsewhere", -1), Entry("elsewhere", 1))


def one_more(name: str) -> Callable[[Any], int]:
    return lambda fact: int(getattr(fact, name)) + 1


def is_top_up(fact: TillVoided) -> bool:
    return bool(fact.entries)


def in_care(fact: Charged) -> bool:
    return fact.stay != 0 and fact.stage is Stage.POSTED


def gathered(fact: Charged) -> bool:
    return fact.stage is Stage.GATHERED


def opens(fact: CashCounted) -> bool:
    return not fact.closing


def closes(fact: CashCounted) -> bool:
    return fact.closing


def late(fact: MealCancelled) -> bool:
    return fact.late


def in_time(fact: MealCancelled) -> bool:
    return not fact.late


def paid_back(fact: Reversed) -> bool:
    return fact.reason is Reason.CANCELLED


def a_breach(life: Life) -> Life:
    """A drink that takes the wallet below the site's minimum, and says nothing."""
    wallet, drink, ask = _wallet(life, "Vanderzande"), number("drink"), derived(1, "breach")
    why = Why(Rule.PRICE, unit_tenths=100_00 * 10)
    entries = move(wallet_account(wallet), sales_account(TILLEULS, drink), 100_00)
    at_ms, payer = moment("22:00"), number("Vanderzande")
    sold = Charged(ask, derived(ask, "charge"), wallet, payer, LEA, TILLEULS, drink, 100_00, at_ms, why, Reason.NONE, entries, MONDAY_CODE)
    return replace(life, facts=(*life.facts, sold, LowBalance(ask, wallet, payer, Level.MINIMUM, -99_00, at_ms)))


def _wallet(life: Life, owner: str) -> int:
    fact = life.facts[nth(life, WalletOpened, lambda one: number(owner) in {one.household, one.pupil})]
    assert isinstance(fact, WalletOpened)
    return fact.wallet


def an_unknown_wallet(life: Life) -> Life:
    """Everything is booked on a wallet that nobody opened."""
    return without(WalletOpened)(life)


def in_debt(kind: Clearing) -> Doctor:
    """More goes out than was there."""

    def doctor(life: Life) -> Life:
        place = nth(life, Cleared, lambda one: one.kind is kind)
        paid = life.facts[place]
        assert isinstance(paid, Cleared)
        source, target = paid.entries
        entries = (Entry(source.account, -100_00), Entry(target.account, 100_00))
        return changed(Cleared, lambda one: one.kind is kind, cents=100_00, entries=entries)(life)

    return doctor


def two_asks_mixed(life: Life) -> Life:
    """The last fact of an ask comes after those of the next one."""
    place = nth(life, Charged)
    return replace(life, facts=(*life.facts[:place], *life.facts[place + 1 :], life.facts[place]))


def an_order_of_old(life: Life) -> Life:
    """What Tom ordered after he had cancelled has the number of what he cancelled."""
    cancelled = life.facts[nth(life, MealCancelled, in_time)]
    assert isinstance(cancelled, MealCancelled)
    return changed(MealReserved, lambda one: one.pupil == cancelled.pupil and one.meal != cancelled.meal, meal=cancelled.meal)(life)


def because(reason: Reason) -> Which:
    return lambda fact: fact.reason is reason


DOCTORED: tuple[tuple[str, str, Doctor], ...] = (
    # topic, what the complaint says, what was done
    ("facts", "this ask was done before", two_asks_mixed),
    ("facts", "the books cannot take it: AssertionError", changed(Charged, entries=a_cent_more)),
    ("facts", "the books cannot take it: KeyError", without(Charged, lambda one: one.reason is Reason.NONE)),
    ("facts", "the books are made of", other_books(lambda books: setattr(books, "number", 5))),
    ("facts", "no fact tells of it", other_books(lambda books: books.asks.update({number("nobody"): 5}))),
    ("entries", "sum to 0,01", changed(Charged, entries=a_cent_more)),
    ("entries", "the books say", other_books(lambda books: books.balances.update({"vault:5": 7}))),
    ("wallets", "is opened a second time", twice(WalletOpened)),
    ("wallets", "neither one household's nor one pupil's", changed(WalletOpened, pupil=5)),
    ("wallets", "a second one for the owner", twice(WalletOpened, wallet=5, reference=reference(Family.WALLET, 99))),
    ("wallets", "check digits that do not fit", changed(WalletOpened, reference=one_more("reference"))),
    ("wallets", "check digits that do not fit", changed(WalletOpened, reference=reference(Family.INVOICE, 1))),
    ("wallets", "and wallet .* has it", twice(WalletOpened, wallet=5, household=6)),
    ("wallets", "no fact opened this wallet", an_unknown_wallet),
    ("wallets", "the books do not have it", other_books(lambda books: books.references.clear())),
    ("transfers", "brings a balance along .* books something else", changed(BalanceOpened, entries=a_cent_from_elsewhere)),
    ("transfers", "was never opened", changed(BalanceOpened, wallet=5)),
    ("transfers", "from wallet .* books something else", changed(Transferred, cents=one_more("cents"))),
    ("transfers", "are the same one", changed(Transferred, target=lambda one: one.source)),
    ("transfers", "not the two of one pupil", lambda life: changed(Transferred, target=_wallet(life, "Noé"))(life)),
    ("transfers", "which wallet .* did not have", changed(BalanceOpened, lambda one: one.entries[1].cents == 30_00, entries=())),
    (
        "transfers",
        "refund of .* books something else",
        changed(Cleared, lambda one: one.kind is Clearing.REFUND, cents=5),
    ),
    ("transfers", "names no payer", changed(Cleared, payer=0)),
    ("transfers", "payout of .* is more than", in_debt(Clearing.PAYOUT)),
    ("transfers", "no fact tells of it", other_books(lambda books: books.opened.add(5))),
    ("charges", "is made a second time", twice(Charged)),
    ("charges", "names no payer", changed(Charged, payer=0)),
    ("charges", "names no pupil", changed(Charged, pupil=0)),
    ("charges", "not its payer's", changed(Charged, payer=5)),
    ("charges", "its derivation comes to", changed(Charged, why=Why(Rule.PRICE, unit_tenths=1))),
    ("charges", "posted, books something else", changed(Charged, entries=())),
    ("charges", "gathered, books something else", changed(Charged, gathered, entries=(Entry("a", 1), Entry("b", -1)))),
    ("charges", "of another site", changed(Charged, site=PARC)),
    ("charges", "charge .* for it stands", twice(Charged, in_care, charge=5)),
    ("charges", "was never made$", changed(Reversed, charge=5)),
    ("charges", "is cancelled a second time", twice(Reversed)),
    ("charges", "is not cancelled whole", changed(Reversed, cents=one_more("cents"))),
    ("charges", "is not cancelled whole", changed(Reversed, entries=())),
    ("charges", "made again as 5, which is no such charge", changed(Reversed, again=5)),
    ("charges", "is posted, and was never made", changed(ChargesPosted, charges=(5,))),
    ("charges", "is posted, and was posted", twice(ChargesPosted)),
    ("charges", "its charges make", changed(ChargesPosted, cents=one_more("cents"))),
    ("charges", "below the site's minimum, and gives no reason", a_breach),
    ("charges", "the books do not have it", other_books(lambda books: books.charges.popitem())),
    ("charges", "gathered charge 5", other_books(lambda books: books.gathered.update({5: {5: None}}))),
    ("charges", "the books do not have it there", other_books(lambda books: books.days.clear())),
    ("holds", "is placed a second time", twice(HoldPlaced)),
    ("holds", "holds nothing", changed(HoldPlaced, cents=0)),
    ("holds", "was never placed there", changed(HoldReleased, hold=5)),
    ("holds", "is released a second time", twice(HoldReleased)),
    ("holds", "the books do not have it", other_books(lambda books: books.holds.clear())),
    ("tills", "is closed, and was not open", changed(CashCounted, closes, cash_session=5)),
    ("tills", "is opened a second time", twice(CashCounted, opens)),
    (
        "tills",
        "counts, top-ups and what was handed back make",
        changed(CashCounted, closes, expected_cents=one_more("expected_cents")),
    ),
    ("tills", "is not what is booked", changed(CashCounted, closes, counted_cents=one_more("counted_cents"))),
    ("tills", "is not open at this site", changed(CashPaidIn, cash_session=5)),
    ("tills", "receipt 3 of .* follows receipt 1", changed(CashPaidIn, lambda one: one.receipt == 2, receipt=3)),
    ("tills", "receipt 1 of .* books something else", changed(CashPaidIn, cents=one_more("cents"))),
    ("tills", "charges that it did not make", changed(TillSold, charges=(5,))),
    ("tills", "do not sum to", changed(TillSold, cents=one_more("cents"))),
    ("tills", "is done a second time", twice(TillSold)),
    ("tills", "and was never done", changed(TillVoided, act=5)),
    ("tills", "is cancelled a second time", twice(TillVoided)),
    ("tills", "is not cancelled whole", changed(TillVoided, is_top_up, cents=one_more("cents"))),
    ("tills", "and a charge of it stands", without(Reversed, because(Reason.WRONG_PUPIL))),
    ("tills", "the last receipt of site", other_books(lambda books: books.receipts.clear())),
    ("meals", "has a second order", twice(MealReserved, lambda one: one.pupil == LEA, meal=5)),
    ("meals", "is ordered again after its end", an_order_of_old),
    ("meals", "a second meal", twice(MealServed)),
    ("meals", "has not ordered it", changed(MealServed, meal=5)),
    ("meals", "is cancelled, and does not stand", twice(MealCancelled, in_time)),
    ("meals", "is resold, and was not cancelled late", changed(MealResold, meal=5)),
    ("meals", "was not paid back", without(Reversed, paid_back)),
    ("meals", "no fact tells of it", other_books(lambda books: books.meals.update({(5, 5, 5): books.meals.popitem()[1]}))),
    ("meals", "the order of a pilot", other_books(lambda books: books.deferred.update({(5, 5, 5): None}))),
    ("stays", "begins a second time", twice(StayOpened, lambda one: one.pupil == number("Noé"))),
    ("stays", "is in twice", changed(StayOpened, lambda one: one.pupil == number("Noé"), pupil=number("Tom"))),
    ("stays", "ends a second time", twice(StayClosed)),
    ("stays", "began at another time", changed(StayClosed, from_ms=one_more("from_ms"))),
    ("stays", "another one began under this number", changed(StayClosed, pupil=5)),
    ("stays", "ends before it begins", changed(StayClosed, at_ms=lambda one: one.from_ms - 1)),
    ("stays", "is voided, and was not there", changed(StayVoided, stay=5)),
    ("stays", "was neither there nor marked absent", changed(Charged, in_care, day=20250103)),
    ("stays", "who is in by stay", other_books(lambda books: books.inside.update({5: {5: _stay(books)}}))),
    ("days", "counts for pupils", twice(Marked, pupil=5)),
    ("days", "by nobody", changed(Corrected, who=0)),
    ("days", "does not stand", twice(Corrected, undone=5)),
    ("days", "another person made it", lambda life: twice(Corrected, undone=_asked(life, Corrected), who=BORIS)(life)),
    ("days", "is changed by 5 in a correction of", changed(Charged, lambda one: one.who, who=5)),
    ("days", "is closed already", twice(DayClosed)),
    ("days", "which is not closed", without(DayClosed, lambda one: one.site == PARC)),
    ("days", "what staff said of", other_books(lambda books: setattr(books.days[20250107][MIA][PARC_CARE], "absence", None))),
    ("days", "what counts of scan", other_books(lambda books: books.days[MONDAY_CODE].clear())),
    ("days", "the last settled day", other_books(lambda books: books.settled.clear())),
    ("class mornings", "minutes late on", changed(MorningNoted, late_min=one_more("late_min"))),
    ("class mornings", "minutes late on", changed(MorningNoted, lambda one: one.arrived_ms, arrived_ms=lambda one: one.ends_ms)),
    ("class mornings", "a second time by one scan", once_more(EntrancePassed)),
    ("class mornings", "by nobody", changed(MorningJustified, who=0)),
    ("class mornings", "without an excuse", changed(MorningJustified, excuse=Excuse.NONE)),
    ("class mornings", "are absent at roll call", changed(RollTaken, absent=one_more("absent"))),
    ("class mornings", "are absent at roll call", without(MorningNoted, lambda one: not one.arrived_ms)),
    ("class mornings", "was called before", twice(RollTaken, absent=0)),
    ("class mornings", "the morning of", other_books(lambda books: books.entrance.mornings.clear())),
    ("class mornings", "what staff said of", other_books(lambda books: books.entrance.said.clear())),
    ("class mornings", "entrance scan", other_books(lambda books: books.entrance.passes.clear())),
    ("class mornings", "the last roll call", other_books(lambda books: books.entrance.rolls.clear())),
    ("scans", "follows record .* no hole is declared", without(ScanTaken, lambda one: one.device == "door")),
    ("scans", "is taken a second time", twice(ScanTaken)),
    ("scans", "does not follow record", twice(HoleDeclared)),
    ("scans", "which was never taken", changed(ShownBooked, n=99)),
    ("scans", "the last record of", other_books(lambda books: books.lines.clear())),
    ("questions", "is asked a second time", twice(Unresolved, lambda one: one.code is Code.UNKNOWN)),
    ("questions", "nobody asked it", changed(Resolved, item=5)),
    ("questions", "the books do not have it", other_books(lambda books: books.unresolved.clear())),
)


def _stay(books: Books) -> Any:
    return next(
        stay for met in books.days.values() for sheets in met.values() for sheet in sheets.values() for stay in sheet.stays.values()
    )


def _asked(life: Life, kind: type) -> int:
    return life.facts[nth(life, kind)].ask


def test_every_proof_can_fail(honest: Life) -> None:
    assert {topic for topic, _, _ in DOCTORED} == {verdict.topic for verdict in audit(honest.facts, honest.school).verdicts}


@pytest.mark.parametrize(("topic", "says", "doctor"), DOCTORED, ids=[f"{topic}: {says}" for topic, says, _ in DOCTORED])
def test_a_proof_complains_of_what_was_done(honest: Life, topic: str, says: str, doctor: Doctor) -> None:
    found = complaints(doctor(honest)).get(topic, ())
    assert any(re.search(says, complaint) for complaint in found), found
