"""Billing: what is gathered and what waits, a run that is looked at first, that nobody's page holds up, and that only one person starts."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from hub.accounts import Role
from hub.core import facts as f
from hub.core.calendar import day_coded
from hub.core.codes import Code, Reason, Stage
from hub.core.facts import Refusal
from hub.core.ledger import wallet_account
from hub.core.school import Device, Household, Pupil, Reader
from hub.core.settlement import Run, Settled
from hub.core.whys import Rule, Why
from hub.web.billing import Goings
from proto.messages import Direction, Use
from tests.hub.web.conftest import MONDAY_1602_MS, Browser, Hub, sealed

FRIDAY = 20260918


async def gather(hub: Hub, families: int = 3, *, day: int = FRIDAY) -> None:
    """Care is posted on Fridays; each family has one stay of 1,50 €, of a day that is over."""
    homes = [Household(3_000 + n, f"Famille {n}") for n in range(families)]
    pupils = [Pupil(2_000 + n, 3_000 + n, 1, "Enfant", f"Famille {n}", "3A") for n in range(families)]
    care = replace(hub.desk.school.programmes[20], post_days=7, post_weekday=4)
    await hub.desk.edit(7_001, lambda _school: (care, *homes, *pupils))
    at_ms, why = MONDAY_1602_MS - 3 * 86_400_000, Why(Rule.PERIODS, 0, 3_600_000, 60, 2, 30, 5, 750)
    for n in range(families):
        ask, wallet = 8_000 + n, 4_000 + n
        charged = f.Charged(
            ask, ask, wallet, 3_000 + n, 2_000 + n, 1, 20, 150, at_ms, why, Reason.NONE, (), stay=ask, day=day, stage=Stage.GATHERED
        )
        await hub.book(f.WalletOpened(ask, wallet, 1, 3_000 + n, at_ms), charged)
    await hub.book(f.DayClosed(8_900, 1, FRIDAY, at_ms + 1))


async def left_open(hub: Hub) -> None:
    """A stay that nobody has seen end, and that staff are asked about."""
    at_ms = MONDAY_1602_MS - 3 * 86_400_000
    opened = f.StayOpened(8_950, 8_951, 2_000, 1, 20, at_ms, FRIDAY)
    await hub.book(opened, f.Unresolved(8_950, 8_952, 8_951, 2_000, 1, Code.OUT, Reason.NO_EXIT, at_ms))


def balance(hub: Hub, nth: int = 0) -> int:
    return hub.desk.books.balance_cents(wallet_account(4_000 + nth))


async def started(browser: Browser, **fields: str) -> str:
    """Look at the run, start it, and wait until it is over; its page."""
    page = (await browser.get("/billing/1")).text
    answer = await browser.post("/billing/1", {**sealed(page, "/billing/1"), **fields})
    assert answer.status_code == 303, answer.text
    goings: Goings = browser.hub.app.state.goings
    task = goings.of[1].task
    assert task is not None
    await task
    return (await browser.get("/billing/1/run")).text


async def test_what_is_gathered_stands_by_site_and_programme(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    await left_open(hub)
    page = (await anne.get("/billing")).text
    assert "4,50\u00a0€" in page
    assert "3 prestations" in page
    assert "Rien n’attend d’être facturé" in page, "of the other site"


async def test_a_run_is_looked_at_first_by_family_and_posts_what_was_shown(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    page = (await anne.get("/billing/1")).text
    assert "Famille 2" in page
    assert "Facturer 3 prestations" in page
    assert balance(hub) == 0
    page = await started(anne)
    assert "La facturation est faite" in page
    assert (balance(hub, 0), balance(hub, 2)) == (-1_50, -1_50)
    assert "18/09/2026" in (await anne.get("/billing")).text
    assert "par Anne Leroy" in (await anne.get("/billing")).text
    assert "par Anne Leroy" in (await anne.get("/wallets/4000")).text
    assert "Facturé" in (await anne.get("/billing")).text


async def test_a_form_that_is_sent_twice_starts_one_run(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    fields = sealed((await anne.get("/billing/1")).text, "/billing/1")
    answers = [await anne.post("/billing/1", fields) for _ in range(2)]
    assert [answer.headers["location"] for answer in answers] == ["/billing/1/run"] * 2
    assert len(hub.app.state.goings.of) == 1


async def test_what_waits_for_staff_is_named_and_left_out_or_stops_a_whole_run(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    await left_open(hub)
    page = (await anne.get("/billing/1?whole=1")).text
    assert "/questions/8952" in page
    answer = await anne.post("/billing/1", sealed(page, "/billing/1"))
    assert answer.status_code == 409
    assert "la facturation devait être complète" in answer.text
    page = await started(anne)
    assert "1 présence laissée de côté" in page
    assert balance(hub) == -1_50


async def test_what_waits_for_staff_is_in_no_sum_of_the_preview(hub: Hub, anne: Browser) -> None:
    """Léa is at two sites at once, and nobody knows at which; Hugo was in care for an hour, two half-hours at 0,75 €."""
    care = replace(hub.desk.school.programmes[20], post_days=7, post_weekday=3)
    gare = (Device("porte-gare", 2, "Porte"), Reader("porte-gare", "main", "Porte", Use.CARE, Direction.TOGGLE))
    await hub.desk.edit(7_001, lambda _school: (care, *gare))
    held = ((100, "15:40", "parc"), (101, "15:40", "parc"), (100, "15:50", "gare"), (100, "16:40", "parc"), (101, "16:40", "parc"))
    for pupil, clock, place in held:
        await hub.hold(pupil, clock, day_coded(FRIDAY), f"porte-{place}")
    await hub.wait_for_the_minute()
    for path in ("/billing", "/billing/1"):
        page = (await anne.get(path)).text
        assert "1,50\u00a0€" in page, path
        assert "3,00" not in page, path


async def test_what_has_changed_since_it_was_looked_at_is_shown_and_not_posted(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    fields = sealed((await anne.get("/billing/1")).text, "/billing/1")
    await hub.book(f.Reversed(9_100, 8_001, 4_001, 150, hub.now_ms, Reason.CORRECTED, ()))
    answer = await anne.post("/billing/1", fields)
    assert answer.status_code == 409
    assert "a changé entre-temps" in answer.text
    assert balance(hub) == 0


async def test_a_run_goes_on_without_its_page_and_a_second_person_is_told_of_it(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await gather(hub)
    await visitor.sign_in_as("paul", frozenset({(Role.BURSAR, 1)}))
    other = sealed((await visitor.get("/billing/1")).text, "/billing/1")
    go_on, real = asyncio.Event(), hub.office.settle

    async def slowly(ask: int, run: Run, told: Callable[[int, int], None]) -> Settled | Refusal:
        told(1, 3)
        await go_on.wait()
        return await real(ask, run, told)

    object.__setattr__(hub.office, "settle", slowly)
    fields = sealed((await anne.get("/billing/1")).text, "/billing/1")
    assert (await anne.post("/billing/1", fields)).status_code == 303
    await asyncio.sleep(0)
    assert "1 portefeuilles sur 3" in (await visitor.get("/billing/1/run")).text
    refused = await visitor.post("/billing/1", other)
    assert refused.status_code == 409
    assert "Anne Leroy a déjà lancé cette facturation" in refused.text
    go_on.set()
    await hub.app.state.goings.of[1].task
    assert balance(hub) == -1_50
    block = (await visitor.get("/billing/1/run", **{"hx-request": "true"})).text
    assert "<html" not in block
    assert "La facturation est faite" in block


async def test_a_run_that_broke_off_says_so_and_can_be_started_again(hub: Hub, anne: Browser) -> None:
    await gather(hub)
    real = hub.office.settle

    async def breaks(_ask: int, _run: Run, _told: Callable[[int, int], None]) -> Settled | Refusal:
        raise OSError("the disk")

    object.__setattr__(hub.office, "settle", breaks)
    fields = sealed((await anne.get("/billing/1")).text, "/billing/1")
    assert (await anne.post("/billing/1", fields)).status_code == 303
    await asyncio.wait([hub.app.state.goings.of[1].task])
    assert "s’est interrompue" in (await anne.get("/billing/1/run")).text
    object.__setattr__(hub.office, "settle", real)
    assert "La facturation est faite" in await started(anne)


async def test_a_pilot_is_said_and_a_head_starts_nothing(hub: Hub, visitor: Browser) -> None:
    await gather(hub)
    await hub.desk.edit(7_002, lambda school: (replace(school.sites[1], live_from=date(2026, 10, 1)),))
    await visitor.sign_in_as("jo", frozenset({(Role.HEAD, 1)}))
    assert "Phase de test jusqu’au 01/10/2026" in (await visitor.get("/billing")).text
    page = (await visitor.get("/billing/1")).text
    assert "Famille 1" in page
    assert not re.search(r'method="post" action="/billing/1"', page)
    assert (await visitor.get("/billing/2")).status_code == 404
