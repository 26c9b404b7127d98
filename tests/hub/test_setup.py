"""Files to set a school up from: every bad line is named, nothing is guessed, nothing that may not be kept is kept."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.__main__ import _text
from hub.core.formulas import Fixed, Line, Periods
from hub.core.money import read_cents
from hub.core.school import Badge, Device, Household, Policy, Pupil, School, edited
from hub.errors import ImportRefusedError
from hub.setup import Imported, balances, describe, pupils
from proto.badge import badge_hash
from proto.errors import SettingsError
from tests.schools import BADGE_KEY

CODE = "KBBBKOVDUBJFIHBPPPPGD"
NOW_MS = 1_790_000_000_000
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
HEADER = "household;site;last_name;first_name;group;badge"
LEA = f"Dupont;Les Tilleuls;Dupont;Léa;3A;{CODE}"


def ids() -> Callable[[], int]:
    return itertools.count(1).__next__


def described(text: str = SCHOOL, school: School | None = None, new_id: Callable[[], int] | None = None) -> School:
    known = school or School()
    return edited(known, describe(text, "school.toml", known, new_id or ids()).rows)


def listed(*lines: str, header: str = HEADER, school: School | None = None, new_id: Callable[[], int] | None = None) -> Imported:
    text = "\n".join((header, *lines))
    return pupils(text, "pupils.csv", school or described(), BADGE_KEY, NOW_MS, new_id or itertools.count(100).__next__)


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


def test_a_file_that_is_no_toml_is_refused() -> None:
    assert refused(lambda: described("sites = [")).startswith("school.toml: not TOML")


# --- pupils --------------------------------------------------------------------------------------


def test_a_list_gives_households_pupils_and_badges() -> None:
    rows = listed(LEA, "Dupont;Les Tilleuls;Dupont;Hugo;2A;EM:6f007b3972", "Maes;Les Tilleuls;Maes;Noé;5B;").rows
    assert [type(row).__name__ for row in rows] == ["Household", "Pupil", "Badge", "Pupil", "Badge", "Household", "Pupil"]
    badges = [row for row in rows if isinstance(row, Badge)]
    assert [badge.hash for badge in badges] == [badge_hash(BADGE_KEY, CODE), badge_hash(BADGE_KEY, "EM:6F007B3972")]
    assert badges[0].mark == "PPGD"
    assert {badge.from_ms for badge in badges} == {NOW_MS}


def test_every_bad_line_is_named_and_nothing_is_used() -> None:
    said = refused(
        lambda: listed(
            LEA,
            ";Les Tilleuls;Dupont;Hugo;2A;",
            "Maes;Le Parc;Maes;Noé;5B;",
            "Maes;Les Tilleuls;;Noé;5B;",
            "Claes;Les Tilleuls;Claes;Zoé;5B;KBBBKOVDUBJFIHBPPPPGB",
        )
    )
    assert [line.split(": ")[0] for line in said.splitlines()] == [f"pupils.csv:{line}" for line in (3, 4, 5, 6)]
    assert "`Le Parc`" in said
    assert "check letter" in said


def test_a_missing_column_is_named_with_those_there_should_be() -> None:
    said = refused(lambda: listed(LEA, header="household;site;last_name;first_name;group"))
    assert said.startswith("pupils.csv:1: column `badge` is missing; the columns are: household; site;")


def test_semicolons_and_commas_and_quotes_say_the_same() -> None:
    assert listed(LEA).rows == listed(LEA.replace(";", ","), header=HEADER.replace(";", ",")).rows
    assert listed(LEA.replace("Dupont;Les", '"Dupont";Les')).rows == listed(LEA).rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_list_may_come_from_an_old_spreadsheet(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "pupils.csv"
    path.write_bytes(f"{HEADER}\r\n{LEA}".encode(encoding))
    rows = pupils(_text(path), path.name, described(), BADGE_KEY, NOW_MS, itertools.count(100).__next__).rows
    assert [row.first_name for row in rows if isinstance(row, Pupil)] == ["Léa"]


def test_a_line_end_of_an_old_mac_is_refused_in_a_sentence() -> None:
    assert refused(lambda: listed(LEA, "Maes;Les Tilleuls;Maes;No\ré;5B;")).startswith("pupils.csv:3: cannot be read as a list")


def test_a_file_no_encoding_fits_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "pupils.csv"
    path.write_bytes(b"\x81\x8d\x8f")
    assert "pupils.csv" in refused(lambda: _text(path))


@pytest.mark.parametrize("column", ["NISS", "numéro national", "Rijksregisternummer", "registre_national", "insz-nr"])
def test_a_national_register_number_is_dropped_and_named(column: str) -> None:
    imported = listed(f"{LEA};85.07.30-033.28", header=f"{HEADER};{column}")
    assert len(imported.notes) == 1
    assert f"`{column.lower()}`" in imported.notes[0]
    assert "85.07" not in repr(imported)


def test_the_same_list_again_keeps_every_id_and_adds_no_badge() -> None:
    counting = ids()
    school = described(new_id=counting)
    once = edited(school, listed(LEA, school=school, new_id=counting).rows)
    assert edited(once, listed(LEA, school=once, new_id=counting).rows) == once


def test_a_pupil_twice_in_a_list_is_one_pupil() -> None:
    rows = listed(LEA, LEA).rows
    assert len({row.id for row in rows if isinstance(row, Pupil)}) == 1
    assert len({row.id for row in rows if isinstance(row, Household)}) == 1
    assert len({row.id for row in rows if isinstance(row, Badge)}) == 1


def test_one_badge_is_not_given_to_two_pupils() -> None:
    said = refused(lambda: listed(LEA, f"Dupont;Les Tilleuls;Dupont;Hugo;2A;{CODE}"))
    assert said.startswith("pupils.csv:3: ")
    school = edited(described(), listed(LEA).rows)
    said = refused(lambda: listed(f"Maes;Les Tilleuls;Maes;Noé;5B;{CODE}", school=school, new_id=itertools.count(500).__next__))
    assert said.startswith("pupils.csv:2: ")


def test_a_list_that_is_too_long_is_refused() -> None:
    assert "at most 20000" in refused(lambda: listed(*["Dupont;Les Tilleuls;Dupont;Léa;3A;"] * 20_001))


def test_an_empty_file_is_refused() -> None:
    assert "column `household` is missing" in refused(lambda: listed(header=""))


# --- balances ------------------------------------------------------------------------------------


def brought(*lines: str) -> dict[tuple[int, int], int]:
    school = edited(described(), listed(LEA, "Maes;Les Tilleuls;Maes;Noé;5B;").rows)
    return balances("\n".join(("site;household;balance", *lines)), "balances.csv", school)


def test_balances_are_cents_by_site_and_household() -> None:
    assert sorted(brought("Les Tilleuls;Dupont;12,50", "Les Tilleuls;Maes;-3,05").values()) == [-305, 1250]


@pytest.mark.parametrize("amount", ["", "-", "12.5.0", "douze", "1e3", "12,505", "€", "NaN", "1 2"])
def test_an_amount_that_cannot_be_read_is_refused_and_never_zero(amount: str) -> None:
    assert read_cents(amount) is None
    said = refused(lambda: brought(f"Les Tilleuls;Dupont;{amount}"))
    assert said == f"balances.csv:2: `{amount}` is not an amount: write it as 12,50"


def test_every_bad_balance_is_named() -> None:
    said = refused(
        lambda: brought("Le Parc;Dupont;1,00", "Les Tilleuls;Nobody;1,00", "Les Tilleuls;Maes;1,00", "Les Tilleuls;Maes;2,00")
    ).splitlines()
    assert [line.split(": ")[0] for line in said] == ["balances.csv:2", "balances.csv:3", "balances.csv:5"]
    assert "site `Le Parc` is not known" in said[0]
    assert "household `Nobody` is not known" in said[1]
    assert "second line" in said[2]
