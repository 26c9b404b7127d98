"""kill -9 in a short form on the real processes, and each check of wishes seen to complain of a doctored one."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.core.facts import Fact
from proto.messages import Light
from tests.faults.__main__ import main
from tests.faults.crowd import Wish
from tests.faults.kills import Moment, plan
from tests.faults.lamps import Lamps
from tests.faults.wishes import CHECKS, Scans, wrong
from tests.schools import FIRST_LIFE, SECOND_LIFE, Day

Story = tuple[Scans, list[Fact]]


def story(*taps: tuple[str, str], reader: str = "meal-till") -> Story:
    """One wish of Léa's with these taps (incarnation, clock), and everything in the books."""
    day = Day()
    day.bring("Martin", 50_00)
    scans = [day.tap("Léa", reader, clock, inc=inc) for inc, clock in taps]
    return [(Wish(f"till/{reader}", "Léa"), scans)], [fact for asked in day.facts for fact in asked]


@pytest.fixture
def honest() -> Story:
    """The device died before the light, and the hub knew Léa again."""
    return story((FIRST_LIFE, "10:15"), (SECOND_LIFE, "10:15"))


def a_hub_that_forgot() -> Story:
    """It decides the second tap as if it were a new one: a minute is over, which is not true of this wish."""
    return story((FIRST_LIFE, "10:15"), (SECOND_LIFE, "10:17"))


def a_hub_that_charges_twice() -> Story:
    """It makes the charge of the first tap once more for the second."""
    scans, facts = a_hub_that_forgot()
    second = scans[0][1][1]
    charge = next(fact for fact in facts if isinstance(fact, f.Charged))
    return scans, [*facts, msgspec.structs.replace(charge, ask=second.ask, charge=charge.charge + 1)]


def a_hub_that_moves_twice() -> Story:
    return story((FIRST_LIFE, "16:00"), (SECOND_LIFE, "16:35"), reader="care-gate")


DOCTORED: tuple[tuple[str, Callable[[], Story]], ...] = (
    ("nobody gets one thing twice", a_hub_that_charges_twice),
    ("nobody gets one thing twice", a_hub_that_moves_twice),
    ("who comes back is asked: again?", a_hub_that_forgot),
)


def test_a_wish_that_was_known_again_passes(honest: Story) -> None:
    scans, facts = honest
    assert [scan.code for scan in scans[0][1]] == [Code.WALK_UP, Code.AGAIN]
    assert wrong(scans, facts) == []


def test_every_check_of_wishes_can_fail() -> None:
    assert {sentence for sentence, _ in DOCTORED} == {sentence for sentence, _ in CHECKS}


@pytest.mark.parametrize(("sentence", "doctored"), DOCTORED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_check_complains_of_what_was_done_to_the_wish(sentence: str, doctored: Callable[[], Story]) -> None:
    assert sentence in dict(wrong(*doctored()))


def test_a_charge_that_was_given_back_does_not_count() -> None:
    scans, facts = a_hub_that_charges_twice()
    charge = next(fact for fact in facts if isinstance(fact, f.Charged))
    back = f.Reversed(charge.ask + 1, charge.charge, charge.wallet, charge.cents, charge.at_ms, Reason.NOT_LIT, ())
    assert "nobody gets one thing twice" not in dict(wrong(scans, [*facts, back]))


def test_a_first_tap_that_nobody_got_a_yes_for_may_be_decided_anew() -> None:
    scans, facts = a_hub_that_forgot()
    (wish, (first, second)) = scans[0]
    refused = msgspec.structs.replace(first, shown=Light.ADULT.value)
    assert "who comes back is asked: again?" not in dict(wrong([(wish, [refused, second])], facts))
    unlit = f.ShownBooked(first.ask + 1, first.device, first.inc, first.n, Light.ADULT)
    assert "who comes back is asked: again?" not in dict(wrong(scans, [*facts, unlit]))


def test_the_plan_of_kills_follows_its_seed() -> None:
    strikes = plan("hub", 200, 1)
    assert strikes == plan("hub", 200, 1)
    assert strikes != plan("hub", 200, 2)
    assert {strike.moment for strike in strikes} == set(Moment)
    assert all(0 <= strike.delay_s <= strike.moment.value for strike in strikes)
    assert sum(strike.moment is Moment.TAP for strike in strikes) > 100


def test_lamps_are_followed_line_by_line(tmp_path: Path) -> None:
    lamps, trace = Lamps(tmp_path / "trace"), (tmp_path / "trace").open("a", buffering=1)
    assert not lamps.ready()
    trace.write('{"mono_us": 1, "reader": "", "pattern": "ready"}\n{"mono_us": 2, "reader": "door", "pat')
    trace.flush()
    assert lamps.ready()
    trace.write('tern": "reading"}\n{"mono_us": 3, "reader": "door", "pattern": "again"}\n')
    lamps.look()
    assert (lamps.read_us, lamps.answered_us) == ({"door": 2}, {})
    trace.write('{"mono_us": 4, "reader": "door", "pattern": "look", "n": 1}\n{"mono_us": 5, "reader": "", "pattern": "away"}\n')
    trace.close()
    assert not lamps.ready()
    assert lamps.answered_us == {"door": 4}


@pytest.mark.broker
def test_twelve_kills_lose_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kills", "--count", "12", "--seed", "4", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "2 kills of the hub, 10 of devices" in printed
    taps = re.search(r"([\d,]+) taps for", printed)
    assert taps is not None
    assert int(taps[1].replace(",", "")) > 12
    assert list(tmp_path.iterdir()) == []
