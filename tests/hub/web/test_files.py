"""A family file that came late: each charge before and after, then corrected once; and what is not the visitor's to correct."""

from datetime import date, timedelta

import pytest

from hub.accounts import Role
from hub.core.formulas import ByBracket, Line, Periods
from hub.core.ledger import wallet_account
from hub.core.school import Device, FamilyFile, Reader, Tariff
from proto.messages import Direction, Use
from tests.hub.web.conftest import MONDAY, Browser, Hub, sealed

GRID = (Line(Periods(ByBracket(tuple(range(100, 1100, 100))), 30, 5)),)
"""0,10 € for a half-hour in bracket 1, and so on to 1,00 € in bracket 10, which is that of who has no file."""
FILE = FamilyFile(82, 10, date(2026, 9, 1), None, 4)
"""Nobody has checked it: it does not count."""
FRIDAY = MONDAY - timedelta(days=3)
PATH = "/families/10/files/82"
AS_IT_CAME = {"bracket": "4", "quotient": "", "from_day": "2026-09-01", "validated_day": "2026-09-21"}


async def lived(hub: Hub, reader: str = "porte-parc") -> None:
    """Léa was there on Friday for 70 minutes, three half-hours of which the third is begun, and on Monday for 35: five are forgiven."""
    gare = (Device("porte-gare", 2, "Porte"), Reader("porte-gare", "main", "Porte", Use.CARE, Direction.TOGGLE))
    tariffs = (Tariff(40, 20, date.min, None, GRID), Tariff(42, 22, date.min, None, GRID))
    await hub.desk.edit(70, lambda _school: (FILE, *gare, *tariffs))
    hub.now_ms = hub.at("17:00")
    for day, clock in ((FRIDAY, "15:30"), (FRIDAY, "16:40"), (MONDAY, "15:30"), (MONDAY, "16:05")):
        await hub.hold(100, clock, day, reader)


def family_cents(hub: Hub) -> int:
    """What the wallets of the Duponts have."""
    books = hub.desk.books
    return sum(books.balance_cents(wallet_account(wallet.id)) for wallet in books.owners.values() if wallet.household == 10)


async def test_each_charge_is_shown_before_and_after_and_corrected_once(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    assert family_cents(hub) == -4_00, "without a file 3 × 1,00 € and 1 × 1,00 €"
    shown = (await anne.get(PATH)).text.replace("\u00a0", " ")
    for words in ("18/09/2026", "21/09/2026", "3,00 €", "1,20 €", "-1,80 €", "0,40 €", "-0,60 €", "2,40 €", "4 sur 10"):
        assert words in shown
    assert family_cents(hub) == -4_00, "looking changes nothing"
    form = {**AS_IT_CAME, **sealed(shown, PATH)}
    done = await anne.post(PATH, form)
    assert (done.status_code, done.headers["location"]) == (303, f"{PATH}?done=2")
    assert family_cents(hub) == -1_60
    facts = hub.desk.books.number
    assert (await anne.post(PATH, form)).status_code == 303
    assert hub.desk.books.number == facts, "sent twice, it has one effect"
    assert hub.desk.school.files[10][0].validated_day == MONDAY
    after = (await anne.get(done.headers["location"])).text
    assert "2 prestations ont été corrigées" in after
    assert "Rien de ce qui a été facturé ne change" in after


async def test_a_day_that_is_chosen_is_the_first_that_is_priced_again(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    page = f"{PATH}?bracket=4&quotient=&from_day=2026-09-21&validated_day=2026-09-21"
    shown = (await anne.get(page)).text
    assert "1 prestation" in shown
    assert (await anne.post(PATH, {**sealed(shown, PATH), **AS_IT_CAME, "from_day": "2026-09-21"})).status_code == 303
    assert family_cents(hub) == -(3_00 + 40)
    later = (await anne.get(f"{PATH}?bracket=4&quotient=&from_day=2026-09-22&validated_day=2026-09-21")).text.replace("\u00a0", " ")
    assert "+0,60 €" in later, "a file that begins later makes the days before it dearer again"


async def test_what_has_changed_since_it_was_looked_at_is_shown_first(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    form = {**AS_IT_CAME, **sealed((await anne.get(PATH)).text, PATH)}
    for clock in ("16:20", "16:50"):
        await hub.hold(100, clock)
    before = family_cents(hub)
    refused = await anne.post(PATH, form)
    assert refused.status_code == 409
    assert "entre-temps" in refused.text
    assert family_cents(hub) == before
    assert (await anne.post(PATH, {**AS_IT_CAME, **sealed(refused.text, PATH)})).status_code == 303
    assert family_cents(hub) > before


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"from_day": "31/02/2026"}, "pas une date"),
        ({"validated_day": ""}, "pas une date"),
        ({"bracket": "11"}, "tranche de 1 à 10"),
        ({"bracket": "-4"}, "tranche de 1 à 10"),
        ({"bracket": "", "quotient": "12.5.3"}, "tranche de 1 à 10"),
        ({"bracket": "", "quotient": "-900,00"}, "tranche de 1 à 10"),
        ({"bracket": "", "quotient": ""}, "tranche de 1 à 10"),
        ({"from_day": "2026-10-01"}, "même jour"),
    ],
)
async def test_nonsense_is_refused_in_words_and_kept(hub: Hub, anne: Browser, typed: dict[str, str], words: str) -> None:
    await lived(hub)
    await hub.desk.edit(71, lambda _school: (FamilyFile(83, 10, date(2026, 10, 1), None, 6),))
    form = {**AS_IT_CAME, **typed, **sealed((await anne.get(PATH)).text, PATH), **typed}
    refused = await anne.post(PATH, form)
    assert refused.status_code == 409
    assert words in refused.text
    for value in typed.values():
        assert f'value="{value}"' in refused.text
    assert family_cents(hub) == -4_00
    assert hub.desk.school.files[10][0] == FILE


async def test_charges_of_another_site_are_counted_and_left_to_who_bills_there(hub: Hub, visitor: Browser) -> None:
    await lived(hub)
    await lived(hub, "porte-gare")
    await visitor.sign_in_as("paul", frozenset({(Role.BURSAR, 1)}))
    shown = (await visitor.get(PATH)).text
    assert "2 prestations d’autres implantations" in shown
    before = family_cents(hub)
    assert (await visitor.post(PATH, {**AS_IT_CAME, **sealed(shown, PATH)})).status_code == 303
    assert family_cents(hub) == before + 2_40


async def test_a_file_that_is_added_late_leads_to_what_it_changes(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    said = {"site": "1", "bracket": "3", "quotient": "", "from_day": "2026-09-02", "validated_day": "2026-09-10"}
    added = await anne.fill("/families/10", "/families/10/files", said)
    shown = (await anne.get(added.headers["location"])).text
    assert "corriger 2 prestations" in shown
    assert (await anne.get("/families/11/files/82")).status_code == 404
