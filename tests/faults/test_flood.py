"""A device gone mad in a short form on the real processes, and each complaint about a flood seen to be made."""

import random
import re
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from proto import codec
from proto.codec import MAX_BYTES, Rubbish
from proto.messages import ScanMessage
from tests.demo.browser import Board
from tests.demo.checks import Evidence, Live, Past
from tests.demo.dayplan import Means
from tests.demo.player import SentTap
from tests.demo.report import Came
from tests.faults.__main__ import main
from tests.faults.flood import LIMIT_MS, Spell, lights, too_late
from tests.faults.flooder import MANY, Words
from tests.schools import FIRST_LIFE, Day, badge

SPELLS = (Spell("", 0, 1_000), Spell("rubbish", 1_000, 2_000, 1.0))


def came(sent_us: int, took_ms: float, light: str = "accepted") -> Came:
    return Came(SentTap("till", "meals", "Léa", Means.SHOWS, sent_us, 0.0), None, light, took_ms)


def test_lights_in_time_are_no_complaint() -> None:
    slow_before = came(500, LIMIT_MS * 2)  # without the flood: not its doing
    assert too_late(SPELLS, [slow_before, *(came(1_500, 20.0) for _ in range(99)), came(1_500, LIMIT_MS * 2)]) == []


def test_slow_lights_and_missing_ones_are_complained_of() -> None:
    slow = [*(came(1_500, 20.0) for _ in range(98)), came(1_500, LIMIT_MS), came(1_500, LIMIT_MS)]
    assert too_late(SPELLS, slow) == ["rubbish: the others' 99th percentile is 2000 ms"]
    assert too_late(SPELLS, [came(1_500, 20.0), came(500, 0.0, light="")]) == ["1 taps at the others saw no light"]


def test_a_flood_that_met_no_tap_proves_nothing() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        too_late(SPELLS, [came(500, 20.0)])


def test_the_flooder_says_what_it_is_told_to_say() -> None:
    words = Words("a" * 16, "tags", "b" * 20, count(1), random.Random(1))
    for records in (1, MANY):
        first, second = (codec.decode(words.scans(records), ScanMessage) for _ in range(2))
        assert isinstance(first, ScanMessage)
        assert isinstance(second, ScanMessage)
        assert len(first.records) == records
        assert first.records[0].inc != second.records[0].inc, "the hub would know its scans already"
    broken = [codec.decode(words.rubbish(), ScanMessage) for _ in range(50)]
    assert sum(isinstance(message, Rubbish) for message in broken) > 40
    assert codec.decode(words.huge(), ScanMessage) is Rubbish.TOO_LONG
    assert MAX_BYTES < len(words.huge()) < MAX_BYTES + 2_048, "the broker drops what is longer"


def two_taps() -> Evidence:
    """Léa's tap and Tom's at the meals, as a flood's evidence has them."""
    day = Day()
    scans = tuple(day.tap(who, "meal-till", "12:05") for who in ("Léa", "Tom"))
    sent = tuple(SentTap("till", "meal-till", who, Means.EATS, at_us, 0.0) for who, at_us in (("Léa", 1_000), ("Tom", 9_000)))
    lit = tuple({"mono_us": 5_000 * n, "reader": "meal-till", "pattern": "look", "inc": FIRST_LIFE, "n": n} for n in (1, 2))
    hashes = {who: badge(who) for who in ("Léa", "Tom")}
    nothing = Live(Board((), {}, 0), {}), Past((), {}, {})
    return Evidence(sent, hashes, {"till": lit}, scans, day.books, (), day.school, 0, 1.0, *nothing, {}, {})


def test_each_tap_finds_its_own_light() -> None:
    assert [(one.tap.badge, one.took_ms, one.light) for one in lights(two_taps())] == [("Léa", 4.0, "look"), ("Tom", 1.0, "look")]


def test_a_tap_without_a_light_is_seen_and_lights_of_others_are_not_taken_for_ones_own() -> None:
    seen = two_taps()
    assert [one.light for one in lights(replace(seen, lit={"till": seen.lit["till"][:1]}))] == ["look", ""]
    with pytest.raises(AssertionError, match="do not fit"):
        lights(replace(seen, lit={"till": seen.lit["till"][1:]}))
    with pytest.raises(AssertionError, match="more scans than there were taps"):
        lights(replace(seen, sent=seen.sent[:1]))


@pytest.mark.broker
def test_a_third_of_a_second_of_each_flood_makes_nobody_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flood", "--count", "300", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("messages a second: others p50") == 4
    taken = re.search(r"([\d,]+) scans of the mad device taken", printed)
    assert taken is not None
    assert int(taken[1].replace(",", "")) > 100, "the hub was there to be flooded"
