"""A family that was entered twice becomes one; where both have money, nothing is rewritten and it is said what to do."""

from datetime import date

from hub.core import facts as f
from hub.core.school import Adult, Custody, FamilyFile, Household
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
