"""What a device answers alone, as a table. It knows badges and rights, no name and no money."""

import re
from pathlib import Path

import pytest

import edge
from edge.policy import SECOND_MEAL_MS, Question, light, roster
from proto.messages import Light, RosterRow, Use
from proto.roster import RIGHTS
from tests.fakes import NOON_MS, config, hashed, manifest, rows

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
YEARS_MS = 50 * 365 * DAY_MS
"""How far off a clock may be that nobody ever set."""
YES, LOOK, ADULT = Light.ACCEPTED, Light.LOOK, Light.ADULT
CONFIG = config(till=(Use.TILL, 0))
FROM_TOMORROW = (RosterRow(hashed("Léa"), "cstke", NOON_MS + DAY_MS, 0),)
UNTIL_YESTERDAY = (RosterRow(hashed("Léa"), "cstke", 0, NOON_MS - DAY_MS),)
NEVER = None


@pytest.mark.parametrize(
    ("why", "known", "use", "err_ms", "since_fetched_ms", "since_yes_ms", "answer"),
    [
        ("a known pupil at a till", rows("Léa"), Use.TILL, 10, 0, NEVER, YES),
        ("a known pupil at care", rows("Léa"), Use.CARE, 10, 0, NEVER, YES),
        ("a stranger", rows("Tom"), Use.TILL, 10, 0, NEVER, ADULT),
        ("an empty roster knows nobody", (), Use.CARE, 10, 0, NEVER, ADULT),
        ("no right to the canteen", rows("Léa", rights="c"), Use.TILL, 10, 0, NEVER, ADULT),
        ("no right at all", rows("Léa", rights=""), Use.CARE, 10, 0, NEVER, ADULT),
        ("not valid yet", FROM_TOMORROW, Use.CARE, 10, 0, NEVER, ADULT),
        ("not valid any more", UNTIL_YESTERDAY, Use.CARE, 10, 0, NEVER, ADULT),
        ("one row of two is valid", FROM_TOMORROW + rows("Léa"), Use.CARE, 10, 0, NEVER, YES),
        ("perhaps not valid yet, by a clock that may be two days off", FROM_TOMORROW, Use.CARE, 2 * DAY_MS, 0, NEVER, YES),
        ("perhaps not valid any more, by such a clock", UNTIL_YESTERDAY, Use.CARE, 2 * DAY_MS, 0, NEVER, YES),
        ("no clock to trust: validity is left to the hub", FROM_TOMORROW, Use.TILL, YEARS_MS, 0, NEVER, YES),
        ("no clock to trust, but a stranger", rows("Tom"), Use.TILL, YEARS_MS, 0, NEVER, ADULT),
        ("a second meal", rows("Léa"), Use.TILL, 10, 0, SECOND_MEAL_MS - 1, LOOK),
        ("a second meal at once", rows("Léa"), Use.TILL, 10, 0, 0, LOOK),
        ("the next meal", rows("Léa"), Use.TILL, 10, 0, SECOND_MEAL_MS, YES),
        ("coming back to care is no second meal", rows("Léa"), Use.CARE, 10, 0, HOUR_MS, YES),
        ("a second meal without a clock: monotonic time knows", rows("Léa"), Use.TILL, YEARS_MS, 0, HOUR_MS, LOOK),
        ("a roster of a week", rows("Léa"), Use.TILL, 10, 7 * DAY_MS, NEVER, YES),
        ("a stale roster: a child eats, staff look", rows("Léa"), Use.TILL, 10, 7 * DAY_MS + 11, NEVER, LOOK),
        ("a stale roster and a stranger", rows("Tom"), Use.TILL, 10, 30 * DAY_MS, NEVER, ADULT),
        ("a stale roster, as far as a clock without trust can tell", rows("Léa"), Use.TILL, YEARS_MS, 30 * DAY_MS, NEVER, YES),
        ("a roster from the future: the clock is behind", rows("Léa"), Use.TILL, 10, -DAY_MS, NEVER, YES),
    ],
)
def test_a_device_alone_answers(
    why: str, known: tuple[RosterRow, ...], use: Use, err_ms: int, since_fetched_ms: int, since_yes_ms: int | None, answer: Light
) -> None:
    fetched = roster(manifest(issued_ms=NOON_MS - since_fetched_ms), known)
    assert light(CONFIG, fetched, Question(hashed("Léa"), use, NOON_MS, err_ms, since_yes_ms)) is answer


def test_without_any_roster_everybody_asks_an_adult() -> None:
    assert light(CONFIG, None, Question(hashed("Léa"), Use.CARE, NOON_MS, 10)) is ADULT


@pytest.mark.parametrize("use", list(Use))
def test_each_use_asks_for_its_own_right(use: Use) -> None:
    question = Question(hashed("Léa"), use, NOON_MS, 10)
    others = "".join(letter for other, letter in RIGHTS.items() if other is not use)
    assert light(CONFIG, roster(manifest(), rows("Léa", rights=RIGHTS[use])), question) is YES
    assert light(CONFIG, roster(manifest(), rows("Léa", rights=others)), question) is ADULT


def test_the_device_knows_no_money_at_all() -> None:
    """No pattern can tell what nobody here knows (requirements C3, C4)."""
    folder = Path(edge.__file__).parent
    money = re.compile(r"cents|balance|wallet|price|tariff|funds|shortage|euro|€", re.IGNORECASE)
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 20
    assert [f"{file.name}: {word}" for file in files for word in money.findall(file.read_text(encoding="utf-8"))] == []
