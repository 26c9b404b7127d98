"""The file to set a school up from: every wrong key is named, nothing is guessed, and what is known keeps its id."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub.core.formulas import Fixed, Line, Periods
from hub.core.menus import Allergen, Canteen
from hub.core.school import Device, Policy, Scans, School, edited
from hub.core.timetable import Attendance, Formerly
from hub.errors import ImportRefusedError
from hub.setup import describe
from proto.errors import SettingsError

SCHOOL = """\
[[sites]]
name = "Les Tilleuls"
floor = "-10,00"

[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
tolerance_min = 5
hours = [{ days = ["mon", "tue"], start = "15:30", end = "18:00" }]

[[sites.products]]
name = "Repas"
kind = "meal"
price = "4,50"
policy = "must_serve"

[[sites.devices]]
id = "door-1"
name = "Porte"
readers = [{ id = "in", name = "Entrée", use = "care", door_ms = 800 }]

[[sites.devices]]
id = "till-1"
name = "Caisse"
readers = [{ id = "meals", name = "Repas", use = "till", direction = "in", product = "Repas" }]
"""


def ids() -> Callable[[], int]:
    return itertools.count(1).__next__


def described(text: str = SCHOOL, school: School | None = None, new_id: Callable[[], int] | None = None) -> School:
    known = school or School()
    return edited(known, describe(text, "school.toml", known, new_id or ids(), 0))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises((ImportRefusedError, SettingsError)) as caught:
        call()
    return str(caught.value)


# --- the school ----------------------------------------------------------------------------------


def test_a_school_is_set_up_as_its_file_says() -> None:
    school = described()
    (site,) = school.sites.values()
    (care,) = school.programmes.values()
    (meal,) = school.products.values()
    assert (site.name, site.floor_cents) == ("Les Tilleuls", -1000)
    ((tariff,),) = school.tariffs.values()
    assert tariff.item == care.id
    assert tariff.lines == (Line(Periods(Fixed(750), period_min=30, tolerance_min=5)),)
    assert care.windows[0].start_min == 15 * 60 + 30
    assert (meal.price_cents, meal.policy) == (450, Policy.MUST_SERVE)
    assert school.readers["door-1", "in"].door_ms == 800
    assert school.readers["till-1", "meals"].product == meal.id


def test_the_same_file_again_changes_nothing() -> None:
    counting = ids()
    first = described(new_id=counting)
    assert described(school=first, new_id=counting) == first


def test_how_a_programme_is_run_changes_from_today_on_and_days_that_are_over_keep_what_they_had() -> None:
    """The clock of these tests stands at the beginning of 1970."""
    before = described()
    (care,) = before.programmes.values()
    after = described(SCHOOL.replace("tolerance_min = 5\n", 'tolerance_min = 5\nscans = "exit"\n'), before)
    assert after.programmes[care.id] == replace(care, scans=Scans.EXIT, formerly=(Formerly(date(1970, 1, 1), Scans.BOTH, Attendance.OPEN),))
    assert described(SCHOOL, after).programmes[care.id] == care, "on the same day taken back"


def test_a_device_keeps_its_password_when_the_file_is_read_again() -> None:
    school = described()
    renewed = edited(school, (Device("door-1", school.devices["door-1"].site, "Porte", generation=4),))
    assert described(school=renewed).devices["door-1"].generation == 4


def test_reading_the_file_again_does_not_let_a_blocked_device_in() -> None:
    school = described()
    blocked = edited(school, (Device("door-1", school.devices["door-1"].site, "Porte", 1, blocked="clone"),))
    assert described(school=blocked).devices["door-1"].blocked == "clone"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        ('floor = "-10,00"', 'flor = "-10,00"', 3, "unknown key `sites[0].flor`"),
        ("period_min = 30", 'period_min = "thirty"', 9, "sites[0].programmes[0].period_min"),
        ('use = "care"\nprice', 'use = "lessons"\nprice', 7, "sites[0].programmes[0].use"),
        ('start = "15:30"', 'start = "25:30"', 11, "sites[0].programmes[0].hours[0].start"),
        ('id = "door-1"', 'id = "Door 1"', 20, "sites[0].devices[0].id"),
        ('name = "Repas"\n', 'name = " "\n', 14, "sites[0].products[0].name"),
        ('name = "Porte"', 'name = "Por\\u0000te"', 21, "sites[0].devices[0].name"),
        ("door_ms = 800", "door_ms = 80000", 22, "sites[0].devices[0].readers[0].door_ms"),
        ('name = "Les Tilleuls"\n', "", 1, "key `name` is missing"),
    ],
)
def test_a_wrong_key_is_named_with_file_and_line(wrong: str, right: str, line: int, said: str) -> None:
    assert SCHOOL.count(wrong) == 1, wrong
    text = refused(lambda: described(SCHOOL.replace(wrong, right)))
    assert text.startswith(f"school.toml:{line}: "), text
    assert said in text


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ('id = "door-1"', 'id = "hub"', "device `hub`"),
        ('price = "4,50"', 'price = "quatre"', "`quatre` is not an amount"),
        ('price = "0,75"', 'price = "-0,75"', "school.toml"),
        ('end = "18:00"', 'end = "15:00"', "hours must end after they start"),
        ('product = "Repas"', 'product = "Soupe"', "product `Soupe` is not one of this site"),
        ('floor = "-10,00"', 'zone = "Europe/Atlantis"', "Europe/Atlantis"),
        ('price = "4,50"', 'price = ""', "is not an amount"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(wrong: str, right: str, said: str) -> None:
    assert SCHOOL.count(wrong) == 1, wrong
    assert said in refused(lambda: described(SCHOOL.replace(wrong, right)))


@pytest.mark.parametrize(("thing", "said"), [("site", "site `Les Tilleuls` is described twice"), ("device", "device `door-1` is")])
def test_what_is_described_twice_is_refused(thing: str, said: str) -> None:
    again = SCHOOL if thing == "site" else SCHOOL.replace("Les Tilleuls", "Le Parc").replace('"till-1"', '"till-2"')
    assert said in refused(lambda: described(SCHOOL + again))


def test_an_evening_past_midnight_is_described_as_it_is_said() -> None:
    school = described(SCHOOL.replace('start = "15:30", end = "18:00"', 'start = "18:00", end = "00:30"'))
    assert [(one.start_min, one.end_min) for programme in school.programmes.values() for one in programme.windows] == [(1080, 1470)]


def test_a_file_that_is_no_toml_is_refused() -> None:
    assert refused(lambda: described("sites = [")).startswith("school.toml: not TOML")


def test_the_example_says_of_a_canteen_what_holds_without_it() -> None:
    text = (Path(__file__).parent.parent.parent / "provisioning" / "school.example.toml").read_text()
    school = described(text)
    (site,) = school.sites
    assert school.canteens == {site: Canteen(site)}
    meal = next(product for product in school.products.values() if product.name == "Repas chaud")
    assert (meal.allergens, meal.diets) == (frozenset([Allergen.MILK]), frozenset(["vegetarian"]))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('walk_up_surcharge = "gratuit"', 'key `walk_up_surcharge`: `gratuit` is not an amount: write it as "2,50"'),
        ('void_limit = "-1,00"', "a canteen has no negative days, surcharge or limit"),
    ],
)
def test_a_canteen_with_an_amount_that_cannot_be_is_refused_by_its_site_and_key(line: str, sentence: str) -> None:
    text = SCHOOL.replace("[[sites.programmes]]", f"[sites.canteen]\n{line}\n\n[[sites.programmes]]", 1)
    assert sentence in refused(lambda: described(text))
