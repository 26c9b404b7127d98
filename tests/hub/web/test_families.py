"""Families: found by any of their names, put right by two people at once, who pays on which day, and what their files say."""

from datetime import date

import pytest

from hub.accounts import Role
from hub.core.payers import payer_on
from hub.core.school import Adult, FamilyFile, Weeks
from tests.hub.web.conftest import Browser, Hub, sealed


@pytest.mark.parametrize(
    ("question", "found"), [("hugo", "Dupont-Lambert"), ("lambert", "Dupont-Lambert"), ("NOE", "Maes"), ("rosa", "Maes")]
)
async def test_a_family_is_found_by_the_name_of_anybody_in_it(hub: Hub, anne: Browser, question: str, found: str) -> None:
    await hub.desk.edit(77, lambda _school: (Adult(700, 11, "Rosa", "Peeters"),))
    block = (await anne.get(f"/families?q={question}", **{"hx-request": "true"})).text
    assert found in block
    assert block.count("<tr>") == 2


async def test_a_grown_up_is_added_and_changed_by_one_at_a_time(hub: Hub, anne: Browser) -> None:
    said = {"first_name": "Rosa", "last_name": "Maes", "email": "rosa@example.be", "language": "nl", "phone": "0470 11 22 33"}
    bad = await anne.fill("/families/11/adult", "/families/11/adult", {**said, "email": "rosa"})
    assert bad.status_code == 409
    assert "pas une adresse" in bad.text
    assert (await anne.post("/families/11/adult", {**sealed(bad.text, "/families/11/adult"), **said})).status_code == 303
    (rosa,) = hub.desk.school.adults.values()
    assert (rosa.household, rosa.email, rosa.language) == (11, "rosa@example.be", "nl")
    page = f"/families/11/adult?adult={rosa.id}"
    stale = sealed((await anne.get(page)).text, "/families/11/adult")
    await anne.fill(page, "/families/11/adult", {**said, "phone": "0499"})
    late = await anne.post("/families/11/adult", {**stale, **said, "phone": "0488"})
    assert late.status_code == 409
    assert "0499" in late.text
    assert "0488" in late.text
    assert (await anne.get(f"/families/10/adult?adult={rosa.id}")).status_code == 404


async def test_a_household_is_added_and_renamed(hub: Hub, anne: Browser) -> None:
    made = await anne.fill("/families/new", "/families/new", {"name": "Claes", "address": "Rue Haute 1", "key": ""})
    assert "Rue Haute 1" in (await anne.get(made.headers["location"])).text
    refused = await anne.fill("/families/11/edit", "/families/11/edit", {"name": "Maes", "key": "85.07.30-033 28"})
    assert "registre national" in refused.text
    assert (await anne.fill("/families/11/edit", "/families/11/edit", {"name": "Maes-Peeters"})).status_code == 303
    assert hub.desk.school.households[11].name == "Maes-Peeters"


async def test_custody_is_a_table_and_the_next_two_weeks_say_who_pays(hub: Hub, anne: Browser) -> None:
    path = "/pupils/100/payers"
    line = {"home": "maes", "from_day": "2026-09-21", "weeks": "even", "day": ["0", "1", "2", "3", "4", "5", "6"]}
    assert (await anne.fill(path, path, line)).status_code == 303
    (turn,) = hub.desk.school.custody[100]
    assert (turn.household, turn.weeks) == (11, Weeks.EVEN)
    lea = hub.desk.school.pupils[100]
    days = [payer_on(hub.desk.school, lea, 0, day) for day in (date(2026, 9, 21), date(2026, 9, 28))]
    assert days == [10, 11]
    page = " ".join((await anne.get(path)).text.split())
    assert "semaines paires" in page
    assert "lu 28/09/2026</span> <span>Maes" in page
    clash = await anne.fill(path, path, {**line, "home": "Dupont-Lambert"})
    assert clash.status_code == 409
    assert "autre ménage a déjà" in clash.text
    end = f"{path}/{turn.id}/end"
    assert (await anne.fill(path, end, {})).status_code == 303
    assert payer_on(hub.desk.school, lea, 0, date(2026, 9, 28)) == 10


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"home": "Inconnu", "from_day": "2026-09-21"}, "n’existe plus"),
        ({"home": "Maes", "from_day": "demain"}, "pas une date"),
        ({"home": "Maes", "from_day": "2026-09-21", "day": []}, "jour de la semaine"),
        ({"home": "Maes", "from_day": "2026-09-21", "until_day": "2026-09-01", "what": "*"}, "fin précède"),
        ({"home": "Maes", "from_day": "2026-09-21", "what": "99"}, "n’existe plus"),
    ],
)
async def test_a_line_that_cannot_be_says_why(hub: Hub, anne: Browser, line: dict[str, str | list[str]], words: str) -> None:
    answer = await anne.fill("/pupils/100/payers", "/pupils/100/payers", {"day": ["0"], **line})
    assert answer.status_code == 409
    assert words in answer.text
    assert not hub.desk.school.custody
    assert not hub.desk.school.overrides


async def test_another_household_may_pay_for_one_service_only(hub: Hub, anne: Browser) -> None:
    line = {"home": "Maes", "from_day": "2026-09-21", "until_day": "2026-09-30", "what": "21"}
    assert (await anne.fill("/pupils/100/payers", "/pupils/100/payers", line)).status_code == 303
    lea = hub.desk.school.pupils[100]
    days = (date(2026, 9, 30), date(2026, 10, 1))
    assert [payer_on(hub.desk.school, lea, 21, day) for day in days] == [11, 10], "the last day is included"
    assert payer_on(hub.desk.school, lea, 20, days[0]) == 10


async def test_a_family_file_counts_once_it_is_checked(hub: Hub, anne: Browser) -> None:
    said = {"site": "1", "bracket": "3", "quotient": "", "from_day": "2026-09-01", "validated_day": "2026-09-10"}
    assert (await anne.fill("/families/10", "/families/10/files", said)).status_code == 303
    (file,) = hub.desk.school.files[10]
    assert file == FamilyFile(file.id, 10, date(2026, 9, 1), None, 3, -1, None, date(2026, 9, 10))
    assert "tranche 3" in (await anne.get("/families/10")).text
    assert (await anne.fill("/families/10", "/families/10/files/end", {"until_day": "2026-10-01"})).status_code == 303
    assert hub.desk.school.files[10][0].until_day == date(2026, 10, 1)
    for wrong in ({"bracket": ""}, {"bracket": "trois", "quotient": "900,00"}, {"quotient": "-900,00"}, {"bracket": "11"}):
        refused = await anne.fill("/families/10", "/families/10/files", {**said, **wrong})
        assert refused.status_code == 409
        assert "tranche de 1 à 10" in refused.text


async def test_the_wallets_of_a_family_are_for_those_who_see_money(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await hub.open_wallet()
    page = (await anne.get("/families/10")).text
    assert "10,25\u00a0€" in page
    assert "/wallets/500" in page
    await visitor.sign_in_as("paul", frozenset({(Role.DOOR, 1)}))
    shown = (await visitor.get("/families/10")).text
    assert "Hugo Dupont" in shown
    assert "€" not in shown
    assert "tarif" not in shown
