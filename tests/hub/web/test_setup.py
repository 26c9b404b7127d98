"""The set-up guide: a site, a service, a device and a badge made in the browser; nothing stands in the way, and refusals keep the form."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.accounts import Role
from hub.core.codes import Code
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.school import Scans, WalletScope
from hub.core.setup import device_id
from proto.messages import Direction, Use
from tests.hub.web.conftest import Browser, Hub, opened

SERVICE = {"name": "Garderie", "use": "care", "day": ["0", "1", "3", "4"], "start": "15:30", "end": "18:00", "price": "0,75",
           "period_min": "30", "tolerance_min": "5", "posting": "weekly"}  # fmt: skip


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Hub]:
    async with opened(tmp_path / "empty") as hub:
        yield hub


@pytest.fixture
async def secretary(empty: Hub) -> AsyncIterator[Browser]:
    browser = Browser(empty)
    async with browser.http:
        await browser.sign_in()
        yield browser


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
    assert "5 étapes sur 6" in (await secretary.get("/setup")).text


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
