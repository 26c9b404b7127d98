"""A family or a child that was entered twice becomes one; nothing booked is rewritten, and where it cannot be done it is said why."""

from datetime import date

from hub.core import facts as f
from hub.core.codes import Code, Compartment
from hub.core.ledger import opening_account, wallet_account
from hub.core.papers import Pickup
from hub.core.school import Adult, Badge, BadgeState, Custody, FamilyFile, Household, Pupil
from hub.web.rights import Role
from tests.hub.web.conftest import Browser, Hub, sealed

TWIN = (Household(12, "Maes", "", "Rue Haute 1"), Adult(700, 12, "Rosa", "Maes"), Custody(800, 100, 12, date(2026, 9, 1)))


async def test_two_households_become_one_with_everybody_of_both(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (*TWIN, FamilyFile(900, 12, date(2026, 9, 1), None, 3)))
    path = "/families/11/merge"
    page = (await anne.get(path)).text
    assert "Rue Haute 1" in page
    assert (await anne.post(path, {**sealed(page, path)})).headers["location"] == "/families/11?done=merged"
    school = hub.desk.school
    assert school.households[11] == Household(11, "Maes", "", "Rue Haute 1")
    assert school.households[12].name == ""
    assert school.adults[700].household == school.custody[100][0].household == 11
    assert [file.bracket for file in school.files[11]] == [3]
    assert school == await hub.register.read_school()
    assert (await anne.get("/families?q=maes")).text.count('href="/families/1') == 1


async def test_the_household_with_a_wallet_is_the_one_that_stays(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    await hub.book(f.WalletOpened(1, 500, 1, 12, hub.now_ms))
    made = await anne.fill("/families/11/merge", "/families/11/merge", {})
    assert made.headers["location"] == "/families/12?done=merged"
    assert hub.desk.school.pupils[102].household == 12


async def test_what_is_booked_for_both_is_never_rewritten(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    stale = sealed((await anne.get("/families/11/merge")).text, "/families/11/merge")
    await hub.book(f.WalletOpened(1, 500, 1, 12, hub.now_ms), f.WalletOpened(1, 501, 1, 11, hub.now_ms))
    assert "jamais réécrit" in (await anne.get("/families/11/merge")).text
    before = hub.desk.school
    assert (await anne.post("/families/11/merge", stale)).status_code == 409
    assert hub.desk.school is before


async def test_a_household_that_was_changed_meanwhile_is_not_merged(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    stale = sealed((await anne.get("/families/11/merge")).text, "/families/11/merge")
    await anne.fill("/families/12/edit", "/families/12/edit", {"name": "Maes", "address": "Rue Basse 2"})
    assert (await anne.post("/families/11/merge", stale)).status_code == 409
    assert hub.desk.school.households[12].address == "Rue Basse 2"


TWICE = (
    Pupil(103, 10, 1, "Lea", "Dupont", "5B", born=date(2016, 5, 4)),
    Badge(1001, "t" * 20, 103, BadgeState.ACTIVE, 1),
)
MERGE = "/pupils/100/merge"


async def entered_twice(hub: Hub) -> None:
    """Léa has a second entry with a past, a badge, a wallet of its own, a photo and notes."""
    await hub.desk.edit(77, lambda _school: TWICE)
    now_ms, hub.now_ms = hub.now_ms, hub.now_ms - 3 * 86_400_000
    await hub.open_wallet()
    entries = (f.Entry(opening_account(1), -700), f.Entry(wallet_account(503), 700))
    await hub.book(f.WalletOpened(90, 503, 1, 0, hub.now_ms, 103, Compartment.GENERAL), f.BalanceOpened(90, 503, hub.now_ms, entries))
    await hub.hold(103, "15:40", date(2026, 9, 18))
    await hub.hold(103, "16:10", date(2026, 9, 18))
    hub.now_ms = now_ms
    await hub.office.papers.set_note(103, "Allergie au pollen.")
    await hub.office.papers.set_note(100, "A peur des chiens.")
    await hub.office.papers.add_pickup(Pickup(1, 103, "Mamy Rose", "", "", date(2026, 1, 1)))


async def test_two_entries_of_a_child_become_one_with_both_histories(hub: Hub, anne: Browser) -> None:
    await entered_twice(hub)
    page = (await anne.get(MERGE)).text
    assert "Lea Dupont" in page
    assert "1 badge valable suit" in page
    assert "7,00\u00a0€" in page
    assert (await anne.post(MERGE, sealed(page, MERGE))).headers["location"] == "/pupils/100?done=merged"
    school, books = hub.desk.school, hub.desk.books
    assert school == await hub.register.read_school()
    assert (books.balance_cents(wallet_account(503)), books.total_cents()) == (0, 0)
    page = (await anne.get("/pupils/100?done=merged")).text
    assert "Était encodé deux fois" in page
    assert "15:40–16:10" in page, "a stay of the second entry"
    assert "Allergie au pollen." in page
    assert "Mamy Rose" in page
    assert (await anne.get("/pupils?q=dupont 5b")).text.count('href="/pupils/10') == 1
    assert (await anne.get("/pupils/103")).text.count("<h1>Léa Dupont") == 1, "an old address leads to the child"
    charge = next(one.id for one in books.charges.values() if one.pupil == 103)
    assert (await anne.get(f"/pupils/100/why/{charge}")).status_code == 200
    await hub.tap(103, Code.SEEN)
    assert "Léa" in (await anne.get("/")).text


async def test_a_second_entry_that_is_in_has_to_leave_first_and_its_page_says_so(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWICE)
    stale = sealed((await anne.get(MERGE)).text, MERGE)
    await hub.tap(103, Code.IN)
    assert "était à l’école aujourd’hui" in (await anne.get(MERGE)).text
    answer = await anne.post(MERGE, stale)
    assert answer.status_code == 409
    assert "était à l’école aujourd’hui" in answer.text
    assert not hub.desk.school.merged


async def test_a_pupil_of_another_site_is_nobodys_second_entry(hub: Hub, visitor: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (Pupil(104, 10, 2, "Léa", "Dupont", "5B"),))
    await visitor.sign_in_as("zoe", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get(MERGE)).text
    assert "Aucun autre élève" in page
    stale = sealed((await visitor.get("/pupils/100/edit")).text, "/pupils/100/edit")
    assert (await visitor.post(MERGE, {**stale, "other": "104"})).status_code == 404
