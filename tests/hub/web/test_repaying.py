"""Custody that was entered late: who was charged, who pays, and by how much wallets change, before it is done; then once."""

from dataclasses import replace
from datetime import timedelta

from hub.accounts import Role
from hub.core.ledger import wallet_account
from hub.core.school import Device, Reader
from proto.messages import Direction, Use
from tests.hub.web.conftest import MONDAY, Browser, Hub, sealed

PATH = "/pupils/100/charged"
FRIDAY = MONDAY - timedelta(days=3)
EVERY_DAY = [str(day) for day in range(7)]


async def lived(hub: Hub, reader: str = "porte-parc") -> None:
    """Léa was there on Friday for 70 minutes, 3 × 0,75 €, and on Monday for 35, of which five are forgiven: 0,75 €."""
    await hub.desk.edit(
        70, lambda _school: (Device("porte-gare", 2, "Porte"), Reader("porte-gare", "main", "Porte", Use.CARE, Direction.TOGGLE))
    )
    hub.now_ms = hub.at("17:00")
    for day, clock in ((FRIDAY, "15:30"), (FRIDAY, "16:40"), (MONDAY, "15:30"), (MONDAY, "16:05")):
        await hub.hold(100, clock, day, reader)


def cents_of(hub: Hub, household: int) -> int:
    books = hub.desk.books
    return sum(books.balance_cents(wallet_account(wallet.id)) for wallet in books.owners.values() if wallet.household == household)


async def entered(anne: Browser, since: str) -> str:
    """The custody of the Maes, from a day on; where the page goes then."""
    line = {"home": "Maes", "from_day": since, "weeks": "every", "day": EVERY_DAY}
    return (await anne.fill("/pupils/100/payers", "/pupils/100/payers", line)).headers["location"]


async def test_custody_entered_late_leads_to_what_was_charged_and_each_charge_is_moved_once(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    shown = (await anne.get(await entered(anne, "2026-09-18"))).text.replace("\u00a0", " ")
    assert (cents_of(hub, 10), cents_of(hub, 11)) == (-3_00, 0), "looking moves nothing"
    for words in ("18/09/2026", "21/09/2026", "2,25 €", "0,75 €", "Dupont-Lambert", "Maes", "+3,00 €", "-3,00 €", "Corriger 2 prestations"):
        assert words in shown, words
    form = {**sealed(shown, PATH)}
    done = await anne.post(PATH, form)
    assert (done.status_code, done.headers["location"]) == (303, f"{PATH}?since=2026-09-18&done=2")
    assert (cents_of(hub, 10), cents_of(hub, 11)) == (0, -3_00)
    facts = hub.desk.books.number
    assert (await anne.post(PATH, form)).status_code == 303
    assert hub.desk.books.number == facts, "sent twice, it has one effect"
    after = (await anne.get(done.headers["location"])).text
    assert "2 prestations ont été corrigées" in after
    assert "tout a été facturé au ménage qui paie" in after


async def test_the_day_from_which_on_charges_move_is_chosen(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    await entered(anne, "2026-09-18")
    assert 'value="2026-09-18"' in (await anne.get(PATH)).text, "the first day of the lines"
    shown = (await anne.get(f"{PATH}?since=2026-09-21")).text
    assert (await anne.post(PATH, sealed(shown, PATH))).status_code == 303
    assert (cents_of(hub, 10), cents_of(hub, 11)) == (-2_25, -75)
    assert "pas une date" in (await anne.get(f"{PATH}?since=hier")).text


async def test_a_line_that_begins_today_leads_nowhere_else(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    assert await entered(anne, "2026-09-21") == "/pupils/100/payers"
    assert f'href="{PATH}"' in (await anne.get("/pupils/100/payers")).text


async def test_what_was_charged_since_it_was_looked_at_is_shown_first(hub: Hub, anne: Browser) -> None:
    await lived(hub)
    form = sealed((await anne.get(await entered(anne, "2026-09-18"))).text, PATH)
    await hub.desk.edit(71, lambda school: (replace(school.custody[100][0], until_day=MONDAY),))
    refused = await anne.post(PATH, form)
    assert refused.status_code == 409
    assert "entre-temps" in refused.text
    assert cents_of(hub, 10) == -3_00
    assert (await anne.post(PATH, sealed(refused.text, PATH))).status_code == 303
    assert (cents_of(hub, 10), cents_of(hub, 11)) == (-75, -2_25)


async def test_charges_of_another_site_are_counted_and_left(hub: Hub, visitor: Browser, anne: Browser) -> None:
    await lived(hub, "porte-gare")
    await entered(anne, "2026-09-18")
    await visitor.sign_in_as("ingrid", frozenset({(Role.BURSAR, 1)}))
    shown = (await visitor.get(PATH)).text
    assert "2 prestations d’autres implantations" in shown
    assert 'name="was"' not in shown


async def test_who_does_not_bill_is_shown_no_way_to_it(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("hugues", frozenset({(Role.HEAD, 1)}))
    assert PATH not in (await visitor.get("/pupils/100/payers")).text
    assert (await visitor.get(PATH)).status_code == 403
