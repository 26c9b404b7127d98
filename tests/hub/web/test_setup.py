"""The set-up guide: a site, a service, a device and a badge made in the browser; nothing stands in the way, and refusals keep the form."""

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.accounts import Role
from hub.core.codes import Code
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.school import Scans, WalletScope
from hub.core.setup import device_id
from hub.web.account import first_account_link
from hub.web.chapters import CHAPTERS
from proto.messages import Direction, Status, Use
from tests.hub.web.conftest import PASSWORD, URL, Browser, Hub, opened

SERVICE = {"name": "Garderie", "use": "care", "day": ["0", "1", "3", "4"], "start": "15:30", "end": "18:00", "price": "0,75",
           "period_min": "30", "tolerance_min": "5", "posting": "weekly"}  # fmt: skip


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Hub]:
    async with opened(tmp_path / "empty") as hub:
        yield hub


@pytest.fixture
async def visitor_of_empty(empty: Hub) -> AsyncIterator[Browser]:
    browser = Browser(empty)
    async with browser.http:
        yield browser


@pytest.fixture
async def secretary(visitor_of_empty: Browser) -> Browser:
    await visitor_of_empty.sign_in()
    return visitor_of_empty


async def test_an_empty_hub_becomes_a_school_in_four_forms(empty: Hub, secretary: Browser) -> None:
    assert "0 étapes sur 6" in (await secretary.get("/setup")).text
    assert (await secretary.fill("/setup", "/setup/site", {"name": "École de Julémont", "wallets": "pupil"})).status_code == 303
    (site,) = empty.desk.school.sites.values()
    assert (site.name, site.wallet_scope) == ("École de Julémont", WalletScope.PUPIL)
    assert (await secretary.fill("/setup", "/setup/service", SERVICE)).headers["location"] == "/setup#pupils"
    (programme,) = empty.desk.school.programmes.values()
    assert (programme.use, programme.scans, programme.post_days) == (Use.CARE, Scans.BOTH, 7)
    assert programme.windows[0].weekdays == {0, 1, 3, 4}
    assert empty.desk.school.tariffs[programme.id][0].lines == (Line(Periods(Fixed(750), 30, 5)),)
    assert (await secretary.fill("/setup", "/setup/device", {"name": "Porte de l’école", "use": "care"})).status_code == 303
    assert empty.desk.school.devices.keys() == {"porte-de-l-ecole"}
    assert empty.desk.school.readers["porte-de-l-ecole", "main"].direction is Direction.TOGGLE
    shown = (await secretary.fill("/setup", "/setup/devices/porte-de-l-ecole", {})).text
    assert "device = &#34;porte-de-l-ecole&#34;" in shown
    assert "host = &#34;office.test&#34;" in shown
    who = {"first_name": "Léa", "last_name": "Maes", "site": str(site.id), "home": "Maes"}
    assert (await secretary.fill("/pupils/new", "/pupils/new", who)).status_code == 303
    lea = next(iter(empty.desk.school.pupils))
    given = await secretary.fill("/setup", "/setup/badge", {"pupil": str(lea), "code": "kbbbk ovdub jfihb ppppgd"})
    assert given.headers["location"] == "/setup#scan"
    assert "4 étapes sur 6" in (await secretary.get("/setup")).text  # the device was not heard yet, and no badge scanned


@pytest.mark.parametrize(
    ("action", "said", "words"),
    [
        ("/setup/site", {"name": "implantation du  PARC"}, "déjà pris"),
        ("/setup/site", {"name": "!"}, "Un nom manque"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "garderie"}, "déjà pris"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "Soir", "end": "14:00"}, "heures"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "Soir", "start": "matin"}, "heures"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "Soir", "price": "-1,00"}, "zéro"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "Soir", "price": "peu"}, "montant"),
        ("/setup/service", {**SERVICE, "site": "1", "name": "Soir", "day": []}, "jour de la semaine"),
        ("/setup/device", {"site": "1", "name": "Caisse du réfectoire"}, "déjà pris"),
        ("/setup/badge", {"pupil": "101", "code": "bonjour"}, "pas un code de badge"),
        ("/setup/badge", {"pupil": "101", "code": "KBBBKOVDUBJFIHBPPPPGD"}, "déjà à quelqu’un"),
    ],
)
async def test_a_step_that_cannot_be_done_says_why_and_keeps_the_form(
    hub: Hub, anne: Browser, action: str, said: dict[str, str | list[str]], words: str
) -> None:
    before = hub.desk.school
    answer = await anne.fill("/setup", action, said)
    assert answer.status_code == 409
    assert words in answer.text
    assert hub.desk.school is before
    assert str(said.get("name", "")).replace("  ", " ") in answer.text.replace("  ", " ")


async def test_a_visit_is_priced_once_where_no_period_is_chosen(hub: Hub, anne: Browser) -> None:
    await anne.fill("/setup", "/setup/service", {**SERVICE, "site": "1", "name": "Étude du soir", "use": "study", "period_min": "0"})
    (made,) = [each for each in hub.desk.school.programmes.values() if each.name == "Étude du soir"]
    assert made.use is Use.STUDY
    assert hub.desk.school.tariffs[made.id][0].lines == (Line(Session(Fixed(750))),)


async def test_the_head_of_one_site_adds_a_service_but_no_site(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    refused = await visitor.fill("/setup", "/setup/site", {"name": "Ferme"})
    assert refused.status_code == 409
    assert "toute l’école" in refused.text
    assert (await visitor.fill("/setup", "/setup/service", {**SERVICE, "site": "2", "name": "Soir"})).status_code == 404
    assert (await visitor.fill("/setup", "/setup/service", {**SERVICE, "site": "1", "name": "Soir"})).status_code == 303


async def test_the_first_account_of_an_empty_hub_begins_with_the_guide(empty: Hub, visitor_of_empty: Browser) -> None:
    link = await first_account_link(empty.office, URL)
    assert link
    fields = {"name": "Anne Leroy", "login": "anne", "password": PASSWORD, "again": PASSWORD}
    assert (await visitor_of_empty.post(link.removeprefix(URL), fields)).headers["location"] == "/setup"


async def test_a_device_that_connects_shows_in_the_guide_as_it_happens(hub: Hub, anne: Browser) -> None:
    asked = {"hx-request": "true"}
    before = (await anne.get("/setup?part=connected", **asked)).text
    assert before.count("Jamais vu") == 2
    assert "<html" not in before
    hub.fleet.of("porte-parc").session, hub.fleet.of("porte-parc").status = "a" * 16, Status.ON
    hub.fleet.of("porte-parc").heard_ms = hub.now_ms
    assert "Connecté" in (await anne.get("/setup?part=connected", **asked)).text
    assert "5 étapes sur 6" in (await anne.get("/setup?part=progress", **asked)).text


async def test_what_the_probe_said_is_in_the_text_that_is_put_on_the_device(anne: Browser) -> None:
    path = '/dev/serial/by-path/usb-0:1.2" # x'
    said = {"path-main": path, "kind-main": "line", "host": "10.0.0.2"}
    shown = (await anne.fill("/setup", "/setup/devices/porte-parc", {})).text
    assert "CHANGE-ME" in shown
    whole = await anne.fill("/setup", "/setup/devices/porte-parc", {**said, "as": "file"})
    assert whole.headers["content-disposition"] == 'attachment; filename="edge.toml"'
    assert whole.headers["cache-control"] == "no-store"
    settings = tomllib.loads(whole.text)
    assert settings["broker"]["host"] == "10.0.0.2"
    assert settings["readers"] == [{"id": "main", "kind": "line", "path": path}]
    kept = (await anne.fill("/setup", "/setup/devices/porte-parc", said)).text
    assert "CHANGE-ME" not in kept
    assert 'value="10.0.0.2"' in kept


@pytest.mark.parametrize(
    ("host", "told"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("192.168.1.10", False), ("hub", False)]
)
async def test_an_address_that_leads_a_device_to_itself_is_told(anne: Browser, host: str, told: bool) -> None:
    shown = (await anne.fill("/setup", "/setup/devices/porte-parc", {"host": host})).text
    assert ("cette machine-ci" in shown) is told


async def test_what_comes_after_the_first_scan_is_listed_with_what_is_there(hub: Hub, anne: Browser) -> None:
    further = (await anne.get("/setup")).text.partition('id="further"')[2]
    assert [further.count(word) for word in ("fait", "à faire")] == [1, 2]  # a sandwich; no calendar, no account


async def test_the_first_scan_shows_in_the_guide(hub: Hub, anne: Browser) -> None:
    await hub.tap(100, Code.IN)
    block = (await anne.get("/setup", **{"hx-request": "true"})).text
    assert "<html" not in block
    assert "Léa Dupont" in block


@pytest.mark.parametrize(
    ("name", "taken", "device"),
    [
        ("Porte", (), "porte"),
        ("Porte", ("porte",), "porte-2"),
        ("  Hub ", (), "hub-2"),
        ("Réfectoire, côté cour — salle n° 3 du bâtiment", (), "refectoire-cote-cour-sal"),
        ("大門", (), "device"),
    ],
)
def test_a_device_has_a_name_for_the_wire(name: str, taken: tuple[str, ...], device: str) -> None:
    assert device_id(name, taken) == device


async def test_every_page_of_the_menu_of_an_empty_hub_leads_to_the_guide(secretary: Browser) -> None:
    for path in (entry.path for chapter in CHAPTERS for entry in chapter if entry.path != "/setup"):
        answer = await secretary.get(path)
        assert '<p class="begin">' in answer.text, path
        assert answer.status_code < 500, path
    assert "2026–2027" in (await secretary.get("/calendar")).text
