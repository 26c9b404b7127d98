"""The trail: what is noted of whom, that it holds no name, how it is found again, and that it is forgotten after a year."""

import asyncio
import re

from hub.accounts import EVERYWHERE, Role
from hub.core.trail import KEPT_MS, Step, Wanted
from hub.trail import Trail
from hub.web.render import ROOM
from tests.hub.web.conftest import Browser, Hub
from tests.hub.web.test_pages import routes

ALL = Wanted()


async def noted(hub: Hub) -> list[tuple[str, str]]:
    """What was noted, oldest first."""
    await hub.app.state.footsteps.write()
    return [(step.act, step.thing) for step in reversed(await hub.office.trail.steps(ALL, 100))]


async def test_pages_about_a_person_and_all_forms_are_noted_by_route_and_id(hub: Hub, anne: Browser) -> None:
    assert await noted(hub) == [("POST /first/{token}", "")]
    for path in ("/pupils/100", "/pupils", "/", "/badges/give?pupil=101", "/pupils/999", "/pupils/100/photo"):
        await anne.get(path)
    await anne.fill("/pupils/100/papers", "/pupils/100/note", {"note": "voit mal de loin"})
    found = (await noted(hub))[1:]
    assert found == [
        ("GET /pupils/{pupil}", "pupil=100;"),
        ("GET /badges/give", "pupil=101;"),
        ("GET /pupils/{pupil}/papers", "pupil=100;"),
        ("POST /pupils/{pupil}/note", "pupil=100;"),
    ]


async def test_what_is_done_with_money_is_named_and_a_form_without_effect_is_told_apart(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    for amount, step in (("12.5.3", "try"), ("5,00", "do")):
        await anne.fill("/wallets/500/top-up", "/wallets/500/top-up", {"amount": amount, "step": step})
    did = [act for act, _ in await noted(hub) if act.startswith("POST /wallets")]
    assert did == ["POST /wallets/{wallet}/top-up refused", "POST /wallets/{wallet}/top-up"]
    page = (await anne.get("/trail")).text
    assert 'a essayé, sans effet · Portefeuille <small class="hint">POST /wallets/{wallet}/top-up</small>' in page
    assert 'a fait · Portefeuille <small class="hint">POST /wallets/{wallet}/top-up</small>' in page


async def test_a_form_that_only_shows_what_it_would_do_is_a_look_and_no_act(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    for step in ("try", "do"):
        await anne.fill("/wallets/500/top-up", "/wallets/500/top-up", {"amount": "5,00", "step": step})
    await anne.fill("/promotion", "/promotion", {"next-1-5B": "6B"})
    opened, tried, again, done = (await noted(hub))[1:]
    assert opened == tried == again == ("GET /wallets/{wallet}/top-up", "wallet=500;")
    assert done == ("POST /wallets/{wallet}/top-up", "wallet=500;")


def test_every_page_that_is_noted_has_its_word(hub: Hub) -> None:
    said = re.search(r"set pages = {(.*?)} %}", (ROOM / "templates" / "trail.html").read_text(encoding="utf-8"))
    assert said
    words = set(re.findall(r"'([a-z-]+)': _", said[1]))
    noted = {route.path.split("/")[1] for route in routes(hub.app.routes) if "POST" in (route.methods or ()) or "{pupil}" in route.path}
    assert noted <= words


async def test_what_is_noted_is_written_once_a_second_by_itself(hub: Hub, anne: Browser) -> None:
    await anne.get("/pupils/100")
    async with asyncio.timeout(10):
        while not await hub.office.trail.steps(Wanted(things=("pupil=100",)), 1):  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0)


async def test_a_visitor_and_a_stream_leave_no_trail(hub: Hub, visitor: Browser) -> None:
    await visitor.get("/pupils/100")
    await visitor.post("/sign-in", {"login": "nobody", "password": "x"})
    assert await noted(hub) == []


async def test_the_trail_is_searched_by_person_pupil_and_day(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await visitor.sign_in_as("marc", EVERYWHERE)
    await visitor.get("/pupils/100")
    await anne.get("/pupils/101")
    await anne.get("/badges/1000")
    marc = await hub.accounts.staff_by_login("marc")
    assert marc
    await noted(hub)
    by_person = (await anne.get(f"/trail?staff={marc.id}")).text
    assert "Léa Dupont" in by_person
    assert "Hugo Dupont" not in by_person
    by_pupil = (await anne.get("/trail?pupil=lea+DUPONT")).text
    assert "/badges/{badge}" in by_pupil, "her badge too"
    assert "Hugo Dupont" not in by_pupil
    assert "Personne ne s’appelle" in (await anne.get("/trail?pupil=zzz")).text
    assert "Léa Dupont" in (await anne.get("/trail?day=2026-09-21")).text
    assert "Léa Dupont" not in (await anne.get("/trail?day=2026-09-22")).text
    table = (await anne.get("/trail.csv?pupil=hugo")).content.decode("utf-8-sig")
    assert table.splitlines()[:2] == ["Quand;Qui;Quoi;Au sujet de", "21/09/2026 16:02:00;Anne Leroy;GET /pupils/{pupil};Hugo Dupont"]


async def test_one_pupil_is_not_taken_for_another_whose_id_begins_the_same(hub: Hub) -> None:
    await hub.office.trail.write([Step(1, 7, "GET /pupils/{pupil}", f"pupil={pupil};") for pupil in (10, 100, 1)])
    assert [step.thing for step in await hub.office.trail.steps(Wanted(things=("pupil=10",)), 9)] == ["pupil=10;"]


async def test_long_trails_are_paged(hub: Hub, anne: Browser) -> None:
    await hub.office.trail.write([Step(n, 7, f"GET /pupils/{{pupil}}/{n}", "pupil=100;") for n in range(1, 71)])
    text = (await anne.get("/trail?pupil=lea")).text
    assert "{pupil}/70<" in text
    assert "{pupil}/10<" not in text
    older = text.split("before=")[1].split('"')[0]
    assert "{pupil}/10<" in (await anne.get(f"/trail?pupil=lea&before={older}")).text


async def test_a_head_of_one_site_reads_the_steps_of_its_staff_and_no_names_of_others(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await anne.get("/pupils/100")
    await visitor.sign_in_as("berthe", frozenset({(Role.HEAD, 1)}))
    await visitor.get("/pupils/101")
    berthe = await hub.accounts.staff_by_login("berthe")
    assert berthe
    await noted(hub)
    await hub.office.trail.write([Step(hub.now_ms, berthe.id, "GET /pupils/{pupil}", "pupil=102;")])
    text = (await visitor.get("/trail")).text
    assert "Hugo Dupont" in text
    assert "Léa Dupont" not in text, "seen by somebody who works everywhere"
    assert "Noé" not in text, "of another site"
    assert "Personne" in (await visitor.get("/trail?pupil=noe")).text


async def test_the_trail_is_forgotten_after_a_year(hub: Hub) -> None:
    await hub.office.trail.write([Step(at_ms, 7, "GET /", "") for at_ms in (1000, 2000)])
    await Trail(hub.register).forget(2000 + KEPT_MS)
    assert [step.at_ms for step in await hub.office.trail.steps(ALL, 9)] == [2000]
