"""What a shared device shows before its person's PIN: nothing sensitive, on no page; and after it, everything."""

import re
from collections.abc import Iterable
from dataclasses import replace
from html import unescape

import pytest

from hub.accounts import EVERYWHERE, WebSession
from hub.web.sensitive import FORM_MS, PIN_MS
from hub.web.session import PLAIN_COOKIE, Does, new_token, token_hash
from tests.hub.web.conftest import Browser, Hub
from tests.hub.web.fullschool import SENSITIVE, furnish
from tests.hub.web.test_rights import guarded, path_of
from tests.hub.web.walk import walked

PIN = "2580"
TILL = "/till/caisse-parc/main"
ALERTS = {"allergy", "diet"}
"""At the till, of who stands there: never held back (sensitive.py says why)."""
DISHES = re.compile(r"/(canteen|kiosk|products)\b")
"""Allergens there are those of dishes; the kitchen's counts by diet have no names."""


@pytest.fixture
async def shared(hub: Hub, visitor: Browser) -> Browser:
    """The bursar at a device that several people use; the PIN was not given yet."""
    await furnish(hub)
    await hub.accounts.add_staff(9, "berthe", "Berthe", "no password", EVERYWHERE)
    await hub.accounts.change_staff(9, pin=await hub.app.state.passwords.hash(PIN))
    token, now_ms = new_token(hub.office), hub.now_ms
    await hub.accounts.add_session(token_hash(token), WebSession(9, "secret", now_ms, now_ms, now_ms, shared=True))
    visitor.http.cookies.set(PLAIN_COOKIE, token)
    return visitor


async def unlock(browser: Browser) -> None:
    answer = await browser.post("/account/pin", {"csrf": "secret", "ask_id": "1", "pin": PIN, "next": "/pupils"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pupils")


def leaks(target: str, html: str) -> set[str]:
    """Which sensitive things stand in a page, and should not before the PIN."""
    text = unescape(html)
    found = {what for what, words in SENSITIVE.items() if words in text}
    return found - (ALERTS if target.startswith(TILL) or DISHES.match(target) else set())


async def asked(browser: Browser, target: str) -> str:
    answer = await browser.get(target)
    assert answer.status_code < 500, target
    return answer.text if "text" in answer.headers.get("content-type", "") else ""


def targets(hub: Hub) -> Iterable[str]:
    """All pages, with the pupil, family and wallet of the sample."""
    return [path_of(route) for route, policy in guarded(hub) if not isinstance(policy, Does) and not re.search(r"events|pdf", route.path)]


async def test_no_page_shows_sensitive_things_on_a_shared_device_before_the_pin_and_all_do_after_it(hub: Hub, shared: Browser) -> None:
    pages = [page async for page in walked(lambda target: asked(shared, target), *targets(hub))]
    assert len(pages) > 80
    assert not {target: leaks(target, page) for target, page in pages if leaks(target, page)}
    await unlock(shared)
    open_pages = ("/families/10", "/pupils/100", "/pupils/100/payers", "/wallets", "/diets/1", "/presence/day/100/2026-09-21")
    told = [await asked(shared, target) for target in (*open_pages, "/presence/mornings")]
    assert set.union(*(leaks("", page) for page in told)) == set(SENSITIVE)


async def test_no_form_answers_with_sensitive_things_before_the_pin(hub: Hub, shared: Browser) -> None:
    for route, policy in guarded(hub):
        if isinstance(policy, Does):
            answer = await shared.post(path_of(route), {"csrf": "secret", "ask_id": "0"})
            assert not leaks(path_of(route), answer.text), route.path
    refused = {"csrf": "secret", "ask_id": "7", "first_name": "", "adult": "700"}
    assert (await shared.post("/families/10/adult", refused)).headers["location"] == "/account/pin?next=/"
    await unlock(shared)
    hub.now_ms += FORM_MS
    kept = await shared.post("/families/10/adult", {**refused, "phone": "0488 typed"})
    assert kept.status_code == 409
    assert "0488 typed" in kept.text, "what took long to type is shown again"
    assert (await shared.get("/families/10/adult?adult=700")).headers["location"] == "/account/pin?next=/families/10/adult%3Fadult%3D700"
    hub.now_ms += 1
    assert (await shared.post("/families/10/adult", refused)).status_code == 303


async def test_the_till_holds_back_a_diet_and_never_an_alert(hub: Hub, shared: Browser) -> None:
    page = await asked(shared, f"{TILL}?pupil=100")
    assert "Allergie\xa0: " in unescape(page)
    assert SENSITIVE["diet"] in page, "today's meal does not suit it"
    await hub.desk.edit(8_000, lambda school: (replace(school.products[31], diets=frozenset({SENSITIVE["diet"]})),))
    assert SENSITIVE["diet"] not in await asked(shared, f"{TILL}?pupil=100"), "it suits: nobody has to know"
    await unlock(shared)
    assert SENSITIVE["diet"] in await asked(shared, f"{TILL}?pupil=100")


async def test_the_pin_is_asked_for_again_after_two_minutes(hub: Hub, shared: Browser) -> None:
    await unlock(shared)
    hub.now_ms += PIN_MS
    assert (await shared.get("/wallets/500")).status_code == 200
    hub.now_ms += 1
    assert (await shared.get("/wallets/500")).headers["location"] == "/account/pin?next=/wallets/500"
    assert "/wallets" in (await shared.get("/")).text, "the menu leads there all the same"


async def test_who_orders_for_a_child_reads_its_diet_and_allergies_after_the_pin(shared: Browser) -> None:
    path = "/canteen/1/2026-09-22/orders?pupil=100"
    page = await asked(shared, path)
    assert SENSITIVE["diet"] not in page
    assert "<strong>" not in page
    assert f'name="next" value="{path}"' in page, "the PIN leads back to the child"
    await unlock(shared)
    assert f"<strong>{SENSITIVE['diet']}, sans" in await asked(shared, path)
