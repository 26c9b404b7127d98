"""The kiosk: a browser that can do one thing, for whoever tapped last, for ten seconds."""

import re
from dataclasses import replace
from datetime import date

import pytest
from fastapi.routing import APIRoute

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import By, Code
from hub.core.ledger import opening_account, wallet_account
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.school import Device, Policy, Product, ProductKind, Reader
from hub.web.kiosk import DAYS
from hub.web.session import KIOSK_MS, anyone, posted_by_anyone
from proto.messages import Direction, Light, Use
from tests.hub.web.conftest import Browser, Hub, sealed
from tests.hub.web.test_pages import routes
from tests.hub.web.test_rights import path_of

KIOSK = "/kiosk/borne-parc/main"
TUESDAY, FRIDAY = date(2026, 9, 22), date(2026, 9, 25)
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
async def kiosk(hub: Hub, visitor: Browser) -> Browser:
    """The kiosk of the park, started by canteen staff; Tuesday has pasta, fish and a sandwich, Friday pasta."""
    rows = (
        Device("borne-parc", 1, "Borne"),
        Reader("borne-parc", "main", "Borne", Use.KIOSK, Direction.IN),
        Reader("porte-parc", "kiosk", "Borne", Use.KIOSK, Direction.IN),
        Product(31, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE, picture="pasta", diets=frozenset({"vegetarian"})),
        Product(32, 1, ProductKind.MEAL, "Poisson", 450, Policy.MUST_SERVE, allergens=frozenset({Allergen.FISH})),
        Product(33, 1, ProductKind.ARTICLE, "Sandwich au fromage", 320, Policy.MUST_HAVE_FUNDS, picture="sandwich"),
        Menu(1, TUESDAY, (Offer(31, 450), Offer(32, 450), Offer(33, 320))),
        Menu(1, FRIDAY, (Offer(31, 450),)),
    )
    await hub.desk.edit(70, lambda _school: rows)
    entries = (f.Entry(opening_account(1), -2000), f.Entry(wallet_account(500), 2000))
    await hub.book(f.WalletOpened(1, 500, 1, 10, hub.now_ms), f.BalanceOpened(1, 500, hub.now_ms, entries))
    await visitor.sign_in_as("carine", frozenset({(Role.CANTEEN, 1)}))
    assert (await visitor.fill("/till", f"{KIOSK}/start", {})).headers["location"] == KIOSK
    return visitor


async def taps(hub: Hub, pupil: int, code: Code = Code.SEEN) -> None:
    hub.now_ms += 1_000
    scan = ("borne-parc", "0" * 16, hub.now_ms, "main", "h" * 20, pupil, hub.now_ms, 200, code, Light.ACCEPTED, "", False, hub.now_ms)
    await hub.book(f.ScanTaken(hub.now_ms, *scan))


async def signs_in(kiosk: Browser, login: str, role: Role, site: int) -> None:
    """Somebody else, in that browser."""
    kiosk.http.cookies.clear()
    await kiosk.sign_in_as(login, frozenset({(role, site)}))


def offered(html: str) -> dict[str, bool]:
    """What can be chosen, and whether it is."""
    return {wish: on == "true" for wish, on in re.findall(r'value="([\d-]+:\d+)" aria-pressed="(\w+)"', html)}


async def choose(kiosk: Browser, wish: str) -> int:
    form = sealed((await kiosk.get(KIOSK)).text, f"{KIOSK}/choose")
    kiosk.hub.now_ms += 1
    return (await kiosk.post(f"{KIOSK}/choose", form | {"wish": wish, "ask_id": str(kiosk.hub.now_ms)})).status_code


def ordered(hub: Hub, pupil: int = 100) -> dict[int, int]:
    """Day -> product."""
    return {day: meal.product for (who, _, day), meal in hub.desk.books.meals.items() if who == pupil}


# --- a browser that can do nothing else -----------------------------------------------------------


async def test_a_kiosk_speaks_as_was_chosen_in_its_browser_and_not_as_a_foreign_browser_asks(hub: Hub, kiosk: Browser) -> None:
    assert '<html lang="fr">' in (await kiosk.get(KIOSK, **{"accept-language": "en"})).text
    await kiosk.post("/language", {"language": "nl"})
    assert '<html lang="nl">' in (await kiosk.get(KIOSK, **{"accept-language": "en"})).text


async def test_whoever_walks_up_to_a_kiosk_reaches_nothing_of_the_office(hub: Hub, kiosk: Browser) -> None:
    seen = 0
    for route in routes(hub.app.routes):
        policies = [wanted.call for wanted in route.dependant.dependencies]
        if anyone in policies or posted_by_anyone in policies or route.path.startswith("/kiosk/{device}/{reader}"):
            continue
        seen += 1
        sent_to = await _asked(kiosk, route)
        assert sent_to == "/sign-in", f"{route.path}: {sent_to}"
    assert seen > 20
    answer = await kiosk.post(f"{KIOSK}/start", {})
    assert answer.headers["location"].startswith("/sign-in"), "a kiosk starts no other"


async def _asked(kiosk: Browser, route: APIRoute) -> str:
    """Where the kiosk is sent when it asks for a page of the office."""
    path = path_of(route)
    answer = await (kiosk.get(path) if "GET" in (route.methods or ()) else kiosk.post(path, {"csrf": "guess", "ask_id": "1"}))
    return answer.headers.get("location", f"status {answer.status_code}").split("?")[0]


async def test_a_kiosk_is_not_another_one_and_staff_are_signed_out_in_it(hub: Hub, kiosk: Browser) -> None:
    assert (await kiosk.get(KIOSK)).status_code == 200
    for path in ("/kiosk/porte-parc/kiosk", "/kiosk/caisse-parc/main", "/till", "/"):
        assert (await kiosk.get(path)).headers["location"].startswith("/sign-in"), path


async def test_a_person_s_own_web_session_is_no_kiosk(hub: Hub, kiosk: Browser) -> None:
    await signs_in(kiosk, "denis", Role.CANTEEN, 1)
    assert (await kiosk.get(KIOSK)).headers["location"].startswith("/sign-in")


async def test_only_who_is_responsible_for_meals_there_starts_a_kiosk_and_only_at_its_reader(hub: Hub, kiosk: Browser) -> None:
    await signs_in(kiosk, "gilles", Role.CANTEEN, 2)
    assert (await kiosk.post(f"{KIOSK}/start", {"csrf": "csrf of gilles", "ask_id": "1"})).status_code == 404
    await signs_in(kiosk, "paul", Role.DOOR, 1)
    assert (await kiosk.post(f"{KIOSK}/start", {"csrf": "csrf of paul", "ask_id": "1"})).status_code == 403
    await signs_in(kiosk, "denis", Role.CANTEEN, 1)
    assert (await kiosk.post("/kiosk/caisse-parc/main/start", {"csrf": "csrf of denis", "ask_id": "1"})).status_code == 404


async def test_a_kiosk_goes_on_over_night_ends_with_the_week_and_with_the_account_that_started_it(hub: Hub, kiosk: Browser) -> None:
    hub.now_ms += KIOSK_MS - 1_000
    assert (await kiosk.get(KIOSK)).status_code == 200
    carine = await hub.accounts.staff_by_login("carine")
    assert carine
    await hub.accounts.change_staff(carine.id, ended_ms=hub.now_ms)
    assert (await kiosk.get(KIOSK)).status_code == 303
    await hub.accounts.change_staff(carine.id, ended_ms=0)
    hub.now_ms += KIOSK_MS
    assert (await kiosk.get(KIOSK)).status_code == 303


# --- tap, choose, done ----------------------------------------------------------------------------


async def test_a_tap_shows_what_the_pupil_can_order_and_no_money_and_nobody_else(hub: Hub, kiosk: Browser) -> None:
    assert "Présente ton badge" in (await kiosk.get(KIOSK)).text
    await taps(hub, 100)
    html = (await kiosk.get(KIOSK)).text
    assert offered(html) == dict.fromkeys(["2026-09-22:31", "2026-09-22:32", "2026-09-22:33", "2026-09-25:31"], False)
    assert html.count('class="day') == DAYS - 4
    assert re.search(r"<h1>Léa</h1>", html)
    assert "€" not in html
    assert "Hugo" not in html
    assert "Carine" not in html


async def test_what_cannot_be_bought_or_must_not_be_eaten_is_not_there_without_a_word(hub: Hub, kiosk: Browser) -> None:
    await hub.desk.edit(71, lambda _school: (Diet(102, "", frozenset({Allergen.FISH})),))
    await taps(hub, 102)
    html = (await kiosk.get(KIOSK)).text
    assert set(offered(html)) == {"2026-09-22:31", "2026-09-25:31"}, "no money for a sandwich, and no fish"
    assert "argent" not in html


async def test_who_leaves_is_offered_nothing_from_that_day_on_and_who_asks_all_the_same_is_sent_to_an_adult(
    hub: Hub, kiosk: Browser
) -> None:
    await taps(hub, 100)
    form = sealed((await kiosk.get(KIOSK)).text, f"{KIOSK}/choose")
    await hub.desk.edit(71, lambda school: (replace(school.pupils[100], left_day=FRIDAY),))
    assert set(offered((await kiosk.get(KIOSK)).text)) == {"2026-09-22:31", "2026-09-22:32", "2026-09-22:33"}
    answer = await kiosk.post(f"{KIOSK}/choose", form | {"wish": "2026-09-25:31"})
    assert (answer.status_code, "Demande à un adulte" in answer.text, ordered(hub)) == (409, True, {})


async def test_a_dish_is_ordered_changed_and_taken_back_by_the_pupil_alone(hub: Hub, kiosk: Browser) -> None:
    await taps(hub, 100)
    assert await choose(kiosk, "2026-09-22:31") == 303
    assert ordered(hub) == {20260922: 31}
    assert hub.desk.books.balance_cents(wallet_account(500)) == 1550
    assert await choose(kiosk, "2026-09-22:33") == 303
    assert ordered(hub) == {20260922: 33}
    assert offered((await kiosk.get(KIOSK)).text)["2026-09-22:33"]
    assert await choose(kiosk, "2026-09-22:33") == 303
    assert ordered(hub) == {}
    assert hub.desk.books.balance_cents(wallet_account(500)) == 2000


async def test_what_the_family_ordered_may_be_changed_and_not_taken_off(hub: Hub, kiosk: Browser) -> None:
    await hub.book(f.MealReserved(72, 73, 100, 1, 31, 20260922, By.PARENT, 0, hub.now_ms))
    await taps(hub, 100)
    assert offered((await kiosk.get(KIOSK)).text)["2026-09-22:31"]
    assert await choose(kiosk, "2026-09-22:31") == 303
    assert ordered(hub) == {20260922: 31}
    assert await choose(kiosk, "2026-09-22:32") == 303
    assert ordered(hub) == {20260922: 32}


async def test_after_the_cut_off_of_the_hub_a_day_is_closed(hub: Hub, kiosk: Browser) -> None:
    hub.now_ms += (24 - 16 + 9) * 3_600_000  # Tuesday, 09:02
    await taps(hub, 100)
    form = sealed((await kiosk.get(KIOSK)).text, f"{KIOSK}/choose")
    assert set(offered((await kiosk.get(KIOSK)).text)) == {"2026-09-25:31"}
    answer = await kiosk.post(f"{KIOSK}/choose", form | {"wish": "2026-09-22:31"}, **FRAGMENT)
    assert answer.status_code == 409
    assert "Demande à un adulte" in answer.text
    assert ordered(hub) == {}


async def test_ten_seconds_after_the_last_touch_nobody_can_order_for_the_pupil(hub: Hub, kiosk: Browser) -> None:
    await taps(hub, 100)
    form = sealed((await kiosk.get(KIOSK)).text, f"{KIOSK}/choose")
    hub.now_ms += 8_000
    await choose(kiosk, "2026-09-25:31")
    hub.now_ms += 9_000
    assert "Léa" in (await kiosk.get(KIOSK)).text, "a touch is nine seconds old"
    hub.now_ms += 1_000
    assert "Léa" not in (await kiosk.get(KIOSK)).text
    assert (await kiosk.post(f"{KIOSK}/choose", form | {"wish": "2026-09-22:31", "ask_id": "9"})).status_code == 303
    assert ordered(hub) == {20260925: 31}


async def test_the_next_tap_and_done_end_the_stay_of_the_one_before(hub: Hub, kiosk: Browser) -> None:
    await taps(hub, 100)
    form = sealed((await kiosk.get(KIOSK)).text, f"{KIOSK}/choose")
    await taps(hub, 101)
    assert (await kiosk.post(f"{KIOSK}/choose", form | {"wish": "2026-09-22:31"})).status_code == 303
    assert ordered(hub) == ordered(hub, 101) == {}, "Léa's form orders for nobody once Hugo stands there"
    assert "Hugo" in (await kiosk.get(KIOSK)).text
    await kiosk.fill(KIOSK, f"{KIOSK}/done", {})
    assert "Présente ton badge" in (await kiosk.get(KIOSK)).text


async def test_a_badge_that_is_nobodys_shows_nothing(hub: Hub, kiosk: Browser) -> None:
    await taps(hub, 0, Code.UNKNOWN)
    assert "Présente ton badge" in (await kiosk.get(KIOSK)).text
