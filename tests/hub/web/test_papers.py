"""Photos, pick-ups, notes and diets of a pupil, and the pupil's own details: written by those who may, and never over somebody else's."""

import io

import pytest
from PIL import Image

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Reason, Stage
from hub.core.menus import Allergen, Diet
from hub.core.school import Pupil
from hub.core.whys import Rule, Why
from tests.hub.web.conftest import URL, Browser, Hub, sealed


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


async def send_photo(browser: Browser, content: bytes) -> int:
    fields = sealed((await browser.get("/pupils/100/papers")).text, "/pupils/100/photo")
    files = {"photo": ("léa.jpg", content, "image/jpeg")}
    answer = await browser.http.post("/pupils/100/photo", data=fields, files=files, headers={"origin": URL})
    return answer.status_code


async def test_a_photo_is_shown_replaced_and_erased(anne: Browser) -> None:
    assert (await anne.get("/pupils/100/photo")).status_code == 404
    into = io.BytesIO()
    Image.new("RGB", (900, 1200), "teal").save(into, "JPEG")
    assert await send_photo(anne, into.getvalue()) == 303
    shown = await anne.get("/pupils/100/photo")
    assert shown.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(shown.content)).size == (240, 320)
    assert 'src="/pupils/100/photo"' in (await anne.get("/pupils/100")).text
    assert await send_photo(anne, b"GIF89a") == 409
    assert await send_photo(anne, b"") == 409
    erased = await anne.fill("/pupils/100/papers", "/pupils/100/photo", {"erase": "yes"})
    assert erased.status_code == 303
    assert (await anne.get("/pupils/100/photo")).status_code == 404


async def test_who_may_fetch_a_child_is_said_and_ended(anne: Browser) -> None:
    who = {"name": "Rosa Maes", "relation": "grand-mère", "phone": "0470 12 34 56"}
    assert (await anne.fill("/pupils/100/papers", "/pupils/100/pickups", who)).status_code == 303
    assert "Rosa Maes" in (await anne.get("/pupils/100")).text
    refused = await anne.fill("/pupils/100/papers", "/pupils/100/pickups", {**who, "name": "?", "from_day": "demain"})
    assert refused.status_code == 409
    assert 'value="demain"' in refused.text, "what was typed is kept"
    page = (await anne.get("/pupils/100/papers")).text
    end = page.split('action="/pupils/100/pickups/')[1].split('"')[0]
    assert (await anne.fill("/pupils/100/papers", f"/pupils/100/pickups/{end}", {})).status_code == 303
    assert "Rosa Maes" not in (await anne.get("/pupils/100")).text


async def test_a_note_that_somebody_else_has_written_meanwhile_is_shown_and_kept(anne: Browser) -> None:
    stale = sealed((await anne.get("/pupils/100/papers")).text, "/pupils/100/note")
    assert (await anne.fill("/pupils/100/papers", "/pupils/100/note", {"note": "Va chez Rosa\nle mercredi"})).status_code == 303
    late = await anne.post("/pupils/100/note", {**stale, "note": "Part à vélo"})
    assert late.status_code == 409
    assert "Va chez Rosa" in late.text
    assert "Part à vélo" in late.text
    assert "Va chez Rosa" in (await anne.get("/pupils/100")).text


async def test_allergies_are_written_and_shown_to_whom_they_concern(hub: Hub, anne: Browser) -> None:
    said = {"diet": "végétarien", "allergen": ["milk", "nuts", "rubbish"]}
    assert (await anne.fill("/pupils/100/papers", "/pupils/100/diet", said)).status_code == 303
    assert hub.desk.school.diets[100] == Diet(100, "végétarien", frozenset({Allergen.MILK, Allergen.NUTS}))
    assert "végétarien" in (await anne.get("/pupils/100")).text
    door = Browser(hub)
    async with door.http:
        await door.sign_in_as("paul", frozenset({(Role.DOOR, 1)}))
        assert "végétarien" not in (await door.get("/pupils/100")).text
        assert (await door.get("/pupils/100/papers")).status_code == 404


async def test_a_new_pupil_gets_the_household_that_was_chosen(hub: Hub, anne: Browser) -> None:
    said = {"first_name": "Zoé", "last_name": "Maes", "group": "1A", "site": "2", "home": "maes", "born": "2018-03-05"}
    asked = await anne.fill("/pupils/new", "/pupils/new", said)
    assert asked.status_code == 409
    assert "Noé Maes" in asked.text, "whose household it might be"
    made = await anne.post("/pupils/new", {**sealed(asked.text, "/pupils/new"), **said, "home": "Maes", "household": "11"})
    assert made.status_code == 303, plain(made.text)
    zoe = next(pupil for pupil in hub.desk.school.pupils.values() if pupil.first_name == "Zoé")
    assert (zoe.household, zoe.site, str(zoe.born)) == (11, 2, "2018-03-05")
    twin = await anne.fill("/pupils/new", "/pupils/new", {**said, "home": "Claes"})
    assert twin.status_code == 409
    assert "déjà un élève de ce nom" in twin.text
    other = await anne.post("/pupils/new", {**sealed(twin.text, "/pupils/new"), **said, "home": "Claes", "another": "yes"})
    assert other.status_code == 303
    assert "Claes" in {home.name for home in hub.desk.school.households.values()}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"first_name": " "}, "Un nom manque"),
        ({"born": "2099-01-01"}, "31/12/2015"),
        ({"born": "hier"}, "31/12/2015"),
        ({"limit": "beaucoup"}, "montant"),
        ({"group": "85.07.30-033 28"}, "registre national"),
        ({"site": ""}, "implantation"),
        ({"home": "Inconnu"}, "nouveau"),
    ],
)
async def test_details_that_cannot_be_are_refused_and_kept_on_the_form(hub: Hub, anne: Browser, said: dict[str, str], words: str) -> None:
    typed = {"first_name": "Léa-Rose", "last_name": "Dupont", "group": "5B", "site": "1", "home": "Dupont-Lambert", **said}
    page = (await anne.get("/pupils/100/edit")).text
    answer = await anne.post("/pupils/100/edit", {**sealed(page, "/pupils/100/edit"), **typed})
    assert answer.status_code == 409
    assert words in answer.text
    assert f'value="{typed["group"]}"' in answer.text
    assert hub.desk.school.pupils[100].first_name == "Léa"


async def test_two_people_changing_one_child_are_told(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/pupils/100/edit")).text
    stale, typed = sealed(page, "/pupils/100/edit"), {"first_name": "Léa", "last_name": "Dupont", "site": "1", "home": "Dupont-Lambert"}
    assert (await anne.fill("/pupils/100/edit", "/pupils/100/edit", {**typed, "group": "6A"})).status_code == 303
    late = await anne.post("/pupils/100/edit", {**stale, **typed, "group": "6B", "limit": "2,50"})
    assert late.status_code == 409
    assert "6A" in late.text
    assert "6B" in late.text
    assert hub.desk.school.pupils[100].group == "6A"
    again = await anne.post("/pupils/100/edit", {**sealed(late.text, "/pupils/100/edit"), **typed, "group": "6B", "limit": "2,50"})
    assert again.status_code == 303
    assert hub.desk.school.pupils[100] == Pupil(100, 10, 1, "Léa", "Dupont", "6B", 250)


async def test_why_a_price_is_told_in_words_as_a_page_and_as_a_piece(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    page = await anne.get("/pupils/100/why/600")
    assert "Périodes entamées de 30 minutes : 3 à 0,75 €." in plain(page.text)
    piece = (await anne.get("/pupils/100/why/600", **{"hx-request": "true"})).text
    assert "<html" not in piece
    assert "Périodes entamées" in piece
    assert (await anne.get("/pupils/101/why/600")).status_code == 404, "a charge of another child"
    assert "/pupils/100/why/600" in (await anne.get("/pupils/100")).text


async def test_what_is_gathered_for_a_settlement_is_listed_as_provisional(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    price = Why(Rule.PERIODS, hub.now_ms, hub.now_ms, 30, 1, 30, 0, 750)
    await hub.book(f.Charged(3, 601, 500, 10, 100, 1, 20, 75, hub.now_ms, price, Reason.NONE, (), stage=Stage.GATHERED))
    assert "provisoire" in (await anne.get("/pupils/100")).text
    assert "Provisoire" in (await anne.get("/pupils/100/why/601")).text


async def test_whoever_may_not_see_money_sees_no_charge(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await visitor.sign_in_as("paul", frozenset({(Role.DOOR, 1)}))
    page = await visitor.get("/pupils/100")
    assert "why/600" not in page.text
    assert "€" not in page.text
    assert (await visitor.get("/pupils/100/why/600")).status_code == 403
