"""A pupil leaves: the form on its page, what it says is left to do, and the lists that hide and mark who has left."""

from datetime import date, timedelta

import msgspec

from hub.core import facts as f
from hub.core.canteen import reserve
from hub.core.codes import Reason, Stage
from hub.core.ledger import wallet_account
from hub.core.menus import Diet
from hub.core.school import BadgeState, Policy, Product, ProductKind
from hub.core.timetable import Plan
from hub.core.whys import Rule, Why
from proto.badge import code
from tests.hub.web.conftest import MONDAY, Browser, Hub, sealed

TUESDAY, FRIDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=4)
LEAVE = "/pupils/100/leave"


async def leaves(browser: Browser, day: str) -> int:
    return (await browser.fill(LEAVE, LEAVE, {"day": day})).status_code


async def test_a_pupil_who_leaves_today_is_marked_hidden_from_lists_and_has_no_valid_badge(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await hub.desk.edit(77, lambda _school: (Plan(71, 100, 20, MONDAY - timedelta(days=7)),))
    page = (await anne.get(LEAVE)).text
    for said in ("1 inscription se termine", "1 badge cesse", "10,25\u00a0€</span> <small", "encore utilisé par", "Hugo Dupont"):
        assert said in page
    assert await leaves(anne, MONDAY.isoformat()) == 303
    school = hub.desk.school
    assert (school.pupils[100].left_day, school.plans[100][0].until_day) == (MONDAY, MONDAY)
    assert school.badges_of(100)[0].state is BadgeState.BLOCKED
    assert school == await hub.register.read_school()
    assert "Ne fait plus partie de l’école à partir du 21/09/2026" in (await anne.get("/pupils/100")).text
    listed = (await anne.get("/pupils?q=dupont")).text
    assert 'href="/pupils/100"' not in listed
    assert "1 autre a quitté l’école" in listed
    assert "part le 21/09/2026" in (await anne.get("/pupils?q=dupont&left=yes")).text
    assert 'value="100"' not in (await anne.get("/badges/print?group=5B")).text


async def test_the_rest_of_an_only_childs_wallet_can_be_paid_out(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await anne.fill("/pupils/101/leave", "/pupils/101/leave", {"day": MONDAY.isoformat()})
    assert await leaves(anne, MONDAY.isoformat()) == 303
    assert 'href="/wallets/500/payout"' in (await anne.get(LEAVE)).text


async def test_what_is_still_to_be_billed_stays_in_the_wallet_of_who_leaves(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await anne.fill("/pupils/101/leave", "/pupils/101/leave", {"day": MONDAY.isoformat()})
    assert await leaves(anne, MONDAY.isoformat()) == 303
    gathered = f.Charged(3, 601, 500, 10, 100, 1, 20, 300, hub.now_ms, Why(Rule.PRICE), Reason.NONE, (), stage=Stage.GATHERED)
    await hub.book(gathered)
    left = (await anne.get(LEAVE)).text
    assert "3,00\u00a0€ encore à facturer</small> <a" in left
    tried = await anne.fill("/wallets/500/payout", "/wallets/500/payout", {"reason": "leaver", "step": "try"})
    assert "Ce qui reste dans le portefeuille est réservé, ou encore à facturer" in tried.text
    assert "7,25\u00a0€" in tried.text, "of 10,25"
    await hub.book(msgspec.structs.replace(gathered, ask=4, charge=602, cents=800))
    assert 'href="/wallets/500/payout"' not in (await anne.get(LEAVE)).text


async def test_who_has_left_is_given_no_badge_that_would_stop_at_once_and_it_is_said_why(hub: Hub, anne: Browser) -> None:
    form = sealed((await anne.get("/badges/give?pupil=100")).text, "/badges/give")
    assert 'href="/badges/give?pupil=100"' in (await anne.get("/pupils/100")).text
    assert await leaves(anne, MONDAY.isoformat()) == 303
    assert 'href="/badges/give?pupil=100"' not in (await anne.get("/pupils/100")).text
    answer = await anne.post("/badges/give", {**form, "code": code(bytes(10))})
    assert answer.status_code == 409
    assert "ne fait plus partie de l’école ce jour-là" in answer.text


async def test_a_badge_stops_by_itself_on_the_day(hub: Hub, anne: Browser) -> None:
    assert await leaves(anne, date(2026, 9, 22).isoformat()) == 303
    assert 'href="/pupils/100"' in (await anne.get("/pupils?q=dupont")).text, "still here today"
    await hub.wait_until("23:59")
    assert hub.desk.school.badges_of(100)[0].state is BadgeState.ACTIVE
    hub.now_ms = hub.at("00:01", date(2026, 9, 22))
    await hub.wait_for_the_minute()
    (blocked, *_) = hub.desk.school.badges_of(100)
    assert (blocked.state, blocked.from_ms) == (BadgeState.BLOCKED, hub.at("00:00", date(2026, 9, 22)))


async def test_what_is_no_day_is_refused_and_kept_and_a_child_may_stay_after_all(hub: Hub, anne: Browser) -> None:
    answer = await anne.fill(LEAVE, LEAVE, {"day": "demain"})
    assert answer.status_code == 409
    assert "premier jour sans l’enfant" in answer.text
    assert 'value="demain"' in answer.text
    stale = sealed((await anne.get(LEAVE)).text, LEAVE)
    assert await leaves(anne, "2026-10-01") == 303
    assert (await anne.post(LEAVE, {**stale, "day": "2026-11-01"})).status_code == 409
    assert (await anne.fill(LEAVE, LEAVE, {"back": "yes"})).status_code == 303
    assert hub.desk.school.pupils[100].left_day is None


async def orders(hub: Hub, *days: date) -> None:
    """Léa has a meal at 4,50 € on these days; it is Monday, 16:02."""
    await hub.desk.edit(78, lambda _school: (Product(31, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE),))
    for day in days:
        ask = 9_100 + day.day
        assert (await hub.desk.do(ask, reserve, ask, 100, 31, day.isoformat(), hub.now_ms)).facts


async def test_meals_of_later_days_are_cancelled_and_paid_back_and_one_that_it_is_too_late_for_is_named(hub: Hub, anne: Browser) -> None:
    await orders(hub, MONDAY, TUESDAY, FRIDAY)
    (wallet,) = hub.desk.books.owners
    assert "2 repas commandés pour des jours d’après sont annulés et remboursés" in (await anne.get(LEAVE)).text
    form = sealed((await anne.get(LEAVE)).text, LEAVE)
    answer = await anne.post(LEAVE, {**form, "day": MONDAY.isoformat()})
    assert answer.headers["location"] == f"{LEAVE}?called_off=2"
    assert (await anne.post(LEAVE, {**form, "day": MONDAY.isoformat()})).headers["location"] == f"{LEAVE}?called_off=2", "sent twice"
    page = (await anne.get(f"{LEAVE}?called_off=2")).text
    assert "2 repas ont été annulés et remboursés." in page
    assert "trop tard pour annuler" in page
    assert 'href="/canteen/1/2026-09-21/orders?pupil=100"' in page
    assert list(hub.desk.books.meals) == [(100, 1, 20260921)]
    assert hub.desk.books.balance_cents(wallet_account(wallet)) == -450


async def test_what_leavers_of_the_year_have_ordered_is_cancelled_too(hub: Hub, anne: Browser) -> None:
    await orders(hub, MONDAY, TUESDAY)
    hub.now_ms = hub.at("08:30")  # today's could be cancelled still: but today the child is here
    assert (await anne.fill("/promotion", "/promotion", {"next-1-5B": "", "leave-1-5B": "yes", "do": "yes"})).status_code == 303
    assert hub.desk.school.pupils[100].left_day == TUESDAY
    assert list(hub.desk.books.meals) == [(100, 1, 20260921)]
    assert "La classe aussi" in (await anne.get(LEAVE)).text, "to who wants the child back"


async def test_who_has_left_is_not_among_the_diets(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(79, lambda _school: (Diet(100, "sans-porc"), Diet(101, "sans-lait")))
    assert "sans-porc" in (await anne.get("/diets/1")).text
    assert await leaves(anne, MONDAY.isoformat()) == 303
    for question in ("", "?q=dupont"):
        listed = (await anne.get(f"/diets/1{question}")).text
        assert "eater-100" not in listed
        assert "eater-101" in listed


async def test_the_set_up_guide_asks_no_badge_for_who_has_left(hub: Hub, anne: Browser) -> None:
    assert await leaves(anne, MONDAY.isoformat()) == 303
    assert await leaves(anne, "2026-10-01") == 303
    assert hub.desk.school.badges_of(100)[0].state is BadgeState.BLOCKED
    assert '<option value="100"' in (await anne.get("/setup")).text, "still here, and without a badge"
    assert await leaves(anne, MONDAY.isoformat()) == 303
    page = (await anne.get("/setup")).text
    assert '<option value="101"' in page
    assert '<option value="100"' not in page
