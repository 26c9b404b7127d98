"""Tariffs as people write them: every kind is read, and what is wrong is named with its line."""

import asyncio
import itertools
from datetime import date
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.calendar import DayKind
from hub.core.days import day_kind
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Kin, Late, Line, Periods, Session, Siblings
from hub.core.school import School, TariffGroup, edited
from hub.errors import ImportRefusedError
from hub.memory import memory
from hub.tariffs import read_draft
from proto.errors import SettingsError
from tests.schools import number, small_school

DRAFT = """\
[[groups]]
name = "Extrascolaire"
at_most = "9,00"

[[tariffs]]
site = "Les Tilleuls"
programme = "Garderie"
group = "Extrascolaire"
lines = [{ price = "0,75", period_min = 30, tolerance_min = 5, at_most = "6,00" }]

[[tariffs]]
site = "Les Tilleuls"
programme = "Garderie"
from = 2025-09-01
[[tariffs.lines]]
child = "CPAS"
price = "0,00"
[[tariffs.lines]]
days = ["camp", "holiday"]
bands = [
    { start = "08:00", end = "16:00", period_min = 480, price = "12,00" },
    { start = "16:00", end = "18:00", period_min = 30, tolerance_min = 5, price = "0,075" },
]
[[tariffs.lines]]
brackets = ["0,10", "0,20", "0,30", "0,40", "0,50", "0,60", "0,70", "0,80", "0,90", "1,00"]
limits = ["300", "400", "500", "600", "700", "800", "900", "1000", "1200"]
period_min = 30
siblings = { less = [0, 25, 50], by = "household", present = true }
late = { after = "18:00", price = "5,00", period_min = 15 }

[[tariffs]]
site = "Les Tilleuls"
product = "Sandwich"
lines = [{ effort = { rate = "0,12", at_least = "0,50", at_most = "3,00" } }]
"""


def drafted(text: str = DRAFT, school: School | None = None) -> School:
    """The small school with this draft saved."""
    before = school or small_school()
    return edited(before, read_draft(text, "draft.toml", before, itertools.count(1).__next__))


def refused(text: str) -> str:
    with pytest.raises((ImportRefusedError, SettingsError)) as caught:
        drafted(text)
    return str(caught.value)


def test_every_kind_of_tariff_is_read_as_it_is_written() -> None:
    school = drafted()
    first, second = school.tariffs[number("care")]
    grid = ByBracket(tuple(range(100, 1100, 100)), (*range(300_00, 1100_00, 100_00), 1200_00))
    camp = Bands((Band(480, 960, Fixed(12_000), 480), Band(960, 1080, Fixed(75), 30, 5)))
    assert first.lines == (Line(Periods(Fixed(750), 30, 5), max_cents=6_00),)
    assert (first.from_day, first.until_day, second.until_day) == (date.min, date(2025, 9, 1), None)
    assert second.lines == (
        Line(Session(Fixed(0)), child="CPAS"),
        Line(camp, days=(DayKind.CAMP, DayKind.HOLIDAY)),
        Line(Periods(grid, 30), siblings=Siblings((0, 25, 50), Kin.HOUSEHOLD, present=True), late=Late(1080, 5_00, 15)),
    )
    assert school.groups[first.group] == TariffGroup(first.group, "Extrascolaire", 9_00)
    assert school.tariffs[number("sandwich")][0].lines == (Line(Session(ByEffort(1_200, 50, 3_00))),)


def test_the_same_file_again_changes_nothing_and_a_version_that_is_left_out_is_withdrawn() -> None:
    school = drafted()
    assert drafted(school=school) == school
    begins = DRAFT.index("[[tariffs]]", DRAFT.index("[[tariffs]]") + 1)
    ends = DRAFT.rindex("[[tariffs]]")
    first, second = drafted(DRAFT[:begins] + DRAFT[ends:], school).tariffs[number("care")]
    assert (first.until_day, second.until_day) == (None, second.from_day)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            'price = "0,75", period_min',
            'price = "gratuit", period_min',
            "draft.toml:5: Garderie (Les Tilleuls): line 1: `gratuit` is not an amount",
        ),
        (
            'price = "0,75", period_min',
            'price = "-0,75", period_min',
            "draft.toml:5: Garderie (Les Tilleuls), line 1: has a negative amount",
        ),
        (
            "period_min = 30, tolerance_min = 5, at",
            "period_min = 0, at",
            "draft.toml:5: Garderie (Les Tilleuls), line 1: has a period of 0 minutes",
        ),
        (
            '"0,90", "1,00"]',
            '"0,90"]',
            "draft.toml:24: Garderie (Les Tilleuls) from 2025-09-01, line 3: needs a price for each of the brackets",
        ),
        ('child = "CPAS"', "", "line 2: can never be used: line 1 takes all it is for"),
        ('start = "16:00", end', 'start = "16:30", end', "line 2: band 1 ends before the next one begins"),
        ('start = "16:00", end', 'start = "15:30", end', "line 2: band 1 ends after the next one begins"),
        ('start = "16:00", end', 'start = "16h", end', "line 2: `16h` is not a time"),
        ("from = 2025-09-01", "from = 2025-09-01\nuntil = 2026-09-01", "the last version ends and nothing follows"),
        ("from = 2025-09-01", "", "a second version from the same day"),
        ('group = "Extrascolaire"', 'group = "Matin"', "group `Matin` is not described"),
        ('product = "Sandwich"', 'product = "Sandwich"\ngroup = "Extrascolaire"', "a group is for programmes and the meals of one site"),
        ('product = "Sandwich"', 'product = "Soupe"', "`Soupe` is not one of the site's"),
        ('product = "Sandwich"', "", "name either a programme or a product"),
        ('rate = "0,12"', 'rate = "un peu"', "`un peu` is not a rate"),
        ('rate = "0,12"', 'rate = "0,00001"', "four digits"),
        ('rate = "0,12"', 'rate = "NaN"', "not a rate"),
        ('rate = "0,12"', 'rate = "1e999999999"', "not a rate"),
        ('at_most = "9,00"', 'at_most = "neuf"', "draft.toml:1: `neuf` is not an amount"),
        ("lines = [{ effort", 'lines = [{ price = "1,00", effort', "say one of"),
        ("late = {", "later = {", "unknown key"),
        ("period_min = 15 }", "period_min = -15 }", "negative amount"),
    ],
)
def test_what_is_wrong_with_a_tariff_is_said_with_its_line(right: str, wrong: str, said: str) -> None:
    assert right in DRAFT
    assert said in refused(DRAFT.replace(right, wrong, 1))


def test_a_gap_between_two_versions_is_named() -> None:
    assert "there is a gap" in refused(DRAFT.replace('group = "Extrascolaire"', "until = 2025-08-01", 1))
    assert "two would hold on the same day" in refused(DRAFT.replace('group = "Extrascolaire"', "until = 2025-10-01", 1))


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(refused(DRAFT.replace('"0,75"', '"x"').replace('"0,12"', '"x"')).splitlines()) == 2


PROGRAMME = """\
[[sites]]
name = "Centre"
[[sites.programmes]]
name = "Garderie"
use = "care"
hours = [{ days = ["mon"], start = "15:30", end = "18:00" }]
"""


def setting_up(folder: Path, text: str) -> int:
    """The exit status of `preau-hub setup` with this description."""
    (folder / "hub.toml").write_text(f'[hub]\ndata = "{folder / "hub"}"\n')
    (folder / "school.toml").write_text(text)
    return main(["setup", str(folder / "school.toml"), "--config", str(folder / "hub.toml")])


def test_a_programme_has_its_price_beside_it_or_a_tariff_and_never_both_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tariff = '[[tariffs]]\nsite = "Centre"\nprogramme = "Garderie"\nlines = [{ price = "1,00" }]\n'
    assert setting_up(tmp_path, PROGRAMME) == REFUSED
    assert "Garderie: has no price" in capsys.readouterr().err
    assert setting_up(tmp_path, PROGRAMME + 'price = "2,00"\n' + tariff) == REFUSED
    assert "Garderie (Centre): a second version from the same day" in capsys.readouterr().err
    assert setting_up(tmp_path, PROGRAMME + tariff) == 0
    assert setting_up(tmp_path, PROGRAMME + 'price = "2,00"\n') == 0


def test_the_example_of_a_school_is_set_up_with_its_tariffs_and_its_calendar(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent.parent / "provisioning" / "school.example.toml"
    assert setting_up(tmp_path, example.read_text()) == 0

    async def read() -> School:
        async with memory(tmp_path / "hub") as stores:
            return stores.desk.school

    school = asyncio.run(read())
    assert set(school.tariffs) == set(school.programmes)
    assert day_kind(school, next(iter(school.sites)), date(2025, 11, 11)) is DayKind.PUBLIC
    assert day_kind(school, next(iter(school.sites)), date(2025, 11, 17)) is DayKind.PEDAGOGIC
