"""One's own account: password, PIN for shared devices, the second factor, and what is closed without them."""

import re
from typing import Annotated

import pyotp
import pytest
from fastapi import Depends
from sqlalchemy import select

from hub.accounts import EVERYWHERE, Staff, WebSession
from hub.core.trail import Wanted
from hub.tables import recovery
from hub.web.rights import Right
from hub.web.second import FRESH_MS, STEP_MS, step_of
from hub.web.sensitive import PIN_MS
from hub.web.session import PLAIN_COOKIE, Does, Form, new_token, token_hash
from tests.hub.web.conftest import PASSWORD, Browser, Hub, sealed

SECRET = "A" * 32
OTHER = "quatre petits tours"


def code(hub: Hub, shift: int = 0) -> str:
    """What a telephone shows now, or some half minutes off."""
    return pyotp.TOTP(SECRET).generate_otp(hub.now_ms // STEP_MS + shift)


async def person(hub: Hub) -> Staff:
    found = await hub.accounts.staff_by_login("anne")
    assert found is not None
    return found


async def sign_in(browser: Browser, password: str = PASSWORD, **other: str) -> str:
    """Sign in as Anne; where the answer leads."""
    answer = await browser.post("/sign-in", {"login": "anne", "password": password, **other})
    return str(answer.headers.get("location", answer.status_code))


async def has_second(hub: Hub) -> None:
    await hub.accounts.change_staff((await person(hub)).id, totp=SECRET)


def test_a_code_holds_half_a_minute_early_and_late_and_no_longer(hub: Hub) -> None:
    now = hub.now_ms // STEP_MS
    assert [step_of(SECRET, code(hub, shift), hub.now_ms) for shift in (-2, -1, 0, 1, 2)] == [0, now - 1, now, now + 1, 0]
    assert step_of(SECRET, f"{code(hub)[:3]} {code(hub)[3:]}", hub.now_ms) == now
    assert step_of(SECRET, "été", hub.now_ms) == 0


async def test_whoever_has_a_second_factor_is_signed_in_with_its_code_only_and_in_a_fresh_web_session(
    hub: Hub, anne: Browser, visitor: Browser
) -> None:
    await has_second(hub)
    assert await sign_in(visitor, next="/pupils") == "/pupils"
    before = visitor.http.cookies[PLAIN_COOKIE]
    for path in ("/pupils", "/account", "/"):
        assert (await visitor.get(path)).headers["location"] == f"/account/second?next={path}"
    assert (await visitor.post("/account/everywhere", {})).headers["location"].startswith("/account/second")
    asked = await visitor.get("/account/second?next=/pupils")
    assert "Anne" not in asked.text
    assert (await visitor.post("/account/second", {"code": "000000", "next": "/pupils"})).status_code == 422
    answer = await visitor.post("/account/second", {"code": code(hub), "next": "/pupils"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pupils")
    assert visitor.http.cookies[PLAIN_COOKIE] != before
    assert await hub.accounts.session(token_hash(before)) is None
    assert (await visitor.get("/pupils")).status_code == 200


async def test_a_code_is_accepted_once(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await has_second(hub)
    shown = code(hub, 1)
    await sign_in(visitor)
    assert (await visitor.post("/account/second", {"code": shown})).status_code == 303
    await sign_in(visitor)
    assert (await visitor.post("/account/second", {"code": shown})).status_code == 422
    assert (await visitor.post("/account/second", {"code": code(hub)})).status_code == 422, "one before the last that was used"
    hub.now_ms += 2 * STEP_MS
    assert (await visitor.post("/account/second", {"code": code(hub)})).status_code == 303


async def test_after_some_wrong_codes_even_the_right_one_has_to_wait(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await has_second(hub)
    await sign_in(visitor)
    for _ in range(3):
        assert (await visitor.post("/account/second", {"code": "1"})).status_code == 422
    assert (await visitor.post("/account/second", {"code": code(hub)})).status_code == 429


async def test_a_second_factor_is_set_up_with_the_password_and_a_code_of_it(hub: Hub, visitor: Browser, anne: Browser) -> None:
    page = await anne.get("/account/second?next=/pupils")
    assert page.text.count("<path") == 1
    form = sealed(page.text, "/account/second/new")
    made = pyotp.TOTP(form["secret"]).generate_otp(hub.now_ms // STEP_MS)
    for wrong in (
        {"password": "faux", "code": made},
        {"password": PASSWORD, "code": "123"},
        {"password": PASSWORD, "code": made, "secret": "A"},
    ):
        refused = await anne.post("/account/second/new", {**form, **wrong})
        assert refused.status_code in {422, 429}
        assert (await person(hub)).totp == ""
    hub.now_ms += 60_000
    made = pyotp.TOTP(form["secret"]).generate_otp(hub.now_ms // STEP_MS)
    answer = await anne.post("/account/second/new", {**form, "password": PASSWORD, "code": made})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/second/codes?next=/pupils")
    assert (await person(hub)).totp == form["secret"]
    assert (await anne.get("/pupils")).status_code == 200


async def recovery_codes(hub: Hub, anne: Browser) -> list[str]:
    """Ten fresh ones, as Anne prints them."""
    await has_second(hub)
    path = "/account/second/codes"
    codes = re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", (await anne.fill(path, path, {"current": PASSWORD})).text)
    assert len(set(codes)) == 10
    return codes


async def test_a_recovery_code_opens_once_instead_of_the_telephone(hub: Hub, anne: Browser, visitor: Browser) -> None:
    first, second, *_ = await recovery_codes(hub, anne)
    assert first not in (await anne.get("/account/second/codes")).text, "shown once"
    typed = {"recovery": f" {first.lower().replace('-', ' ')} "}
    assert (await visitor.post("/account/second/recovery", typed)).headers["location"] == "/sign-in?lost=yes", "the password comes first"
    await sign_in(visitor)
    before = visitor.http.cookies[PLAIN_COOKIE]
    assert (await visitor.post("/account/second/recovery", typed, origin="https://elsewhere.test")).status_code == 403
    assert (await visitor.post("/account/second/recovery", typed)).headers["location"] == "/account?done=recovered"
    assert visitor.http.cookies[PLAIN_COOKIE] != before
    assert "code de secours" in (await visitor.get("/account?done=recovered")).text
    assert "9 codes" in (await visitor.get("/account/second/codes")).text
    await sign_in(visitor)
    again = await visitor.post("/account/second/recovery", typed)
    assert again.status_code == 422
    assert "a déjà servi" in again.text
    assert (await visitor.post("/account/second/recovery", {"recovery": second})).status_code == 303
    await hub.app.state.footsteps.write()
    steps = await hub.office.trail.steps(Wanted(), 100)
    assert [step.act for step in steps].count("POST /account/second/recovery") >= 2


async def test_recovery_codes_are_guessed_as_slowly_as_telephone_codes_and_nowhere_in_the_register(
    hub: Hub, anne: Browser, visitor: Browser
) -> None:
    codes = await recovery_codes(hub, anne)
    async with hub.register.reading() as connection:
        kept = (await connection.execute(select(recovery))).mappings().all()
    assert len(kept) == 10
    assert all(len(row["hash"]) == 32 and not any(code[:4] in row["hash"].upper() for code in codes) for row in kept)
    await sign_in(visitor)
    for wrong in ("A" * 16, "", codes[0][:-1]):
        assert (await visitor.post("/account/second/recovery", {"recovery": wrong})).status_code == 422
    assert (await visitor.post("/account/second/recovery", {"recovery": codes[0]})).status_code == 429
    assert (await visitor.post("/account/second", {"code": code(hub)})).status_code == 429, "the same pause"


async def test_new_recovery_codes_need_the_password_and_end_the_old_ones(hub: Hub, anne: Browser, visitor: Browser) -> None:
    (old, *_), path = await recovery_codes(hub, anne), "/account/second/codes"
    hub.now_ms += FRESH_MS + 1
    refused = await anne.fill(path, path, {"current": "faux"})
    assert refused.status_code == 422
    assert not re.search(r"(?:[A-Z2-7]{4}-){3}", refused.text)
    await recovery_codes(hub, anne)
    await sign_in(visitor)
    assert (await visitor.post("/account/second/recovery", {"recovery": old})).status_code == 422
    await anne.fill("/account", "/account/second/end", {"current": PASSWORD})
    assert await hub.accounts.count_recovery((await person(hub)).id) == 0
    assert (await anne.fill(path, path, {"current": PASSWORD})).headers["location"] == "/account/second", "codes of nothing"


async def test_a_second_factor_goes_only_with_the_password(hub: Hub, anne: Browser) -> None:
    await has_second(hub)
    assert (await anne.fill("/account", "/account/second/end", {"current": "faux"})).status_code == 422
    assert (await person(hub)).totp == SECRET
    assert (await anne.fill("/account", "/account/second/end", {"current": PASSWORD})).status_code == 303
    assert (await person(hub)).totp == ""
    session = await hub.accounts.session(token_hash(anne.http.cookies[PLAIN_COOKIE]))
    assert session is not None
    assert session.second_ms == 0


async def test_what_is_done_with_money_needs_a_second_factor_in_this_web_session(hub: Hub, visitor: Browser) -> None:
    async def refund(form: Annotated[Form, Depends(Does(Right.BILLING))]) -> str:
        return form.text("cents")

    hub.app.add_api_route("/refund", refund, methods=["POST"])
    await hub.accounts.add_staff(7, "marc", "Marc", "no password", EVERYWHERE)
    tokens = {second_ms: new_token(hub.office) for second_ms in (0, hub.now_ms)}
    for second_ms, token in tokens.items():
        await hub.accounts.add_session(token_hash(token), WebSession(7, "secret", hub.now_ms, hub.now_ms, second_ms))
    visitor.http.cookies.set(PLAIN_COOKIE, tokens[0])
    fields = {"csrf": "secret", "ask_id": "1", "cents": "5"}
    asked = await visitor.post("/refund", fields, referer="http://office.test/wallets/3", host="office.test")
    assert (asked.status_code, asked.headers["location"]) == (303, "/account/second?next=/wallets/3")
    assert "manie l’argent" in (await visitor.get("/account/second")).text
    visitor.http.cookies.set(PLAIN_COOKIE, tokens[hub.now_ms])
    assert (await visitor.post("/refund", fields)).status_code == 200


async def test_another_password_signs_all_other_browsers_out(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await sign_in(visitor)
    for typed, said in (
        ({"current": "faux"}, "n’est pas le bon"),
        ({"password": "court", "again": "court"}, "trop court"),
        ({"again": "autre chose"}, "ne sont pas les mêmes"),
    ):
        refused = await anne.fill("/account", "/account/password", {"current": PASSWORD, "password": OTHER, "again": OTHER, **typed})
        assert refused.status_code == 422
        assert said in refused.text
    done = await anne.fill("/account", "/account/password", {"current": PASSWORD, "password": OTHER, "again": OTHER})
    assert done.headers["location"] == "/account?done=password"
    assert (await anne.get("/account")).status_code == 200
    assert (await visitor.get("/account")).headers["location"].startswith("/sign-in")
    assert await sign_in(visitor) == "422"
    assert await sign_in(visitor, OTHER) == "/"


async def test_sign_out_everywhere_is_everywhere(anne: Browser, visitor: Browser) -> None:
    await sign_in(visitor)
    assert (await anne.fill("/account", "/account/everywhere", {})).headers["location"] == "/sign-in"
    for browser in (anne, visitor):
        assert (await browser.get("/account")).headers["location"].startswith("/sign-in")


async def test_the_language_of_a_person_goes_with_the_account(hub: Hub, anne: Browser, visitor: Browser) -> None:
    assert (await anne.fill("/account", "/account/language", {"language": "xx"})).status_code == 422
    assert (await anne.fill("/account", "/account/language", {"language": "en"})).status_code == 303
    await sign_in(visitor)
    assert '<html lang="en">' in (await visitor.get("/account")).text


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "١٢٣٤"])
async def test_a_pin_has_four_to_eight_digits(hub: Hub, anne: Browser, pin: str) -> None:
    refused = await anne.fill("/account", "/account/new-pin", {"current": PASSWORD, "pin": pin, "again": pin})
    assert refused.status_code == 422
    assert (await person(hub)).pin == ""


async def test_a_shared_device_shows_sensitive_things_for_two_minutes_after_the_pin(hub: Hub, anne: Browser, visitor: Browser) -> None:
    assert (await anne.get("/pupils/100/papers")).status_code == 200, "a device of one's own"
    await sign_in(visitor, shared="yes")
    asked = await visitor.get("/pupils/100/papers")
    assert (asked.status_code, asked.headers["location"]) == (303, "/account/pin?next=/pupils/100/papers")
    assert "choisissez-en un" in (await visitor.get("/account/pin")).text
    assert (await visitor.fill("/account", "/account/new-pin", {"current": PASSWORD, "pin": "2580", "again": "2580"})).status_code == 303
    assert (await person(hub)).pin.startswith("$argon2id$")
    back = {"next": "/pupils/100/papers"}
    assert (await visitor.fill("/account/pin", "/account/pin", {**back, "pin": "1111"})).status_code == 422
    assert (await visitor.fill("/account/pin", "/account/pin", {**back, "pin": "2580"})).headers["location"] == "/pupils/100/papers"
    assert (await visitor.get("/pupils/100/papers")).status_code == 200
    hub.now_ms += PIN_MS + 1
    assert (await visitor.get("/pupils/100/papers")).status_code == 303


async def test_a_pin_is_not_guessed_by_trying_many_at_once(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await sign_in(visitor, shared="yes")
    await visitor.fill("/account", "/account/new-pin", {"current": PASSWORD, "pin": "2580", "again": "2580"})
    for _ in range(3):
        assert (await visitor.fill("/account/pin", "/account/pin", {"pin": "1111"})).status_code == 422
    assert (await visitor.fill("/account/pin", "/account/pin", {"pin": "2580"})).status_code == 429
