"""A form whose web session has ended loses nothing of what was typed, does nothing by itself, and comes back to nobody else."""

import re
from urllib.parse import urlsplit

import pytest

from hub.accounts import EVERYWHERE
from hub.core.trail import Wanted
from hub.web.kept import KEEP_MS, MOST_KEPT, NEVER, Kept, Typed
from hub.web.refill import refilled
from hub.web.render import ROOM
from hub.web.sensitive import FORM_MS
from hub.web.session import IDLE_MS, PLAIN_COOKIE
from tests.hub.web.conftest import PASSWORD, URL, Browser, Hub, sealed
from tests.hub.web.fullschool import furnish
from tests.hub.web.test_edits import MORE, TYPED, read_forms
from tests.hub.web.test_own import code, has_second
from tests.hub.web.walk import walked

EDIT = "/pupils/100/edit"
CHANGED = {"first_name": "Léana", "last_name": "Dupont", "group": "5B", "site": "1", "home": "Dupont-Lambert", "household": "10"}
CARRIED = re.compile(r'<input type="hidden" name="(kept[\w.]*)" value="([^"]*)">')


async def opened(browser: Browser, path: str = EDIT, action: str = "") -> dict[str, str]:
    """The hidden fields of a page's form."""
    return sealed((await browser.get(path)).text, action or path)


async def sign_in_again(browser: Browser, asked: str, login: str = "anne", password: str = PASSWORD, status: int = 303) -> str:
    """Fill in the sign-in that a refused form was answered with; where it leads, or what it says."""
    fields = {**sealed(asked, "/sign-in"), **dict(CARRIED.findall(asked)), "login": login, "password": password}
    answer = await browser.post("/sign-in", fields)
    assert answer.status_code == status, answer.text
    return str(answer.headers["location"]) if status == 303 else answer.text


async def colleague(hub: Hub, login: str) -> int:
    number = hub.office.new_id()
    await hub.accounts.add_staff(number, login, login.title(), await hub.app.state.passwords.hash(PASSWORD), EVERYWHERE)
    return number


def name_of(hub: Hub) -> str:
    return hub.desk.school.pupils[100].first_name


@pytest.mark.parametrize("ended", ["alone", "elsewhere"])
async def test_what_was_typed_is_in_its_form_after_signing_in_again_and_was_not_sent(hub: Hub, anne: Browser, ended: str) -> None:
    typed = {**await opened(anne), **CHANGED}
    if ended == "alone":
        hub.now_ms += IDLE_MS + 1
    else:
        await anne.fill("/", "/sign-out", {})
    asked = await anne.post(EDIT, typed, referer=f"{URL}{EDIT}?from=list")
    assert asked.status_code == 401
    assert "rien n’a été envoyé" in asked.text
    assert asked.headers["refresh"] == "900;url=/sign-in", "it does not lie in an open page for longer"
    wrong = await sign_in_again(anne, asked.text, password="faux mot de passe", status=422)
    back = await sign_in_again(anne, wrong)
    assert urlsplit(back).path == EDIT
    assert "from=list&kept=" in back
    page = (await anne.get(back)).text
    assert "n’a pas encore été envoyé" in page
    assert 'value="Léana"' in page
    assert name_of(hub) == "Léa"
    again = sealed(page, EDIT)
    assert again["ask_id"] == typed["ask_id"], "sent twice, it has one effect"
    assert again["csrf"] != typed["csrf"]
    assert 'value="Léana"' not in (await anne.get(back)).text, "once"
    assert (await anne.post(EDIT, {**CHANGED, **again})).status_code == 303
    assert name_of(hub) == "Léana"


async def test_a_form_from_before_one_signed_in_again_in_another_tab_is_filled_in_at_once(hub: Hub, anne: Browser) -> None:
    typed = {**await opened(anne), **CHANGED}
    await anne.fill("/", "/sign-out", {})
    await anne.post("/sign-in", {"login": "anne", "password": PASSWORD})
    answer = await anne.post(EDIT, typed, referer=f"{URL}{EDIT}")
    assert answer.status_code == 303
    assert 'value="Léana"' in (await anne.get(answer.headers["location"])).text
    assert name_of(hub) == "Léa"
    assert (await anne.post("/sign-out", typed, referer=f"{URL}{EDIT}")).headers["location"] == EDIT, "nothing was typed there"


async def test_nobody_else_is_shown_or_given_it(hub: Hub, anne: Browser) -> None:
    await colleague(hub, "berthe")
    typed = {**await opened(anne), **CHANGED}
    await anne.fill("/", "/sign-out", {})
    asked = await anne.post(EDIT, typed, referer=f"{URL}{EDIT}")
    assert await sign_in_again(anne, asked.text, "berthe") == "/"
    assert (await anne.post(EDIT, typed, referer=f"{URL}{EDIT}")).status_code == 403, "another's form"
    await anne.fill("/", "/sign-out", {})
    back = await sign_in_again(anne, (await anne.post(EDIT, typed, referer=f"{URL}{EDIT}")).text)
    mine = anne.http.cookies[PLAIN_COOKIE]
    await anne.post("/sign-in", {"login": "berthe", "password": PASSWORD})
    assert anne.http.cookies[PLAIN_COOKIE] != mine
    assert "Léana" not in (await anne.get(back)).text, "the address alone opens nothing"


async def test_a_seal_cannot_be_made_for_somebody_else(hub: Hub, anne: Browser) -> None:
    berthe = await colleague(hub, "berthe")
    typed = {**await opened(anne), **CHANGED}
    token, _, mark = typed["csrf"].partition(".")
    for forged in (f"{token}.{berthe}", f"{token[:-1]}x.{mark}", "x.", "é.é"):
        await anne.fill("/", "/sign-out", {})
        asked = await anne.post(EDIT, {**typed, "csrf": forged}, referer=f"{URL}{EDIT}")
        assert await sign_in_again(anne, asked.text) == "/", forged
        assert (await anne.post(EDIT, {**typed, "csrf": forged})).status_code == 403, forged


async def test_passwords_pins_and_codes_do_not_go_along(hub: Hub, anne: Browser) -> None:
    typed = await opened(anne, "/account", "/account/password")
    await anne.fill("/", "/sign-out", {})
    fields = {**typed, "current": PASSWORD, "password": "quatre petits tours", "again": "quatre petits tours"}
    asked = await anne.post("/account/password", fields, referer=f"{URL}/account")
    assert asked.status_code == 401
    assert PASSWORD not in asked.text
    assert "quatre petits tours" not in asked.text
    smuggled = asked.text.replace("</form>", '<input type="hidden" name="kept.password" value="x"></form>')
    page = (await anne.get(await sign_in_again(anne, smuggled))).text
    assert "n’a pas encore été envoyé" in page
    assert 'value="x"' not in page


def test_whatever_asks_for_a_secret_has_a_name_that_never_goes_along() -> None:
    secret = re.compile(r'<input[^>]*(?:type="password"|autocomplete="one-time-code")[^>]*>')
    inputs = [found for path in (ROOM / "templates").glob("*.html") for found in secret.findall(path.read_text(encoding="utf-8"))]
    names = {named[1] for one in inputs if (named := re.search(r' name="([^"]*)"', one))}
    assert len(names) >= 5
    assert names <= NEVER


async def test_what_is_asked_for_first_loses_nothing_either(hub: Hub, anne: Browser) -> None:
    """Money asks for the second factor when the form is sent: in a web session without it, that was too late."""
    await hub.open_wallet()
    path = "/wallets/500/refund"
    await has_second(hub)
    typed = {**await opened(anne, path), "amount": "2,00", "reason": "overpaid", "note": "Ticket 12"}
    await anne.post("/sign-in", {"login": "anne", "password": PASSWORD})  # the code comes next
    asked = await anne.post(path, typed, referer=f"{URL}{path}")
    assert asked.headers["location"].startswith("/account/second?next=/wallets/500/refund%3Fkept%3D")
    back = sealed((await anne.get(asked.headers["location"])).text, "/account/second")["next"]
    await anne.post("/account/second", {"code": code(hub), "next": back})
    page = (await anne.get(back)).text
    assert 'value="2,00"' in page
    assert 'value="Ticket 12"' in page


async def test_a_form_for_which_something_is_asked_first_is_noted_as_one_that_did_nothing(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await anne.post("/sign-in", {"login": "anne", "password": PASSWORD})
    asked = await anne.fill("/wallets/500/refund", "/wallets/500/refund", {"amount": "2,00"})
    assert asked.headers["location"].startswith("/account/second?next=/")
    await hub.app.state.footsteps.write()
    acts = [step.act for step in await hub.office.trail.steps(Wanted(), 20)]
    assert [act for act in acts if act.startswith("POST /wallets")] == ["POST /wallets/{wallet}/refund refused"]


async def test_a_form_that_was_typed_for_longer_than_a_pin_lasts_comes_back_behind_it(hub: Hub, anne: Browser) -> None:
    staff = await hub.accounts.staff_by_login("anne")
    assert staff
    await hub.accounts.change_staff(staff.id, pin=await hub.app.state.passwords.hash("2580"))
    await anne.post("/sign-in", {"login": "anne", "password": PASSWORD, "shared": "yes"})
    path = "/families/10/edit"
    await anne.fill(f"/account/pin?next={path}", "/account/pin", {"pin": "2580"})
    typed = {**await opened(anne, path), "name": "Dupont-Lambert-Roy"}
    hub.now_ms += FORM_MS + 1
    asked = (await anne.post(path, typed, referer=f"{URL}{path}")).headers["location"]
    assert asked.startswith("/account/pin?next=/families/10/edit%3Fkept%3D")
    back = (await anne.fill(asked, "/account/pin", {"pin": "2580"})).headers["location"]
    assert 'value="Dupont-Lambert-Roy"' in (await anne.get(back)).text


async def test_a_form_that_its_page_has_no_more_can_be_sent_as_it_was_or_left(hub: Hub, anne: Browser) -> None:
    typed = {**await opened(anne), **CHANGED}
    await anne.fill("/", "/sign-out", {})
    asked = await anne.post(EDIT, typed)  # from a page that says nothing of itself
    back = await sign_in_again(anne, asked.text)
    assert urlsplit(back).path == "/"
    page = (await anne.get(back)).text
    assert "tel que vous l’avez rempli" in page
    hidden = sealed(page, EDIT)
    assert {name: hidden[name] for name in CHANGED} == CHANGED
    assert name_of(hub) == "Léa"
    assert (await anne.post(EDIT, hidden)).status_code == 303
    assert name_of(hub) == "Léana"


async def test_what_cannot_be_kept_still_finds_the_way_back(hub: Hub, anne: Browser) -> None:
    typed = {**await opened(anne), **CHANGED}
    await anne.fill("/", "/sign-out", {})
    back = {"referer": f"{URL}{EDIT}"}
    assert (await anne.post(EDIT, {**typed, "note": "x" * 70_000}, **back)).headers["location"] == f"/sign-in?next={EDIT}&lost=yes"
    with_file = await anne.post(EDIT, {**typed}, **back, **{"content-type": "multipart/form-data; boundary=x"})
    assert "rien n’a été envoyé. Connectez-vous, puis recommencez." in (await anne.get(with_file.headers["location"])).text
    assert "envoyé" not in (await anne.get("/sign-in")).text
    part = await anne.post(EDIT, typed, **back, **{"hx-request": "true"})
    assert (part.status_code, part.headers["hx-refresh"], part.text) == (401, "true", "")
    assert (await anne.post(EDIT, typed, origin="https://elsewhere.test")).status_code == 403
    assert (await anne.get("/pupils?q=léa")).headers["location"] == "/sign-in?next=/pupils%3Fq%3Dl%25C3%25A9a"


def test_it_waits_for_a_quarter_of_an_hour_and_not_in_any_number() -> None:
    kept, typed = Kept(), Typed("/", {})
    kept.put("a", 1, typed, 0)
    assert kept.take("a", 2, 0) is None
    assert kept.take("a", 1, KEEP_MS) is typed
    kept.put("a", 1, typed, 0)
    assert kept.take("a", 1, KEEP_MS + 1) is None
    for number in range(MOST_KEPT + 1):
        kept.put(str(number), 1, typed, 0)
    assert kept.take("0", 1, 0) is None
    assert kept.take("1", 1, 0) is typed


async def test_every_form_of_the_office_can_be_filled_in_again(hub: Hub, anne: Browser) -> None:
    await furnish(hub)
    met, wrong = set[str](), list[str]()

    async def ask(target: str) -> str:
        answer = await anne.get(target)
        return answer.text if "html" in answer.headers.get("content-type", "") else ""

    async for page, html in walked(ask, *MORE):
        for chunk in re.findall(r'<form[^>]*method="post".*?</form>', html, re.DOTALL):
            (form,) = read_forms(page, chunk)
            if form.action in {"/sign-out", "/language"}:
                continue
            fields: dict[str, list[str]] = {}
            hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', chunk)
            for name, value in (*hidden, *(one for one in form.shown if one[0] not in form.words), form.button or ("", "")):
                fields.setdefault(name, []).append(value)
            fields |= {name: [TYPED] * form.words.count(name) for name in form.words if name not in NEVER}
            found = refilled(html, form.action, fields)
            met.add(re.sub(r"\d+", "0", form.action))
            if found is None or (form.words and set(form.words) - NEVER and TYPED not in found[0][found[1] :]):
                wrong.append(f"{page}: {form.action} {fields}")
    assert len(met) > 50
    assert not wrong, "\n".join(wrong)
