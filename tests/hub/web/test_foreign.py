"""Parts of a page about something of a site where another right holds elsewhere only: not shown, not offered, not done.

A route is narrowed to the sites of its own right (test_rights.py); these are the second rights that a page asks for besides.
Everybody here has a strong role at the station (2), and a weaker one at the park (1), where Léa and the Duponts are.
"""

import re
from datetime import date

import pytest

from hub.accounts import Posts, Role
from hub.core import facts as f
from hub.core.badges import fee_ask
from hub.core.codes import Compartment, Reason
from hub.core.ledger import opening_account, sales_account, wallet_account
from hub.core.menus import Diet
from hub.core.school import FamilyFile, Policy, Product, ProductKind, Pupil
from hub.core.timetable import Plan
from hub.core.wallets import charge_id
from hub.core.whys import Rule, Why
from tests.hub.web.conftest import Browser, Hub, sealed
from tests.hub.web.test_imports import bring, path_of
from tests.hub.web.test_till import TILL, filled, taps

SINCE = date(2026, 9, 1)
HEADS: Posts = frozenset({(Role.DOOR, 1), (Role.HEAD, 2)})
"""Sees pupils and days at both sites; money and meals, and changes pupils, at the station alone."""
BURSARS: Posts = frozenset({(Role.HEAD, 1), (Role.BURSAR, 2)})
"""Sees money at both sites, and moves it at the station alone."""
COOKS: Posts = frozenset({(Role.READER, 1), (Role.CANTEEN, 2)})
"""Sees meals at both sites, and changes them at the station alone."""


async def signs_in(browser: Browser, posts: Posts) -> None:
    await browser.sign_in_as("ingrid", posts)


async def has(browser: Browser, path: str, words: str) -> bool:
    answer = await browser.get(path)
    assert answer.status_code == 200, path
    return words in answer.text


async def test_a_diet_is_told_to_whom_it_concerns_there(hub: Hub, visitor: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (Diet(100, "sans-porc"), Diet(102, "sans-lait")))
    await signs_in(visitor, HEADS)
    assert not await has(visitor, "/pupils/100", "sans-porc")
    assert await has(visitor, "/pupils/102", "sans-lait")


async def test_what_is_kept_of_a_child_is_opened_where_it_may_be_changed(visitor: Browser) -> None:
    await signs_in(visitor, HEADS)
    assert (await visitor.get("/pupils/100/papers")).status_code == 404
    assert (await visitor.get("/pupils/102/papers")).status_code == 200


@pytest.mark.parametrize(
    ("here", "there", "link"),
    [
        ("/pupils/100", "/pupils/102", "/edit"),
        ("/families/10", "/families/11", "/edit"),
        ("/pupils/100/payers", "/pupils/102/payers", 'name="home"'),
    ],
)
async def test_changes_are_offered_where_they_may_be_made(visitor: Browser, here: str, there: str, link: str) -> None:
    await signs_in(visitor, HEADS)
    assert [await has(visitor, path, link) for path in (here, there)] == [False, True]


async def test_the_income_of_a_family_is_shown_where_its_money_may_be_seen(hub: Hub, visitor: Browser) -> None:
    rows = (FamilyFile(82, 10, SINCE, None, 0, 1_234_56), FamilyFile(83, 11, SINCE, None, 0, 2_345_67))
    await hub.desk.edit(70, lambda _school: rows)
    await signs_in(visitor, HEADS)
    assert not await has(visitor, "/families/10", "234,56")
    assert await has(visitor, "/families/11", "345,67")


async def test_a_family_file_is_added_by_the_deadline_of_a_site_whose_money_one_keeps(hub: Hub, visitor: Browser) -> None:
    await signs_in(visitor, BURSARS)
    assert not await has(visitor, "/families/10", 'action="/families/10/files"')
    await hub.desk.edit(70, lambda _school: (Pupil(105, 10, 2, "Jeanne", "Dupont", "1A"),))
    page = (await visitor.get("/families/10")).text
    assert sealed(page, "/families/10/files")["site"] == "2", "the park is not offered"


async def test_a_day_tells_what_it_costs_where_money_may_be_seen(hub: Hub, visitor: Browser) -> None:
    await hub.hold(100, "15:35")
    await hub.hold(100, "15:55")
    await signs_in(visitor, HEADS)
    assert not await has(visitor, "/presence/day/100/2026-09-21", "€")
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    assert await has(visitor, "/presence/day/100/2026-09-21", "€")


async def test_what_replacing_a_badge_was_charged_is_shown_and_taken_back_at_its_own_site(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await hub.desk.edit(70, lambda _school: (Plan(83, 100, 22, SINCE), Product(35, 1, ProductKind.FEE, "Badge", 500, Policy.MUST_SERVE)))
    ask = fee_ask(hub.desk.school.badges_of(100)[0])
    paid = (f.Entry(wallet_account(500), -500), f.Entry(sales_account(1, 35), 500))
    why = Why(Rule.PRICE, unit_tenths=5000)
    await hub.book(f.Charged(ask, charge_id(ask), 500, 10, 100, 1, 35, 500, hub.now_ms, why, Reason.NONE, paid))
    await visitor.sign_in_as("hugues", frozenset({(Role.HEAD, 2)}))
    assert not await has(visitor, "/badges/1000", "5,00"), "Léa is expected at the station, and was charged at the park"
    await signs_in(visitor, BURSARS)
    assert await has(visitor, "/badges/1000", "5,00")
    assert not await has(visitor, "/badges/1000", "take-back")


async def test_the_wallet_of_a_second_entry_is_told_where_money_may_be_seen(hub: Hub, visitor: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (Pupil(103, 10, 1, "Léa", "Dupont", "5B"),))
    entries = (f.Entry(opening_account(1), -700), f.Entry(wallet_account(503), 700))
    await hub.book(f.WalletOpened(90, 503, 1, 0, hub.now_ms, 103, Compartment.GENERAL), f.BalanceOpened(90, 503, hub.now_ms, entries))
    await signs_in(visitor, HEADS)
    assert await has(visitor, "/pupils/100/merge", "Dupont")
    assert not await has(visitor, "/pupils/100/merge", "7,00")


async def test_the_rest_of_a_leaver_is_shown_and_paid_out_at_its_own_site(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await hub.desk.edit(70, lambda _school: (Pupil(101, 10, 1, "Hugo", "Dupont", "2A", left_day=SINCE),))
    await signs_in(visitor, HEADS)
    assert not await has(visitor, "/pupils/100/leave", "10,25")
    await visitor.sign_in_as("berthe", BURSARS)
    assert await has(visitor, "/pupils/100/leave", "10,25")
    assert not await has(visitor, "/pupils/100/leave", "/payout")


@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("/canteen?site={}", "Copier les menus"),
        ("/canteen/{}/2026-09-22", "Enregistrer le menu"),
        ("/canteen/{}/2026-09-22/orders?pupil=10{}", 'method="post" action="/canteen'),
        ("/diets/{}?pupil=10{}", "Enregistrer le régime"),
        ("/products/3{}", "<button>Enregistrer</button>"),
    ],
)
async def test_the_canteen_of_another_site_is_looked_at_and_not_changed(hub: Hub, visitor: Browser, path: str, button: str) -> None:
    meals = (
        Product(31, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE),
        Product(32, 2, ProductKind.MEAL, "Soupe", 450, Policy.MUST_SERVE),
    )
    await hub.desk.edit(70, lambda _school: meals)
    await signs_in(visitor, COOKS)
    found = [re.sub(r"pupil=101$", "pupil=100", path.format(site, site) if path.count("{}") > 1 else path.format(site)) for site in (1, 2)]
    assert [await has(visitor, each, button) for each in found] == [False, True]


@pytest.mark.parametrize(("posts", "told"), [({(Role.CANTEEN, 1), (Role.HEAD, 2)}, False), ({(Role.BURSAR, 1)}, True)])
async def test_a_shortage_tells_the_balance_at_a_till_of_a_site_whose_money_one_sees(
    hub: Hub, visitor: Browser, posts: set[tuple[Role, int]], *, told: bool
) -> None:
    await filled(hub, 1000)
    await signs_in(visitor, frozenset(posts))
    await visitor.fill(TILL, f"{TILL}/desk", {"act": "open", "counted": "50,00"})
    tap = await taps(hub, 100)
    sale = {"tap": str(tap), "goods": "30x5", "total_cents": "1750"}
    answer = await visitor.fill(f"{TILL}?tap={tap}&goods=30x5", f"{TILL}/sell", sale)
    assert "Il n’y a pas assez d’argent" in answer.text
    assert ("10,00" in answer.text) == told


async def test_all_statements_of_a_site_are_printed_by_who_bills_there(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await hub.book(f.WalletOpened(90, 501, 2, 11, hub.now_ms))
    await signs_in(visitor, BURSARS)
    assert [await has(visitor, f"/statements?site={site}", "/statements/all/") for site in (1, 2)] == [False, True]


async def test_opening_balances_are_brought_to_a_site_whose_money_one_moves(hub: Hub, visitor: Browser) -> None:
    await signs_in(visitor, BURSARS)
    park = await bring(visitor, "Ménage;Implantation;Solde\nDupont-Lambert;Implantation du Parc;12,50\n", "balances")
    assert "vous ne pouvez rien modifier" in park.text
    fields = sealed((await visitor.get("/imports")).text, "/imports")
    assert (await visitor.post(path_of(park), fields)).status_code == 409
    assert not hub.desk.books.owners
    station = await bring(visitor, "Ménage;Implantation;Solde\nMaes;Implantation de la Gare;12,50\n", "balances")
    assert (await visitor.post(path_of(station), sealed(station.text, path_of(station)))).status_code == 303
    assert [owner.site for owner in hub.desk.books.owners.values()] == [2]
