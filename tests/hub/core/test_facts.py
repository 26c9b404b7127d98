"""Facts as they are written for ever: golden vectors that are only ever added to, and ids that need no randomness."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.codes import Act, By, Clearing, Code, Compartment, Excuse, Justification, Level, Reason, Stage
from hub.core.facts import (
    AbsenceMarked,
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
    MealAwaited,
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
    SettlementDone,
    ShownBooked,
    StayClosed,
    StayOpened,
    StaySplit,
    StayVerified,
    StayVoided,
    TillSold,
    TillVoided,
    Transferred,
    Unresolved,
    WalletOpened,
    derived,
    scan_ask,
)
from hub.core.whys import Part, Rule, Terms, Why
from proto.messages import Direction, Light

VECTORS = Path(__file__).parent / "vectors"
LARGEST = 2**63 - 1
MONDAY_MS = 1_736_175_600_000

SALE = (Entry("wallet:9", -320), Entry("sales:2:7", 320))
CARE = Why(Rule.PERIODS, 1_736_173_800_000, MONDAY_MS, 30, 1, 30, 5, 750, 600)
TERMS = Terms(2, 2, 25, 4, 612_00, 77, 1_200, 50, 300, 1080, 6, 1, 250, 88, 900, 550, (Part(960, 1020, 60, 2, 30, 5, 1000),))
BANDS = Why(Rule.BANDS, 1_736_173_800_000, MONDAY_MS, 60, 2, max_cents=600, tariff=66, terms=TERMS)
WALK_UP = Why(Rule.PRICE, unit_tenths=4500, supplement_cents=75)
FACTS: list[Fact] = [
    ScanTaken(1, "door", "a" * 16, 3, "care-in", "b" * 20, 5, MONDAY_MS, 200, Code.IN, Light.ACCEPTED, "", True, MONDAY_MS + 50),
    ScanTaken(LARGEST, "till", "a" * 16, 1, "till", "b" * 20, 0, 0, 0, Code.UNKNOWN, Light.ADULT, "accepted", False, MONDAY_MS),
    ShownBooked(2, "door", "a" * 16, 3, Light.ADULT),
    HoleDeclared(3, "door", "a" * 16, 4, 9),
    Unresolved(4, 41, 42, 5, 2, Code.IN, Reason.NO_EXIT, MONDAY_MS),
    StayOpened(5, 51, 5, 2, 6, MONDAY_MS, 20250106),
    StayClosed(6, 51, 5, 2, 6, MONDAY_MS - 60_000, MONDAY_MS, Reason.NO_EXIT, 20250106),
    WalletOpened(7, 9, 2, 8, MONDAY_MS),
    BalanceOpened(8, 9, MONDAY_MS, (Entry("opening:2", -1250), Entry("wallet:9", 1250))),
    Charged(9, 91, 9, 8, 5, 2, 7, 320, MONDAY_MS, Why(Rule.PRICE, unit_tenths=3200), Reason.OFFLINE, SALE),
    Charged(10, 92, 9, 8, 5, 2, 6, 75, MONDAY_MS, CARE, Reason.NONE, (Entry("wallet:9", -75), Entry("sales:2:6", 75))),
    Reversed(11, 91, 9, 320, MONDAY_MS, Reason.NOT_LIT, (Entry("sales:2:7", -320), Entry("wallet:9", 320))),
    MealReserved(12, 121, 5, 2, 7, 20250106, By.PARENT, 14, MONDAY_MS),
    MealServed(13, 121, 5, 2, 7, 20250106, MONDAY_MS, By.STAFF, 15),
    LowBalance(10, 9, 8, Level.DEBT, -75, MONDAY_MS),
    MealCancelled(16, 121, 5, 2, 7, 20250106, By.PARENT, 14, MONDAY_MS, True),
    MealResold(17, 121, 5, 2, 7, 20250106, 6, MONDAY_MS),
    MealAwaited(18, 6, 2, 7, 20250106, By.PUPIL, 0, MONDAY_MS),
    CashCounted(19, 191, 2, "till-1", 15, False, 50_00, 0, MONDAY_MS, (Entry("cash:2:till-1", -5000), Entry("vault:2", 5000))),
    CashPaidIn(20, 201, 191, 9, 8, 5, 2, 15, 1, 20_00, MONDAY_MS, (Entry("cash:2:till-1", -2000), Entry("wallet:9", 2000))),
    TillSold(21, 211, 191, 5, 2, 15, (91, 92), 395, MONDAY_MS),
    TillVoided(22, 201, 191, 9, 2, 16, Reason.TWICE, 20_00, MONDAY_MS, (Entry("wallet:9", -2000), Entry("cash:2:till-1", 2000))),
    Charged(23, 93, 9, 8, 5, 2, 6, 150, MONDAY_MS, BANDS, Reason.NONE, (Entry("wallet:9", -150), Entry("sales:2:6", 150))),
    Charged(24, 94, 9, 8, 5, 2, 7, 525, MONDAY_MS, WALK_UP, Reason.NONE, (Entry("wallet:9", -525), Entry("sales:2:7", 525))),
    Charged(28, 95, 9, 8, 5, 2, 7, 320, MONDAY_MS, Why(Rule.PRICE, unit_tenths=3200), Reason.NONE, SALE, 20250106),
    WalletOpened(23, 10, 2, 0, MONDAY_MS, 5, Compartment.RESERVE, 97_0000002_02),
    HoldPlaced(24, 241, 9, 8, 5, 7, 3_20, MONDAY_MS, MONDAY_MS + 3_600_000),
    HoldReleased(25, 241, 9, MONDAY_MS, Reason.SETTLED),
    Transferred(26, 9, 10, 5_00, MONDAY_MS, By.PARENT, 14, Reason.NONE, (Entry("wallet:9", -500), Entry("wallet:10", 500))),
    Cleared(27, 9, 8, Clearing.PAYOUT, 7_50, MONDAY_MS, 15, Reason.LEAVER, (Entry("wallet:9", -750), Entry("clearing:2", 750))),
    Marked(5, 1, 5, 2, 6, 20250106, MONDAY_MS, Direction.TOGGLE, lit=False),
    StayVoided(6, 51, 5, 2, 6, 20250106),
    Resolved(6, 41),
    Charged(29, 96, 9, 8, 5, 2, 6, 75, MONDAY_MS, CARE, Reason.NONE, SALE, 0, 51, 20250106),
    Charged(30, 97, 9, 8, 5, 2, 6, 75, MONDAY_MS, CARE, Reason.NONE, (), 0, 51, 20250106, Stage.GATHERED),
    Corrected(31, Act.MOVE, 5, 6, 20250106, 15, Reason.WRONG_TIME, MONDAY_MS),
    Corrected(32, Act.UNDO, 5, 6, 20250106, 15, Reason.UNDONE, MONDAY_MS, 31),
    StayVerified(33, 51, 5, 6, 20250106),
    AbsenceMarked(34, 5, 2, 6, 20250106, 341, 50, 0),
    StaySplit(35, 5, 7, 20250106, split=True),
    DayClosed(36, 2, 20250106, MONDAY_MS),
    ChargesPosted(37, 9, 8, 2, 6, (97, 98), 150, MONDAY_MS, (Entry("wallet:9", -150), Entry("sales:2:6", 150))),
    SettlementDone(38, 2, 6, 20250110, 2, 150, (41,), MONDAY_MS),
    EntrancePassed(39, 5, 2, 20250106, MONDAY_MS, Direction.IN),
    MorningNoted(39, 5, 2, 20250106, MONDAY_MS - 900_000, MONDAY_MS - 600_000, MONDAY_MS + 25_200_000, MONDAY_MS, 15),
    MorningJustified(40, 5, 2, 20250106, Justification.JUSTIFIED, Excuse.DOCTOR, 2025_117, 15, MONDAY_MS),
    RollTaken(41, 2, 20250106, MONDAY_MS, 3),
    Charged(42, 99, 9, 8, 5, 2, 7, 320, MONDAY_MS, Why(Rule.PRICE, unit_tenths=3200), Reason.NONE, SALE, who=15),
    Reversed(43, 91, 9, 320, MONDAY_MS, Reason.TWICE, (Entry("sales:2:7", -320), Entry("wallet:9", 320)), 15),
    HoldPlaced(44, 441, 9, 8, 5, 7, 3_20, MONDAY_MS, MONDAY_MS + 3_600_000, 15),
    HoldReleased(45, 441, 9, MONDAY_MS, Reason.REQUESTED, 15),
    ChargesPosted(46, 9, 8, 2, 6, (97, 98), 150, MONDAY_MS, (Entry("wallet:9", -150), Entry("sales:2:6", 150)), 15),
    SettlementDone(46, 2, 6, 20250110, 2, 150, (41,), MONDAY_MS, 15),
    BalanceOpened(47, 9, MONDAY_MS, (Entry("opening:2", -1250), Entry("wallet:9", 1250)), 15),
]

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Fact).decode


def vectors(name: str) -> list[bytes]:
    """One array per line."""
    return (VECTORS / name).read_bytes().splitlines()


def test_every_kind_of_fact_has_a_vector() -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(Fact))
    assert len(vectors("facts.jsonl")) == len(FACTS)


@pytest.mark.parametrize("place", range(len(FACTS)), ids=lambda place: f"{place}-{type(FACTS[place]).__name__}")
def test_a_fact_is_written_and_read_as_it_always_was(place: int) -> None:
    line = vectors("facts.jsonl")[place]
    assert decode(line) == FACTS[place]
    assert encode(FACTS[place]) == line


@pytest.mark.parametrize(
    ("place", "older"),
    [
        (0, StayClosed(6, 51, 5, 2, 6, MONDAY_MS - 60_000, MONDAY_MS)),
        (1, ScanTaken(1, "door", "a" * 16, 3, "care-in", "b" * 20, 5, MONDAY_MS, 200, Code.IN, Light.ACCEPTED)),
        (2, Charged(9, 91, 9, 8, 5, 2, 7, 320, MONDAY_MS, Why(Rule.PRICE), Reason.OFFLINE, SALE)),
        (3, MealReserved(12, 121, 5, 2, 7, 20250106)),
        (4, MealServed(13, 121, 5, 2, 7, 20250106, MONDAY_MS)),
        (5, Charged(9, 91, 9, 8, 5, 2, 7, 320, MONDAY_MS, Why(Rule.PRICE, unit_tenths=3200), Reason.OFFLINE, SALE)),
        (6, Charged(10, 92, 9, 8, 5, 2, 6, 75, MONDAY_MS, CARE, Reason.NONE, (Entry("wallet:9", -75), Entry("sales:2:6", 75)))),
        (7, FACTS[9]),
        (8, FACTS[10]),
        (9, FACTS[22]),
        (10, WalletOpened(7, 9, 2, 8, MONDAY_MS)),
        (11, StayOpened(5, 51, 5, 2, 6, MONDAY_MS)),
        (12, StayClosed(6, 51, 5, 2, 6, MONDAY_MS - 60_000, MONDAY_MS, Reason.NO_EXIT)),
        (13, FACTS[9]),
        (14, FACTS[10]),
        (15, FACTS[22]),
        (16, FACTS[23]),
        (17, FACTS[24]),
        (18, FACTS[9]),
        (19, FACTS[10]),
        (20, FACTS[12]),
        (21, FACTS[22]),
        (22, FACTS[23]),
        (23, FACTS[24]),
        (24, FACTS[30]),
        (25, FACTS[33]),
        (26, FACTS[8]),
        (27, FACTS[9]),
        (28, FACTS[10]),
        (29, FACTS[11]),
        (30, FACTS[22]),
        (31, FACTS[23]),
        (32, FACTS[24]),
        (33, FACTS[26]),
        (34, FACTS[27]),
        (35, FACTS[33]),
        (36, FACTS[34]),
        (37, FACTS[41]),
        (38, FACTS[42]),
        (39, FACTS[11]),
        (40, FACTS[48]),
    ],
)
def test_an_older_shorter_array_is_read_with_what_was_meant_before_the_field_existed(place: int, older: Fact) -> None:
    assert decode(vectors("older.jsonl")[place]) == older


def test_a_newer_longer_array_is_read_by_what_is_known_of_it() -> None:
    longer = json.dumps([*json.loads(encode(FACTS[2])), "a field of next year"])
    assert decode(longer) == FACTS[2]


@pytest.mark.parametrize(
    "text", ['["scan"]', '["rumour",1]', "[]", "{}", '["meal",0,121,5,2,7,20250106]', '["meal","1",121,5,2,7,20250106]']
)
def test_what_is_no_fact_is_not_read_as_one(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(text)


def test_the_id_of_a_scan_comes_from_its_key_alone_and_never_changes() -> None:
    assert scan_ask("door", "a" * 16, 3) == 7_571_116_666_735_067_511
    assert derived(1, "charge") == 5_755_295_661_439_354_787


@given(st.integers(1, LARGEST), st.text(max_size=30))
def test_a_derived_id_fits_a_database_and_is_never_zero(ask: int, part: str) -> None:
    assert 1 <= derived(ask, part) <= LARGEST


def test_scans_of_other_devices_lives_and_numbers_have_other_ids() -> None:
    keys = [(device, inc * 16, n) for device in ("door", "door1") for inc in "ab" for n in (1, 11, 111)]
    assert len({scan_ask(*key) for key in keys}) == len(keys)
