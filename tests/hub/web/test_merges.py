"""A family or a child that was entered twice becomes one; nothing booked is rewritten, and where it cannot be done it is said why."""

import re
from dataclasses import replace
from datetime import date

from hub.core import facts as f
from hub.core.codes import Code, Compartment
from hub.core.ledger import opening_account, wallet_account
from hub.core.papers import Pickup
from hub.core.school import Adult, Badge, BadgeState, Custody, FamilyFile, Household, Pupil
from hub.web.rights import Role
from tests.hub.web.conftest import Browser, Hub, sealed

FRIDAY, ON = date(2026, 9, 18), 20260918
TWIN = (Household(12, "Maes", "", "Rue Haute 1"), Adult(700, 12, "Rosa", "Maes"), Custody(800, 100, 12, date(2026, 9, 1)))


async def test_two_households_become_one_with_everybody_of_both(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (*TWIN, FamilyFile(900, 12, date(2026, 9, 1), None, 3)))
    path = "/families/11/merge"
    page = (await anne.get(path)).text
    assert "Rue Haute 1" in page
    assert (await anne.post(path, {**sealed(page, path)})).headers["location"] == "/families/11?done=merged"
    school = hub.desk.school
    assert school.households[11] == school.households[12] == Household(11, "Maes", "", "Rue Haute 1")
    assert school.adults[700].household == school.custody[100][0].household == 11
    assert [file.bracket for file in school.files[11]] == [3]
    assert school == await hub.register.read_school()
    assert (await anne.get("/families?q=maes")).text.count('href="/families/1') == 1
    assert 'href="/families/11/edit"' in (await anne.get("/families/12")).text, "an old address leads to the family"


async def test_the_household_with_a_wallet_is_the_one_that_stays(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    await hub.book(f.WalletOpened(1, 500, 1, 12, hub.now_ms))
    made = await anne.fill("/families/11/merge", "/families/11/merge", {})
    assert made.headers["location"] == "/families/12?done=merged"
    assert hub.desk.school.pupils[102].household == 12


async def test_the_money_of_two_families_is_in_one_wallet_and_no_fact_is_rewritten(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    for wallet, household, cents in ((500, 12, 700), (501, 11, -450)):
        entries = (f.Entry(opening_account(1), -cents), f.Entry(wallet_account(wallet), cents))
        await hub.book(f.WalletOpened(wallet, wallet, 1, household, hub.now_ms), f.BalanceOpened(wallet, wallet, hub.now_ms, entries))
    path = "/families/11/merge"
    page = (await anne.get(path)).text
    assert "7,00\u00a0€ passent de son portefeuille à celui de Maes" in page
    assert (await anne.post(path, {**sealed(page, path)})).headers["location"] == "/families/11?done=merged"
    assert [hub.desk.books.balance_cents(wallet_account(wallet)) for wallet in (500, 501)] == [0, 250]
    assert hub.desk.school == await hub.register.read_school()
    assert "2,50\u00a0€" in (await anne.get("/families/11")).text
    shown = (await anne.get("/wallets/500")).text
    assert "<h1>Maes" in shown
    assert "La famille était encodée deux fois" in shown
    statement = (await anne.get("/statements/11?site=1&first=2026-09&months=1")).text
    assert statement.count("7,00\u00a0€") >= 2, "out of one wallet, into the other"


async def test_a_household_that_was_changed_meanwhile_is_not_merged(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWIN)
    stale = sealed((await anne.get("/families/11/merge")).text, "/families/11/merge")
    await anne.fill("/families/12/edit", "/families/12/edit", {"name": "Maes", "address": "Rue Basse 2"})
    assert (await anne.post("/families/11/merge", stale)).status_code == 409
    assert hub.desk.school.households[12].address == "Rue Basse 2"


async def test_a_family_of_another_name_with_the_same_child_is_proposed_and_one_is_found_by_words_in_any_order(
    hub: Hub, anne: Browser
) -> None:
    other = (Household(13, "Lambert Anne-Marie"), Pupil(130, 13, 1, "Lea", "Dupont", "5B"), Household(14, "Dupont"), Household(15, "Claes"))
    await hub.desk.edit(77, lambda _school: other)
    page = (await anne.get("/families/10/merge")).text
    assert [name in page for name in ("<h2>Lambert Anne-Marie", "<h2>Dupont</h2>", "<h2>Claes", "<h2>Maes")] == [True, True, False, False]
    assert "<h2>Lambert Anne-Marie" in (await anne.get("/families/10/merge?q=anne lambert")).text
    assert "Aucun autre ménage" in (await anne.get("/families/10/merge?q=-")).text


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


async def merged(hub: Hub, browser: Browser) -> None:
    """Lea's past is Léa's now."""
    await entered_twice(hub)
    assert (await browser.fill(MERGE, MERGE, {})).status_code == 303


async def test_a_day_before_it_stands_in_the_week_and_on_the_page_of_that_day(hub: Hub, anne: Browser) -> None:
    await hub.hold(100, "15:35", date(2026, 9, 17))
    await merged(hub, anne)
    week = (await anne.get("/presence?programme=20&week=2026-09-14")).text
    assert week.count('<a href="/pupils/100">') == 1, "one child, one row"
    assert re.search(rf'href="/presence/day/100/{FRIDAY}\?at=20[^>]*>\s*(<span>)?15:40–16:10', week)
    assert "1 / 0" in week
    day = (await anne.get(f"/presence/day/100/{FRIDAY}")).text
    assert day.count("15:40–16:10") == 1
    assert day.count("<article") == 2, "care and study: nothing stands there twice"
    assert "Autres scans" not in day, "what was held that day counts, under whichever number"
    assert "15:40–16:10" in (await anne.get(f"/presence/day/103/{FRIDAY}")).text, "an old address leads to the child's day"


async def test_a_day_before_it_is_corrected_where_it_was_booked(hub: Hub, anne: Browser) -> None:
    await merged(hub, anne)
    path = f"/presence/day/103/{FRIDAY}"
    page = (await anne.get(f"/presence/day/100/{FRIDAY}")).text
    fields = sealed(page[page.rindex('name="act" value="move"') - 400 :], path)
    said = {"clock": "16:40", "to_programme": "20", "reason": "wrong_time", "note": "Mamy était en retard."}
    answer = await anne.post(path, {**fields, **said})
    assert answer.headers["location"] == f"/presence/day/100/{FRIDAY}?at=20"
    (stay,) = hub.desk.books.sheet(103, 20, ON).stays.values()
    assert (stay.from_ms, stay.until_ms) == (hub.at("15:40", FRIDAY), hub.at("16:40", FRIDAY))
    assert not hub.desk.books.sheet(100, 20, ON).marks
    assert "Mamy était en retard." in (await anne.get(f"/presence/day/100/{FRIDAY}")).text


async def test_a_morning_before_it_is_justified_where_it_was_noted(hub: Hub, anne: Browser) -> None:
    begins = hub.at("08:30", FRIDAY)
    await hub.book(f.MorningNoted(7_001, 103, 1, ON, begins, begins, hub.at("12:00", FRIDAY), 0, 0))
    await merged(hub, anne)
    path = f"/presence/mornings/103/{FRIDAY}"
    answer = await anne.fill("/presence/mornings", path, {"state": "justified", "excuse": "ill", "document": ""})
    assert answer.status_code == 303, answer.text
    assert "justifié, maladie" in (await anne.get("/presence/mornings")).text


async def test_a_second_entry_that_is_in_has_to_leave_first_and_its_page_says_so(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWICE)
    stale = sealed((await anne.get(MERGE)).text, MERGE)
    await hub.tap(103, Code.IN)
    assert "était à l’école aujourd’hui" in (await anne.get(MERGE)).text
    answer = await anne.post(MERGE, stale)
    assert answer.status_code == 409
    assert "était à l’école aujourd’hui" in answer.text
    assert not hub.desk.school.merged


async def test_a_second_entry_is_found_by_its_names_in_any_order(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: TWICE)
    for question in ("dupont lea", "Léa", "lea dup"):
        assert "Lea Dupont" in (await anne.get(f"{MERGE}?q={question}")).text, question
    assert "Aucun autre élève" in (await anne.get(f"{MERGE}?q=-")).text


async def test_of_a_second_entry_in_another_family_the_way_to_merge_the_families_is_shown(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (Household(12, "Dupont & fils"), replace(TWICE[0], household=12)))
    assert 'href="/families/10/merge?q=Dupont%20%26%20fils"' in (await anne.get(MERGE)).text
    assert "<h2>Dupont &amp; fils" in (await anne.get("/families/10/merge?q=Dupont%20%26%20fils")).text
    assert (await anne.fill("/families/10/merge", "/families/10/merge", {})).status_code == 303
    assert "C’est maintenant une seule famille" in (await anne.get("/families/10?done=merged")).text
    assert (await anne.fill(MERGE, MERGE, {})).status_code == 303


async def test_a_pupil_of_another_site_is_nobodys_second_entry(hub: Hub, visitor: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (Pupil(104, 10, 2, "Léa", "Dupont", "5B"),))
    await visitor.sign_in_as("zoe", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get(MERGE)).text
    assert "Aucun autre élève" in page
    stale = sealed((await visitor.get("/pupils/100/edit")).text, "/pupils/100/edit")
    assert (await visitor.post(MERGE, {**stale, "other": "104"})).status_code == 404
