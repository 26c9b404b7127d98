"""Signing in and out, the first account, and what a request from elsewhere gets."""

from dataclasses import replace

import pytest

from hub.web import session
from hub.web.account import first_account_link
from hub.web.passwords import FREE_TRIES, MAX_PAUSE_MS, Passwords
from hub.web.session import PLAIN_COOKIE, own_path, token_hash
from tests.hub.web.conftest import PASSWORD, URL, Browser, Hub, sealed

NEW = {"name": "Anne Leroy", "login": "Anne", "password": PASSWORD, "again": PASSWORD}


async def sign_in(browser: Browser, password: str = PASSWORD, **other: str) -> int:
    return (await browser.post("/sign-in", {"login": "anne", "password": password, **other})).status_code


async def test_the_first_account_is_made_by_a_link_that_works_once(hub: Hub, visitor: Browser) -> None:
    link = (await first_account_link(hub.office, URL) or "").removeprefix(URL)
    page = await visitor.get(link)
    assert page.status_code == 200
    made = await visitor.post(link, {**sealed(page.text, link), **NEW})
    assert (made.status_code, made.headers["location"]) == (303, "/")
    assert (await visitor.get("/")).status_code == 200
    again = await visitor.post(link, {**NEW, "login": "bob"})
    assert again.status_code == 409
    assert "a déjà servi" in again.text
    assert await hub.accounts.count_staff() == 1
    assert await hub.accounts.staff_by_login("anne")
    assert await first_account_link(hub.office, URL) is None


async def test_the_links_that_earlier_starts_have_printed_make_no_second_account(hub: Hub, visitor: Browser) -> None:
    """A school that restarts its hub before anybody signs in has several; each would make somebody who may do everything."""
    links = [(await first_account_link(hub.office, URL) or "").removeprefix(URL) for _ in range(3)]
    assert (await visitor.post(links[1], {**NEW})).status_code == 303
    for link in links:
        assert (await visitor.post(link, {**NEW, "login": "bob"})).status_code == 409
        looked = await visitor.get(link)
        assert looked.status_code == 410
        assert f'action="{link}"' not in looked.text, "nobody fills in a form that leads nowhere"
    assert await hub.accounts.count_staff() == 1


async def test_a_first_account_link_is_good_for_two_weeks(hub: Hub, visitor: Browser) -> None:
    link = (await first_account_link(hub.office, URL) or "").removeprefix(URL)
    hub.now_ms += 15 * 86_400_000
    late = await visitor.post(link, {**NEW})
    assert late.status_code == 409
    assert await hub.accounts.count_staff() == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": " "}, "Indiquez votre nom"),
        ({"login": "anne leroy"}, "un seul mot"),
        ({"password": "court", "again": "court"}, "10 caractères au moins"),
        ({"again": "quatre petits tours"}, "ne sont pas les mêmes"),
    ],
)
async def test_a_first_account_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    hub: Hub, visitor: Browser, typed: dict[str, str], said: str
) -> None:
    link = (await first_account_link(hub.office, URL) or "").removeprefix(URL)
    answer = await visitor.post(link, {**NEW, **typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert typed.get("name", "Anne Leroy").strip() in answer.text
    assert PASSWORD not in answer.text
    assert await hub.accounts.count_staff() == 0


async def test_staff_sign_in_and_come_back_to_the_page_they_wanted(anne: Browser, visitor: Browser) -> None:
    wanted = await visitor.get("/pupils/100")
    assert (wanted.status_code, wanted.headers["location"]) == (303, "/sign-in?next=/pupils/100")
    answer = await visitor.fill(wanted.headers["location"], "/sign-in", {"login": "ANNE", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pupils/100")
    assert "Léa Dupont" in (await visitor.get("/pupils/100")).text


async def test_a_wrong_password_and_an_unknown_login_are_told_apart_by_nobody(anne: Browser, visitor: Browser) -> None:
    answers = [await visitor.post("/sign-in", {"login": login, "password": "faux mot de passe"}) for login in ("anne", "nobody")]
    texts = [answer.text.replace("nobody", "anne") for answer in answers]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert texts[0] == texts[1]
    assert "ne correspondent pas" in texts[0]


async def test_after_some_failures_even_the_right_password_has_to_wait(hub: Hub, anne: Browser, visitor: Browser) -> None:
    for _ in range(FREE_TRIES):
        assert await sign_in(visitor, "faux mot de passe") == 422
    assert await sign_in(visitor) == 429
    hub.now_ms += 1000
    assert await sign_in(visitor) == 303


def test_the_pause_grows_to_a_minute_and_no_further() -> None:
    passwords = Passwords()
    pauses = []
    for _ in range(12):
        passwords.tried("anne", 0, right=False)
        pauses.append(passwords.pause_ms("anne", 0))
    assert pauses[:5] == [0, 0, 1000, 2000, 4000]
    assert pauses[-1] == MAX_PAUSE_MS
    passwords.tried("anne", 0, right=True)
    assert passwords.pause_ms("anne", 0) == 0


async def test_signing_out_ends_the_web_session_and_not_only_the_cookie(hub: Hub, anne: Browser) -> None:
    token = anne.http.cookies[PLAIN_COOKIE]
    assert (await anne.fill("/", "/sign-out", {})).status_code == 303
    assert await hub.accounts.session(token_hash(token)) is None
    anne.http.cookies.set(PLAIN_COOKIE, token)
    assert (await anne.get("/")).headers["location"] == "/sign-in"


async def test_a_web_session_gets_a_new_token_at_each_sign_in(hub: Hub, anne: Browser) -> None:
    before = anne.http.cookies[PLAIN_COOKIE]
    assert await sign_in(anne) == 303
    assert anne.http.cookies[PLAIN_COOKIE] != before
    assert await hub.accounts.session(token_hash(before)) is None


@pytest.mark.parametrize(("away_ms", "status"), [(session.IDLE_MS, 200), (session.IDLE_MS + 1, 303)])
async def test_a_browser_left_alone_is_signed_out(hub: Hub, anne: Browser, away_ms: int, status: int) -> None:
    hub.now_ms += away_ms
    assert (await anne.get("/")).status_code == status


async def test_nobody_stays_signed_in_overnight(hub: Hub, anne: Browser) -> None:
    for _ in range(14):
        assert (await anne.get("/")).status_code == 200
        hub.now_ms += 3_600_000 + 1
    assert (await anne.get("/")).status_code == 303


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(hub: Hub, visitor: Browser) -> None:
    link = (await first_account_link(hub.office, URL) or "").removeprefix(URL)
    cookie = (await visitor.post(link, {**NEW})).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


async def test_over_https_the_cookie_belongs_to_this_host_alone_and_no_other_one_opens_anything(hub: Hub, anne: Browser) -> None:
    hub.app.state.office = replace(hub.office, over_https=True)
    assert (await anne.get("/")).headers["location"] == "/sign-in", "a cookie that another host could have set"
    signed = await anne.post("/sign-in", {"login": "anne", "password": PASSWORD})
    cookie = next(one for one in signed.headers.get_list("set-cookie") if "web_session" in one)
    assert cookie.startswith("__Host-preau_web_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    token = cookie.split(";")[0].partition("=")[2]
    assert (await anne.get("/", cookie=f"__Host-preau_web_session={token}")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://elsewhere.test"},
        {"origin": "null"},
        {"origin": ""},
    ],
)
async def test_a_form_from_elsewhere_is_refused(anne: Browser, headers: dict[str, str]) -> None:
    fields = sealed((await anne.get("/")).text, "/sign-out")
    answer = await anne.http.post("/sign-out", data=fields, headers=headers)
    assert answer.status_code == 403
    assert "Ce n’est pas permis" in answer.text
    assert (await anne.get("/")).status_code == 200


async def test_a_form_without_the_secret_of_its_web_session_is_refused(anne: Browser) -> None:
    fields = sealed((await anne.get("/")).text, "/sign-out")
    assert (await anne.post("/sign-out", {**fields, "csrf": "guess"})).status_code == 403
    assert (await anne.post("/sign-out", {"ask_id": "7"})).status_code == 403


async def test_a_form_that_is_too_large_or_no_form_is_refused_in_words(anne: Browser) -> None:
    assert (await anne.post("/badges/find", {"code": "x" * 70_000})).status_code == 413
    answer = await anne.http.post("/badges/find", json={"code": "x"}, headers={"origin": URL})
    assert answer.status_code == 415
    assert "illisible" in answer.text


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/pupils", "/pupils"), ("//evil.test/x", "/"), ("https://evil.test", "/"), ("/\\evil.test", "/"), ("pupils", "/"), ("/a\nb", "/")],
)
def test_after_signing_in_one_stays_on_this_site(path: str, kept: str) -> None:
    assert own_path(path) == kept


async def test_a_visitor_chooses_another_language(visitor: Browser) -> None:
    answer = await visitor.fill("/sign-in", "/language", {"language": "en"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    page = (await visitor.get("/sign-in")).text
    assert '<html lang="en">' in page
    assert "Sign in" in page


@pytest.mark.parametrize("path", ["/staff/9223372036854775808", "/trail?before=99999999999999999999", "/presence/day/100/9999-12-31"])
async def test_a_number_or_day_that_nobody_can_mean_is_not_found(anne: Browser, path: str) -> None:
    answer = await anne.get(path)
    assert answer.status_code == 404
    assert "Il n’y a rien ici" in answer.text
