"""Reports worked out by hand on a small school: who was there, presence for subsidies, revenue, cash, debts; as pages and as files."""

import csv
import io
from dataclasses import replace
from datetime import date

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core import till
from hub.core.calendar import Window
from hub.core.codes import Code, Reason, Stage
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.school import Device, Household, Programme, Pupil
from hub.core.till import Cashier, Goods
from hub.core.whys import Rule, Why
from proto.messages import Use
from tests.hub.web.conftest import Browser, Hub

MONDAY, TUESDAY, EARLIER = date(2026, 9, 14), date(2026, 9, 15), date(2026, 9, 7)
"""Two days of last week, and a Monday before."""
NURSERY, PRIMARY = date(2021, 5, 4), date(2017, 1, 1)


async def two_days(hub: Hub) -> None:
    """Léa (primary) and Hugo (nursery) on Monday, Hugo on Tuesday; Zoé of the other site is of no concern."""
    lea, hugo = hub.desk.school.pupils[100], hub.desk.school.pupils[101]
    people = (lea, PRIMARY), (hugo, NURSERY)
    await hub.desk.edit(70, lambda _school: tuple(
        Pupil(one.id, one.household, one.site, one.first_name, one.last_name, one.group, born=born) for one, born in people
    ))  # fmt: skip
    for pupil, came, left, day in (
        (100, "15:40", "16:20", MONDAY), (101, "15:31", "17:45", MONDAY), (101, "16:00", "16:59", TUESDAY),
    ):  # fmt: skip
        await hub.hold(pupil, came, day)
        await hub.hold(pupil, left, day)


async def listed(browser: Browser, path: str) -> list[list[str]]:
    """A file, as a spreadsheet reads it."""
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


# --- attendance -----------------------------------------------------------------------------------


async def test_who_was_there_at_each_quarter_of_an_hour(hub: Hub, anne: Browser) -> None:
    """Hugo is there from 15:31, so he counts at 15:45; Léa leaves at 16:20, so she counts at 16:15 and no more."""
    await two_days(hub)
    rows = await listed(anne, "/reports/attendance.csv?site=1&span=day&day=2026-09-14")
    assert rows[0] == ["Service", "Jour", "Heure", "Élèves"]
    assert [row[2:] for row in rows[1:] if row[0] == "Garderie"] == [
        ["15:45", "2"], ["16:00", "2"], ["16:15", "2"], ["16:30", "1"], ["16:45", "1"], ["17:00", "1"], ["17:15", "1"], ["17:30", "1"],
    ]  # fmt: skip
    text = (await anne.get("/reports/attendance?site=1&span=day&day=2026-09-14")).text
    assert "2 h 54" in text, "40 and 134 minutes"
    assert '<title id="seen-1-title">Garderie</title>' in text


async def test_who_is_still_there_counts_until_now(hub: Hub, anne: Browser) -> None:
    await hub.tap(100, Code.IN)
    hub.now_ms += 15 * 60_000
    rows = await listed(anne, "/reports/attendance.csv?site=1")
    assert [row[2:] for row in rows[1:]] == [["16:15", "1"]], "came at 16:02, and it is 16:17"


async def test_a_week_has_the_mean_and_the_peak_of_each_weekday(hub: Hub, anne: Browser) -> None:
    await two_days(hub)
    await hub.hold(100, "15:40", EARLIER)
    await hub.hold(100, "16:05", EARLIER)
    text = (await anne.get("/reports/attendance?site=1&span=month&day=2026-09-21&programme=20")).text
    assert "1,5 <small>2</small>" in text, "at 16:00 two pupils on one Monday, one on the other"
    assert "Lundi <small>2 jours" in text
    assert "Mardi <small>1 jour" in text


async def test_a_week_is_that_of_the_service_to_which_most_came(hub: Hub, anne: Browser) -> None:
    """And not an empty one because its name comes first."""
    await two_days(hub)
    await hub.desk.edit(90, lambda _school: (Programme(19, 1, Use.STUDY, "Aide aux devoirs", (Window(frozenset(range(5)), 930, 1020),)),))
    week = "/reports/attendance{}?site=1&span=month&day=2026-09-21"
    text = (await anne.get(week.format(""))).text
    assert '<option value="20" selected>Garderie' in text
    assert {row[0] for row in (await listed(anne, week.format(".csv")))[1:]} == {"Garderie"}


# --- subsidies ------------------------------------------------------------------------------------


async def test_a_child_counts_once_a_day_in_its_age_group(hub: Hub, anne: Browser) -> None:
    await two_days(hub)
    await hub.hold(101, "17:50", MONDAY)  # came back: the same day
    await hub.hold(101, "17:55", MONDAY)
    rows = await listed(anne, "/reports/subsidies.csv?site=1&day=2026-09-21")
    period = "01/07/2026 – 30/09/2026"
    assert rows[1:] == [
        ["14/09/2026", "Maternelle", "1", "0", "1", "1", ""],
        ["14/09/2026", "Primaire", "1", "0", "1", "1", ""],
        ["15/09/2026", "Maternelle", "1", "0", "1", "1", ""],
        [period, "Maternelle", "2", "0", "2", "2", "1"],
        [period, "Primaire", "1", "0", "1", "1", "1"],
        [period, "Total", "3", "0", "3", "3", "2"],
    ]


async def test_who_has_no_date_of_birth_is_counted_and_asked_for(hub: Hub, anne: Browser) -> None:
    await hub.tap(100, Code.IN)
    text = (await anne.get("/reports/subsidies?site=1")).text
    assert "Âge inconnu" in text
    assert "1 enfant n’a pas de date de naissance" in text


# --- revenue --------------------------------------------------------------------------------------


async def earn(hub: Hub) -> None:
    """2,25 € of care; a sandwich of 3,50 € taken back; 1,50 € of study gathered; 9,00 € of a pilot."""
    await hub.open_wallet()
    wallet, at_ms = wallet_account(500), hub.now_ms
    price = Why(Rule.PRICE)
    sold = move(wallet, sales_account(1, 30), 350)
    await hub.book(f.Charged(900, 901, 500, 10, 100, 1, 30, 350, at_ms, price, Reason.NONE, sold))
    await hub.book(f.Reversed(902, 901, 500, 350, at_ms, Reason.CORRECTED, move(sales_account(1, 30), wallet, 350)))
    for ask, cents, stage in ((903, 150, Stage.GATHERED), (904, 900, Stage.PILOT)):
        await hub.book(f.Charged(ask, ask, 500, 10, 100, 1, 21, cents, at_ms, price, Reason.NONE, (), day=20260921, stage=stage))


async def test_revenue_stands_by_legal_class_with_corrections_and_what_waits_apart(hub: Hub, anne: Browser) -> None:
    await earn(hub)
    rows = await listed(anne, "/reports/revenue.csv?site=1&span=month&day=2026-09-21")
    assert rows[0][:2] == ["Catégorie légale", "Service ou produit"]
    assert rows[1:] == [
        ["Facultatif", "Sandwich", "1", "3,50", "1", "-3,50", "0,00", "0,00"],
        ["Extrascolaire", "Garderie", "1", "2,25", "0", "0,00", "2,25", "0,00"],
        ["Extrascolaire", "Étude", "0", "0,00", "0", "0,00", "0,00", "1,50"],
        ["Total", "", "2", "5,75", "1", "-3,50", "2,25", "1,50"],
    ]
    books = hub.desk.books
    assert sum(books.balance_cents(sales_account(1, item)) for item in (20, 21, 30)) == 225, "the sum of the report is the books'"
    text = (await anne.get("/reports/revenue?site=1&span=month&day=2026-09-21")).text
    assert "9,00" not in text, "what a pilot would have cost is nowhere"
    assert "Rien n’a été comptabilisé" in (await anne.get("/reports/revenue?site=1&span=month&day=2026-08-01")).text


# --- cash -----------------------------------------------------------------------------------------


async def sit_at_the_desk(hub: Hub) -> None:
    """Opened with 50,00; 20,00 paid in and 5,00 of them by mistake; a sandwich sold; 64,80 counted: 20 cents are missing."""
    cashier = Cashier("caisse-parc", 77, hub.now_ms)
    await hub.desk.do(800, till.open_desk, 800, cashier, 50_00)
    await hub.desk.do(801, till.pay_in, 801, cashier, 100, 15_00)
    await hub.desk.do(802, till.pay_in, 802, cashier, 101, 5_00)
    await hub.desk.do(803, till.sell, 803, cashier, 100, (Goods(30, 1),), 3_50)
    mistake = next(act for act, done in hub.desk.books.till.items() if done.cents == 5_00)
    await hub.desk.do(804, till.undo, 804, cashier, mistake)
    await hub.desk.do(805, till.close_desk, 805, Cashier("caisse-parc", 78, hub.now_ms + 60_000), 64_80)


async def test_a_cash_desk_session_shows_what_should_be_there_and_what_was_counted(hub: Hub, anne: Browser) -> None:
    await sit_at_the_desk(hub)
    rows = await listed(anne, "/reports/cash.csv?site=1")
    assert rows[1] == [
        "Caisse du réfectoire", "21/09/2026 16:02", "21/09/2026 16:03", "", "", "50,00", "3,50", "20,00", "5,00", "65,00", "64,80", "-0,20",
    ]  # fmt: skip
    text = (await anne.get("/reports/cash?site=1")).text
    assert "manque" in text


async def test_who_sat_at_the_desk_is_told_to_those_who_manage_staff(hub: Hub, visitor: Browser) -> None:
    await hub.accounts.add_staff(77, "carla", "Carla Caisse", "no password", frozenset({(Role.CANTEEN, 1)}))
    await sit_at_the_desk(hub)
    await visitor.sign_in_as("paul", frozenset({(Role.BURSAR, 1)}))
    assert "Carla Caisse" in (await visitor.get("/reports/cash?site=1")).text


# --- debts ----------------------------------------------------------------------------------------


async def owe(hub: Hub) -> None:
    """The Duponts owe 12,50 € for 40 days; another family has 3,00 €."""
    await hub.desk.edit(71, lambda _school: (Household(12, "=Okonkwo"), Pupil(110, 12, 1, "Mia", "Okonkwo")))
    for wallet, household, cents, days in ((500, 12, -1250, 40), (501, 10, 300, 1)):
        at_ms = hub.now_ms - days * 86_400_000
        entries = move(opening_account(1), wallet_account(wallet), cents)
        await hub.book(f.WalletOpened(wallet, wallet, 1, household, at_ms), f.BalanceOpened(wallet, wallet, at_ms, entries))


async def test_debts_stand_by_age_and_sum_up_to_the_books(hub: Hub, anne: Browser) -> None:
    await owe(hub)
    text = (await anne.get("/reports/debts?site=1")).text
    assert "31 à 60 jours" in text
    assert "12,50" in text
    rows = await listed(anne, "/reports/debts.csv?site=1")
    assert rows[1][1:] == ["'=Okonkwo", "31 à 60 jours", "12/08/2026", "40", "12,50"], "no formula gets through"


async def test_without_the_right_to_money_debts_have_no_amount_and_no_name(hub: Hub, visitor: Browser) -> None:
    await owe(hub)
    await visitor.sign_in_as("reader", frozenset({(Role.READER, 1)}))
    text = (await visitor.get("/reports/debts?site=1")).text
    assert "31 à 60 jours" in text
    assert "12,50" not in text
    assert "Okonkwo" not in text
    for page in ("/reports/revenue", "/reports/cash", "/reports/revenue.csv", "/reports/cash.csv", "/reports/debts.csv"):
        assert (await visitor.get(f"{page}?site=1")).status_code == 403
    assert "/reports/revenue" not in (await visitor.get("/reports?site=1")).text


# --- all of them ----------------------------------------------------------------------------------

PAGES = ("/reports", "/reports/attendance", "/reports/subsidies", "/reports/revenue", "/reports/cash", "/reports/debts")


@pytest.mark.parametrize("path", [*PAGES, *(f"{page}.csv" for page in PAGES[1:])])
async def test_staff_of_one_site_get_no_report_of_another(hub: Hub, visitor: Browser, path: str) -> None:
    await visitor.sign_in_as("eva", frozenset({(Role.BURSAR, 2)}))
    assert (await visitor.get(f"{path}?site=1")).status_code == 404
    assert (await visitor.get(path)).status_code == 200, "one's own, with nothing in it"
    foreign = await visitor.get(f"{path}?site=2&span=month&programme=20")
    assert foreign.status_code in {200, 404}
    assert "Étude" not in foreign.text


@pytest.mark.parametrize("path", PAGES)
async def test_an_address_that_makes_no_sense_shows_the_usual_period(hub: Hub, anne: Browser, path: str) -> None:
    for query in ("span=century&day=tomorrow", "span=year&day=1999-01-01", "day=9999-12-31", "span=quarter&day=2026-02-30"):
        assert (await anne.get(f"{path}?site=1&{query}")).status_code == 200


async def test_no_name_becomes_a_formula(hub: Hub, anne: Browser) -> None:
    programme, product = hub.desk.school.programmes[20], hub.desk.school.products[30]
    rows = (replace(programme, name="@SUM(A1)"), replace(product, name="+1"), Device("caisse-parc", 1, "-2"))
    await hub.desk.edit(72, lambda _school: rows)
    await earn(hub)
    await sit_at_the_desk(hub)
    await hub.hold(100, "15:40", date(2026, 9, 21))
    cells = [cell for page in PAGES[1:] for row in await listed(anne, f"{page}.csv?site=1") for cell in row]
    assert {"'@SUM(A1)", "'+1", "'-2"} <= set(cells)
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell and not cell.replace(",", "").lstrip("-").isdigit()]
