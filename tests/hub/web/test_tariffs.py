"""Tariffs: listed in words, typed as a table, tried on a child and on a month; nothing that was typed is lost, nobody is overwritten."""

import asyncio
import re
from datetime import date, timedelta

import pytest

from hub.accounts import Role
from hub.core.books import Books
from hub.core.calendar import DayKind, instant_ms
from hub.core.codes import Reason
from hub.core.facts import Facts, Refusal
from hub.core.formulas import Band, Bands, Fixed, Late, Line, Periods, Session, Siblings
from hub.core.givenback import take_back
from hub.core.school import Policy, School, Tariff, TariffGroup
from hub.core.tariffs import price_of_product, tariff_on
from hub.core.tariffversions import in_force
from hub.core.wallets import Sale, charge, charge_id
from tests.hub.web.conftest import ZONE, Browser, Fields, Hub, sealed

CARE, SANDWICH = 20, 30
JANUARY = date(2027, 1, 1)
ROW = {"lines": "1", "l0_count": "periods", "l0_unit": "fixed", "l0_price": "0,90", "l0_period": "30", "l0_tolerance": "5"}
DEARER = {**ROW, "from": "2027-01-01", "group": "", "act": "save"}

BANDS = {
    "l0_count": "bands",
    "l0_bands": "2",
    "l0b0_start": "15:30",
    "l0b0_period": "30",
    "l0b0_price": "1,00",
    "l0b1_start": "17:00",
    "l0b1_end": "18:00",
    "l0b1_period": "30",
    "l0b1_price": "1,10",
}


async def send(browser: Browser, fields: Fields, item: int = CARE, where: str = "") -> tuple[int, str]:
    """Open the table, type this, and send it; the status, and the page or where it leads."""
    path = f"/tariffs/{item}"
    hidden = sealed((await browser.get(f"{path}/edit{where}")).text, path)
    answer = await browser.post(path, {**hidden, **fields})
    return answer.status_code, answer.headers.get("location", answer.text)


def held(hub: Hub, day: date, item: int = CARE) -> tuple[Line, ...]:
    found = tariff_on(hub.desk.school, item, day)
    return found.lines if found else ()


async def test_the_list_says_in_words_what_everything_costs(hub: Hub, anne: Browser) -> None:
    lines = (
        Line(Session(Fixed(0)), "CPAS", (DayKind.CAMP,)),
        Line(
            Bands((Band(930, 1020, Fixed(500), 30), Band(1020, 1080, Fixed(1250), 15))),
            siblings=Siblings((0, 25, 50)),
            late=Late(1080, 500),
        ),
    )
    later = Tariff(43, CARE, JANUARY, None, (Line(Session(Fixed(1125))),))
    await hub.desk.edit(7_001, lambda _school: (Tariff(40, CARE, date.min, JANUARY, lines), later))
    text = " ".join(re.sub(r"<[^>]+>", " ", (await anne.get("/tariffs")).text).replace("\u00a0", " ").split())
    assert "CPAS" in text
    assert "15:30–17:00 0,50 € par période entamée de 30 min" in text
    assert "enfant 2 −25 %, à partir de l’enfant 3 −50 %" in text
    assert "à partir du 01/01/2027 1,125 € chaque fois" in text
    assert "Sandwich 3,50 € chaque fois" in text


async def test_a_new_price_holds_from_its_day_and_the_old_one_is_kept(hub: Hub, anne: Browser) -> None:
    assert await send(anne, DEARER) == (303, "/tariffs/20?done=saved")
    assert held(hub, JANUARY) == (Line(Periods(Fixed(900), 30, 5)),)
    assert held(hub, JANUARY - timedelta(days=1)) == (Line(Periods(Fixed(750), 30, 5)),)
    text = (await anne.get("/tariffs/20")).text
    assert "À venir" in text
    assert "0,90" in text


@pytest.mark.parametrize(
    ("typed", "cell", "said"),
    [
        ({"l0_price": "beaucoup"}, "l0_price", "1,50 ou 0,125"),
        ({"l0_price": "-1,50"}, "l0_price", "zéro"),
        ({"l0_period": "0"}, "l0_period", "au moins 1 minute"),
        ({"l0_tolerance": "un peu"}, "l0_tolerance", "pas un nombre"),
        ({"from": "demain"}, "from", "31/12/2025"),
        ({"from": "2026-09-20"}, "from", "déjà calculés"),
        ({"l0_child": "CPAS"}, "l0_child", "tous les enfants"),
        ({**BANDS, "l0b0_end": "16:30"}, "l0b1_start", "un trou"),
        ({**BANDS, "l0b0_end": "17:30"}, "l0b1_start", "chevauch"),
    ],
)
async def test_what_is_wrong_is_named_at_its_cell_and_everything_typed_is_kept(
    hub: Hub, anne: Browser, typed: dict[str, str], cell: str, said: str
) -> None:
    before = hub.desk.school.tariffs
    status, text = await send(anne, {**DEARER, **typed})
    assert status == 409
    at_cell = re.search(rf'id="{cell}-problem" class="wrong">(.*?)<', text)
    assert at_cell, text
    assert said in at_cell[1]
    for name, value in {**DEARER, **typed}.items():
        if name in typed and name not in ("l0_count", "l0_bands"):
            assert f'value="{value}"' in text
    assert hub.desk.school.tariffs == before


async def test_lines_and_hours_are_added_and_taken_away_by_buttons(anne: Browser) -> None:
    status, text = await send(anne, {**DEARER, "act": "add"})
    assert status == 200
    assert 'name="lines" value="2"' in text
    assert 'name="l1_price"' in text
    assert 'value="0,90"' in text
    two = {**DEARER, "lines": "2", "l1_count": "session", "l1_unit": "fixed", "l1_price": "7,77"}
    assert 'value="0,90"' not in (await send(anne, {**two, "act": "drop-0"}))[1]
    bands = (await send(anne, {**DEARER, "l0_count": "bands", "act": "shape"}))[1]
    assert 'name="l0b0_start"' in bands
    assert 'name="l0b1_start"' in (await send(anne, {**DEARER, "l0_count": "bands", "l0_bands": "1", "act": "band-0"}))[1]
    assert 'name="l0_b10"' in (await send(anne, {**DEARER, "l0_unit": "bracket", "act": "shape"}))[1]
    assert 'name="l0_rate"' in (await send(anne, {**DEARER, "l0_unit": "effort", "act": "shape"}))[1]


async def test_two_who_change_a_price_see_both_versions(hub: Hub, anne: Browser) -> None:
    hidden = sealed((await anne.get("/tariffs/20/edit")).text, "/tariffs/20")
    assert (await send(anne, {**DEARER, "l0_price": "0,95"}))[0] == 303
    answer = await anne.post("/tariffs/20", {**hidden, **DEARER})
    assert answer.status_code == 409
    assert "0,95" in answer.text
    assert 'value="0,90"' in answer.text
    assert held(hub, JANUARY) == (Line(Periods(Fixed(950), 30, 5)),)


async def test_a_version_that_has_not_begun_is_changed_or_withdrawn(hub: Hub, anne: Browser) -> None:
    await send(anne, DEARER)
    waits = in_force(hub.desk.school, CARE)[1]
    text = (await anne.get(f"/tariffs/20/edit?version={waits.id}")).text
    assert "01/01/2027" in text
    moved = {**DEARER, "from": "2027-02-01", "l0_price": "1,00"}
    assert (await send(anne, moved, where=f"?version={waits.id}"))[0] == 303
    assert [one.from_day for one in in_force(hub.desk.school, CARE)] == [date.min, date(2027, 2, 1)]
    answer = await anne.fill("/tariffs/20", "/tariffs/20/withdraw", {})
    assert answer.headers["location"] == "/tariffs/20?done=withdrawn"
    assert [one.until_day for one in in_force(hub.desk.school, CARE)] == [None]


async def test_a_product_costs_its_own_price_until_a_tariff_begins(hub: Hub, anne: Browser) -> None:
    text = (await anne.get(f"/tariffs/{SANDWICH}/edit")).text
    assert 'value="3,50"' in text
    assert "by started period" not in text
    once = {"lines": "1", "l0_count": "session", "l0_unit": "fixed", "l0_price": "4,00", "from": "2027-01-01", "act": "save"}
    where = (await send(anne, {**once, "act": "try"}, SANDWICH))[1]
    assert "4,00" in (await anne.get(f"{where}&pupil=100&day=2026-09-21")).text
    assert (await send(anne, once, SANDWICH))[0] == 303
    assert held(hub, JANUARY, SANDWICH) == (Line(Session(Fixed(4000))),)


async def test_daily_maxima_belong_to_all_sites(hub: Hub, anne: Browser, visitor: Browser) -> None:
    assert (await anne.fill("/tariffs", "/tariffs/groups", {"name": "Journée", "amount": "15,00"})).status_code == 303
    (group,) = hub.desk.school.groups.values()
    assert group == TariffGroup(group.id, "Journée", 15_00)
    assert (await anne.fill("/tariffs", "/tariffs/groups", {"name": "Soirée", "amount": "beaucoup"})).status_code == 409
    assert (await send(anne, {**DEARER, "group": str(group.id)}))[0] == 303
    assert "Journée" in (await anne.get("/tariffs/20")).text
    once = {"lines": "1", "l0_count": "session", "l0_unit": "fixed", "l0_price": "4,00", "from": "2027-01-01", "act": "save"}
    status, refused = await send(anne, {**once, "group": str(group.id)}, SANDWICH)
    assert (status, "pour les repas d’une seule implantation" in refused, held(hub, JANUARY, SANDWICH)) == (409, True, ())
    await visitor.sign_in_as("park", frozenset({(Role.BURSAR, 1)}))
    answer = await visitor.post("/tariffs/groups", {"csrf": "csrf of park", "ask_id": "9", "name": "Autre", "amount": "1"})
    assert answer.status_code == 404


async def test_the_head_reads_the_tariffs_and_changes_none(visitor: Browser) -> None:
    await visitor.sign_in_as("head", frozenset({(Role.HEAD, 0)}))
    assert "0,75" in (await visitor.get("/tariffs")).text
    assert (await visitor.get("/tariffs/20/edit")).headers["location"] == "/tariffs/20"
    assert (await visitor.post("/tariffs/20", {"csrf": "csrf of head", "ask_id": "1"})).status_code == 403


async def draft(browser: Browser, fields: Fields = DEARER) -> str:
    """Keep what is typed to try it; the page it is tried on."""
    status, where = await send(browser, {**fields, "from": "", "act": "try"})
    assert status == 303, where
    return where


async def test_a_draft_is_tried_on_a_child_with_its_why(hub: Hub, anne: Browser) -> None:
    where = await draft(anne)
    assert "Dupont" in (await anne.get(f"{where}&q=lea")).text
    text = (await anne.get(f"{where}&pupil=100&day=2026-09-21&start=16:00&end=17:10")).text.replace("\u00a0", " ")
    assert "2,25 €" in text
    assert "2,70 €" in text
    assert "3 à 0,90 €" in text
    assert "pas une heure" in (await anne.get(f"{where}&pupil=100&day=2026-09-21&start=16:00&end=x")).text
    assert (await anne.get(f"{where}&pupil=999")).status_code == 404
    back = (await anne.get(where.replace("/try?", "/edit?"))).text
    assert 'value="0,90"' in back
    assert not [one for one in hub.desk.school.tariffs[CARE] if one.lines[0].formula == Periods(Fixed(900), 30, 5)]


async def tried(browser: Browser, where: str, first: str, item: int = CARE) -> str:
    """Try the draft on a month; the page once it is through."""
    answer = await browser.fill(where, f"/tariffs/{item}/try/month", {"month": first})
    assert answer.headers.get("location") == f"{where}#month", answer.text
    async with asyncio.timeout(20):
        await asyncio.gather(*[one.month.task for one in browser.hub.app.state.drafts.kept.values() if one.month])
    return (await browser.get(where)).text.replace("\u00a0", " ")


async def test_a_draft_is_tried_on_last_month_and_nothing_is_booked(hub: Hub, visitor: Browser) -> None:
    for pupil in (100, 101):
        await hub.hold(pupil, "16:00")
        await hub.hold(pupil, "17:10")
    await hub.hold(102, "16:00")
    await hub.wait_until("23:00")
    hub.now_ms = instant_ms(date(2026, 10, 20), 600, ZONE)
    await visitor.sign_in()
    number, where = hub.desk.books.number, await draft(visitor)
    text = await tried(visitor, where, "2026-09-01")
    for amount in ("4,50 €", "5,40 €", "+0,90 €"):
        assert amount in text
    assert "1 famille paierait plus" in text
    assert "Dupont-Lambert" in text
    assert "2 présences" in text
    assert "1 présence que personne n’a terminée" in text
    assert hub.desk.books.number == number
    assert "Personne n’y était" in await tried(visitor, where, "2026-08-01")


async def test_a_meals_draft_is_tried_on_last_month_and_what_was_taken_back_is_not(hub: Hub, visitor: Browser) -> None:
    """Three sandwiches of the 12th, one of them taken back; the one of October is of another month."""
    for ask, (pupil, day) in enumerate(((100, 12), (101, 12), (102, 12), (100, 31)), 50):
        await hub.desk.do(ask, _sold, ask, pupil, date(2026, 9, 1) + timedelta(days=day - 1))
    await hub.desk.do(60, take_back, 60, charge_id(51), hub.now_ms, Reason.WRONG_PUPIL)
    hub.now_ms = instant_ms(date(2026, 10, 20), 600, ZONE)
    await visitor.sign_in()
    once = {"lines": "1", "l0_count": "session", "l0_unit": "fixed", "l0_price": "4,00", "from": "", "act": "try"}
    number, where = hub.desk.books.number, (await send(visitor, once, SANDWICH))[1]
    text = await tried(visitor, where, "2026-09-01", SANDWICH)
    assert "2 ventes" in text
    for amount in ("7,00 €", "8,00 €", "+1,00 €"):
        assert amount in text
    assert hub.desk.books.number == number
    assert "Personne n’en a eu" in await tried(visitor, where, "2026-08-01", SANDWICH)


def _sold(school: School, books: Books, ask: int, pupil: int, day: date) -> Facts | Refusal:
    who, what = school.pupils[pupil], school.products[SANDWICH]
    cents, why = price_of_product(school, who, what, day)
    return charge(
        school, books, ask, Sale(who, school.sites[what.site], what.id, cents, why, Policy.MUST_SERVE, instant_ms(day, 600, ZONE))
    )


async def test_a_try_shows_families_only_to_who_may_see_their_money(visitor: Browser) -> None:
    await visitor.sign_in_as("reader", frozenset({(Role.READER, 0)}))
    assert (await visitor.get("/tariffs/20")).status_code == 200
    assert (await visitor.get("/tariffs/20/try")).status_code == 403


async def test_of_many_drafts_the_last_ones_are_kept(hub: Hub, anne: Browser) -> None:
    first = await draft(anne)
    for _ in range(40):
        await draft(anne)
    assert len(hub.app.state.drafts.kept) == 40
    assert "trop longtemps" in (await anne.get(first)).text
