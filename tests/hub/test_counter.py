"""The commands of the canteen and the till, on a data folder: what they print, what they refuse, and that nothing half is kept."""

import asyncio
import re
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.accounts import Accounts
from hub.core import canteen, till
from hub.core.canteen import day_number
from hub.core.facts import Refusal
from hub.core.menus import Allergen, Diet, Offer
from hub.counter import SENTENCES, refused
from hub.errors import ImportRefusedError
from hub.memory import memory
from hub.setup import diets, menus
from tests.schools import MONDAY, moment, number, small_school

SCHOOL = """\
[[sites]]
name = "Les Tilleuls"
[sites.canteen]
cut_off = "09:30"
void_limit = "2,00"
unordered = "surcharge"
unordered_surcharge = "0,20"
[[sites.products]]
name = "Repas"
kind = "meal"
price = "4,50"
policy = "must_serve"
allergens = ["milk"]
diets = ["vegetarian"]
[[sites.products]]
name = "Sandwich"
kind = "article"
price = "3,20"
policy = "must_have_funds"
[[sites.devices]]
id = "till-1"
name = "Caisse"
readers = [{ id = "meals", name = "Repas", use = "till", direction = "in", product = "Repas" }]
"""
PUPILS = "household;site;last_name;first_name;group;badge\nDupont;Les Tilleuls;Dupont;Léa;3A;\nMartin;Les Tilleuls;Martin;Noé;3A;\n"
MENU = "site;day;product;price;allergens\nLes Tilleuls;2025-01-06;Repas;4,00;nuts, fish\nLes Tilleuls;2025-01-06;Sandwich;;\n"
DIETS = "household;last_name;first_name;diet;allergens\nDupont;Dupont;Léa;vegetarian;nuts milk\n"


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> "Told":
    """A hub's folder with a school, menus, diets, and anne, who may act."""
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "data"}"\n')
    for name, text in (("school.toml", SCHOOL), ("pupils.csv", PUPILS), ("menu.csv", MENU), ("diets.csv", DIETS)):
        (tmp_path / name).write_text(text)
    told = Told(tmp_path, capsys)
    told.says("setup", "school.toml")
    told.says("import", "pupils", "pupils.csv", "--yes")
    asyncio.run(_hire(tmp_path / "data", "anne", 71))
    asyncio.run(_hire(tmp_path / "data", "boris", 72))
    told.says("meals", "menu", "menu.csv")
    told.says("meals", "diets", "diets.csv")
    return told


class Told:
    """What the command says to these words."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys

    def says(self, *words: str, clock: str = "") -> str:
        assert self._run(words, clock) == 0, self._capsys.readouterr().err
        return self._capsys.readouterr().out

    def refuses(self, *words: str, clock: str = "") -> str:
        assert self._run(words, clock) == REFUSED
        return self._capsys.readouterr().err.strip().removeprefix("preau-hub: ")

    def _run(self, words: tuple[str, ...], clock: str) -> int:
        paths = [str(self._folder / word) if word.endswith((".csv", ".toml")) else word for word in words]
        instant = ["--at-ms", str(moment(clock))] if clock else []
        return main([*paths, *instant, "--config", str(self._folder / "hub.toml")])


async def _hire(data: Path, login: str, staff: int) -> None:
    async with memory(data) as stores:
        await Accounts(stores.register).add_staff(staff, login, login.title(), "no password")


def act_in(said: str) -> str:
    found = re.search(r"number (\d+)", said)
    assert found, said
    return found[1]


def test_a_meal_is_ordered_changed_cancelled_and_handed_out_by_its_words(told: Told) -> None:
    order = ("meals", "order", "Léa Dupont", "2025-01-06", "Repas", "--by")
    assert told.says(*order, "parent", clock="09:29") == "Repas is ordered for 20250106\n4,00\u00a0€ charged\n"
    assert told.refuses(*order, "parent", clock="09:29").startswith("there is an order for that day already")
    late = told.refuses("meals", "order", "Noé Martin", "2025-01-06", "Repas", "--by", "pupil", clock="09:30")
    assert late == "it is too late for that (cut off 06/01/2025 09:30:00, received 06/01/2025 09:30:00)"
    assert "waiting for Repas" in told.says("meals", "wait", "Noé Martin", "2025-01-06", "Repas", "--by", "anne", clock="09:31")
    cancelled = told.says("meals", "cancel", "Léa Dupont", "2025-01-06", "--by", "parent", clock="09:32")
    assert [line for line in cancelled.splitlines() if "€" in line] == ["a charge of 4,00\u00a0€ is cancelled", "4,00\u00a0€ charged"]
    counted = told.says("meals", "count", "2025-01-06").splitlines()
    assert counted == ["site;product;diet;class;ordered;collected;waiting", "Les Tilleuls;Repas;;3A;1;0;0"]
    collect = ("meals", "collect", "Noé Martin", "2025-01-06", "Repas", "--by")
    assert told.refuses(*collect, "parent", clock="12:00").startswith("a forgotten badge needs the login of staff")
    assert told.says(*collect, "anne", clock="12:00") == "Repas is handed out\n"
    assert told.refuses(*collect, "anne", clock="12:01") == "it was handed out already (day 20250106)"


def test_a_day_at_the_cash_desk_by_its_words(told: Told) -> None:
    by = ("--by", "anne")
    assert told.says("till", "open", "till-1", "50,00", *by, clock="11:00") == "opened with 50,00\u00a0€, difference 50,00\u00a0€\n"
    assert "receipt 1" in told.says("till", "pay-in", "till-1", "Léa Dupont", "20,00", *by, clock="11:10")
    form = ("till", "sell", "till-1", "Léa Dupont", "6,80", "2xSandwich", *by)
    act = act_in(told.says(*form, clock="12:00"))
    assert told.refuses("till", "void", "till-1", act, "twice", *by, clock="12:30") == "somebody else has to do that (limit 2,00\u00a0€)"
    assert "6,80\u00a0€ cancelled (twice)" in told.says("till", "void", "till-1", act, "twice", "--by", "boris", clock="12:30")
    second = act_in(told.says(*form, clock="13:00"))
    assert told.refuses("till", "undo", "till-1", second, *by, clock="13:06") == "it is too late for that (undo 5 minutes)"
    assert "undone" in told.says("till", "undo", "till-1", second, *by, clock="13:05")
    short = told.refuses("till", "sell", "till-1", "Noé Martin", "3,40", "Sandwich", *by, clock="13:10")
    assert short == "there is not enough money for it (balance 0,00\u00a0€, price 3,40\u00a0€, total 3,40\u00a0€)"
    assert told.says("till", "close", "till-1", "69,00", *by, clock="16:00") == "closed with 69,00\u00a0€, difference -1,00\u00a0€\n"


def test_the_cashier_sees_order_allergens_and_diet(told: Told) -> None:
    told.says("meals", "order", "Léa Dupont", "2025-01-06", "Repas", "--by", "parent", clock="08:00")
    seen = told.says("till", "view", "Léa Dupont", clock="12:00")
    assert seen == "order: Repas\nallergens met: milk, nuts\ndiet: vegetarian\n"
    assert told.says("till", "view", "Noé Martin", clock="12:00") == "order: none\nallergens met: none\ndiet: none\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "meals order Zoé 2025-01-06 Repas --by parent",
            "`Zoé` is no pupil of this school: write the first and the last name, or the number",
        ),
        ("meals order 'Léa Dupont' 2025-02-30 Repas --by parent", "`2025-02-30` is no day: write it as 2025-01-31"),
        ("meals order 'Léa Dupont' 2025-01-06 Soupe --by parent", "`Soupe` is no product of `Les Tilleuls`: it is one of Repas, Sandwich"),
        ("meals order 'Léa Dupont' 2025-01-06 Repas --by nobody", "`nobody` is no login of staff"),
        ("meals order 'Léa Dupont' 2025-01-06 Repas --by parent --site Lune", "`Lune` is no site: it is one of Les Tilleuls"),
        ("till open cellar 50,00 --by anne", "`cellar`: no such till: name a device of the site"),
        ("till open till-1 beaucoup --by anne", "`beaucoup` is not an amount: write it as 12,50"),
        ("till open till-1 50,00 --by parent", "`parent` is no cashier: name a login"),
        ("till undo till-1 the-last --by anne", "`the-last` is no number: write its digits"),
    ],
)
def test_a_word_that_means_nothing_here_is_named(told: Told, words: str, sentence: str) -> None:
    assert told.refuses(*(word.strip("'") for word in re.findall(r"'[^']+'|\S+", words))) == sentence


def test_every_refusal_of_canteen_and_till_has_its_sentence() -> None:
    written = "".join(Path(str(room.__file__)).read_text() for room in (canteen, till))
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"', written)) | set(re.findall(r'"(\w+)" if .* else "(?:\w+)"', written))
    assert codes | {"shortage", "daily_limit"} <= set(SENTENCES)
    assert refused(Refusal("too_late"), small_school().sites[number("Tilleuls")]) == "it is too late for that"


# --- lists ----------------------------------------------------------------------------------------


def test_a_menu_of_a_list_replaces_the_day_and_an_empty_price_is_the_product_s_own() -> None:
    text = 'site,day,product,price,allergens\nLes Tilleuls,2025-01-06,Repas,,\nLes Tilleuls,2025-01-06,Sandwich,"3,00",Fish\n'
    (menu,) = menus(text, "menu.csv", small_school())
    assert (menu.day, day_number(menu.day.isoformat())) == (MONDAY, 20250106)
    assert menu.offers == (Offer(number("meal"), 4_50), Offer(number("sandwich"), 3_00, frozenset([Allergen.FISH])))


def test_every_bad_line_of_a_menu_is_named_and_nothing_of_it_is_used() -> None:
    rows = (
        "Les Tilleuls;2025-01-06;Repas;4,00;",
        "Lune;2025-01-06;Repas;4,00;",
        "Les Tilleuls;lundi;Repas;4,00;",
        "Les Tilleuls;2025-01-06;Sandwich;-1,00;",
        "Les Tilleuls;2025-01-06;Sandwich;cher;",
        "Les Tilleuls;2025-01-06;Sandwich;3,00;chat",
        "Les Tilleuls;2025-01-06;Repas;4,00;",
    )
    with pytest.raises(ImportRefusedError) as caught:
        menus("site;day;product;price;allergens\n" + "\n".join(rows), "menu.csv", small_school())
    named = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in named] == [f"menu.csv:{number}" for number in range(3, 9)]
    assert "`chat` is no allergen" in named[4]


def test_diets_are_read_once_for_each_pupil_and_every_bad_line_is_named() -> None:
    head = "household;last_name;first_name;diet;allergens\n"
    lea = "Vanderzande;Vanderzande;Léa;vegetarian;nuts, milk\n"
    assert diets(head + lea, "d.csv", small_school()) == (Diet(number("Léa"), "vegetarian", frozenset([Allergen.NUTS, Allergen.MILK])),)
    wrong = lea + lea + "Nobody;Nobody;Zoé;;\nVanderzande;Vanderzande;Tom;Sans porc;\nQuintelier;Quintelier;Noé;;air\n"
    with pytest.raises(ImportRefusedError) as caught:
        diets(head + wrong, "d.csv", small_school())
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [f"d.csv:{number}" for number in (3, 4, 5, 6)]
