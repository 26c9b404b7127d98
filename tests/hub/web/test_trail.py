"""The trail: what is noted of whom, that it holds no name, how it is found again, and that it is forgotten after a year."""

import asyncio
import re

from hub.accounts import EVERYWHERE, Role
from hub.core import facts as f
from hub.core.school import Custody, Pupil, Weeks
from hub.core.trail import KEPT_MS, Step, Wanted
from hub.trail import Trail
from hub.web.trail import ABOUT, STEPS
from hub.web.wallets.acts import Act
from tests.hub.web.conftest import MONDAY, Browser, Hub
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
    assert "a essayé, sans effet · Enregistrer un paiement reçu</td>" in page
    assert "a fait · Enregistrer un paiement reçu</td>" in page
    assert "{wallet}" not in page


async def test_a_form_that_only_shows_what_it_would_do_is_a_look_and_no_act(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    for step in ("try", "do"):
        await anne.fill("/wallets/500/top-up", "/wallets/500/top-up", {"amount": "5,00", "step": step})
    await anne.fill("/promotion", "/promotion", {"next-1-5B": "6B"})
    opened, tried, again, done = (await noted(hub))[1:]
    assert opened == tried == again == ("GET /wallets/{wallet}/top-up", "wallet=500;")
    assert done == ("POST /wallets/{wallet}/top-up", "wallet=500;")


def test_every_page_and_form_that_is_noted_is_called_by_its_own_name(hub: Hub) -> None:
    noted = set[str]()
    for route in routes(hub.app.routes):
        named = set(route.param_convertors) | {asked.name for asked in route.dependant.query_params}
        if "POST" in (route.methods or ()) or named & set(ABOUT):
            acts = Act if route.path.startswith("/wallets/{wallet}/{act}") else [""]
            noted |= {route.path.replace("{act}", act or "{act}") for act in acts}
    at_kiosk = {path for path in noted if path.startswith("/kiosk/") and not path.endswith("/start")}  # a pupil's, and no member of staff's
    assert {path.removeprefix("POST ") for path in STEPS} == noted - at_kiosk


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
    assert "a vu · Badge</td>" in by_pupil, "her badge too"
    assert by_pupil.count("Léa Dupont</a>") == 2, "by whose badge it is"
    assert "Hugo Dupont" not in by_pupil
    assert "Personne ne s’appelle" in (await anne.get("/trail?pupil=zzz")).text
    assert "Léa Dupont" in (await anne.get("/trail?day=2026-09-21")).text
    assert "Léa Dupont" not in (await anne.get("/trail?day=2026-09-22")).text
    table = (await anne.get("/trail.csv?pupil=hugo")).content.decode("utf-8-sig")
    assert table.splitlines()[:2] == ["Quand;Qui;Quoi;Au sujet de", "21/09/2026 16:02:00;Anne Leroy;a vu · Fiche de l’élève;Hugo Dupont"]


async def test_a_pupil_s_trail_has_the_wallets_of_all_who_pay_and_its_second_entry(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await hub.book(f.WalletOpened(3, 501, 1, 11, hub.now_ms), f.WalletOpened(3, 502, 2, 11, hub.now_ms))
    second = Pupil(103, 10, 1, "Lea", "Dupont", "5B", same_as=100)
    await hub.desk.edit(77, lambda _school: (Custody(80, 100, 11, MONDAY, None, Weeks.EVEN), second))
    steps = ("wallet=500;", "wallet=501;", "wallet=502;", "household=11;", "pupil=103;", "pupil=102;")
    await hub.office.trail.write([Step(n, 7, f"GET /of/an/older/version/{n}", thing) for n, thing in enumerate(steps)])
    found = re.findall(r"/older/version/(\d)<", (await anne.get("/trail?pupil=lea")).text)
    assert found == ["4", "3", "2", "1", "0"], "Noé is of the family that pays too, and is another child"
    owners = re.findall(r"<td><a href=[^>]*>([^<]*)</a></td>", (await anne.get("/trail?pupil=lea")).text)
    assert owners == ["Léa Dupont", "Maes", "Maes", "Maes", "Dupont-Lambert"]


async def test_a_form_says_which_thing_of_the_school_it_was_about(hub: Hub, anne: Browser) -> None:
    await anne.fill("/products/30", "/products/30", {"name": "Tartine"})
    await anne.fill("/devices", "/devices/porte-parc/locate", {})
    assert (await noted(hub))[1:] == [
        ("POST /products/{product}", "product=30;"),
        ("POST /devices/{device}/locate", "device=porte-parc;"),
    ]
    page = (await anne.get("/trail")).text
    assert "a fait · Repas et articles</td>\n  <td>Tartine</td>" in page
    assert "a fait · Faire clignoter</td>\n  <td>Porte de la garderie</td>" in page


async def test_one_pupil_is_not_taken_for_another_whose_id_begins_the_same(hub: Hub) -> None:
    await hub.office.trail.write([Step(1, 7, "GET /pupils/{pupil}", f"pupil={pupil};") for pupil in (10, 100, 1)])
    assert [step.thing for step in await hub.office.trail.steps(Wanted(things=("pupil=10",)), 9)] == ["pupil=10;"]


async def test_long_trails_are_paged(hub: Hub, anne: Browser) -> None:
    await hub.office.trail.write([Step(n, 7, f"GET /of/an/older/version/{n}", "pupil=100;") for n in range(1, 71)])
    text = (await anne.get("/trail?pupil=lea")).text
    assert "/older/version/70<" in text
    assert "/older/version/10<" not in text
    older = text.split("before=")[1].split('"')[0]
    assert "/older/version/10<" in (await anne.get(f"/trail?pupil=lea&before={older}")).text


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
