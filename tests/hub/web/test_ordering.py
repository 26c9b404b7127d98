"""How meals are ordered: set for each site in the office, and nothing that was typed is lost where it cannot be."""

import re

import pytest

from hub.accounts import Role
from hub.core.menus import Canteen, Unordered
from tests.hub.web.conftest import Browser, Hub

PAGE = "/sites/1/ordering"
SAID = {
    "horizon_days": "21",
    "days_before": "1",
    "cut_off_min": "10:30",
    "waiting_until_min": "11:45",
    "walk_up": "surcharge",
    "walk_up_cents": "1,00",
    "unordered": "refuse",
    "unordered_cents": "",
    "void_limit_cents": "25,00",
}


async def test_a_site_says_until_when_it_takes_orders(hub: Hub, anne: Browser) -> None:
    assert 'value="09:00"' in (await anne.get(PAGE)).text
    assert (await anne.fill(PAGE, PAGE, SAID)).headers["location"] == f"{PAGE}?done=saved"
    wanted = Canteen(1, 21, 10 * 60 + 30, 1, 11 * 60 + 45, Unordered.SURCHARGE, 100, Unordered.REFUSE, 0, 2500)
    assert hub.desk.school.canteen(1) == wanted
    assert hub.desk.school.canteen(2) == Canteen(2)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"horizon_days": "-1"}, "ne sont pas possibles"),
        ({"horizon_days": "367"}, "ne sont pas possibles"),
        ({"days_before": "1e9"}, "ne sont pas possibles"),
        ({"days_before": "²"}, "ne sont pas possibles"),
        ({"cut_off_min": "midi"}, "n’est pas une heure"),
        ({"waiting_until_min": "24:00"}, "n’est pas une heure"),
        ({"walk_up_cents": "-1,00"}, "n’est pas un montant"),
        ({"void_limit_cents": "12.5.3"}, "n’est pas un montant"),
        ({"unordered_cents": "99999,00"}, "n’est pas un montant"),
        ({"horizon_days": "x", "days_before": "31"}, "ne sont pas possibles"),
    ],
)
async def test_what_cannot_be_is_said_and_everything_typed_stays(hub: Hub, anne: Browser, said: dict[str, str], words: str) -> None:
    before = hub.desk.school
    answer = await anne.fill(PAGE, PAGE, {**SAID, **said})
    assert answer.status_code == 409
    assert words in answer.text
    assert hub.desk.school is before
    assert all(f'value="{text}"' in answer.text for text in {**SAID, **said}.values())
    assert re.findall(r'name="(\w+)"[^>]*aria-invalid="true"', answer.text) == [*said], "the field that is meant, and no other"


async def test_a_child_who_is_there_eats_whatever_a_form_says(hub: Hub, anne: Browser) -> None:
    await anne.fill(PAGE, PAGE, {**SAID, "walk_up": "refuse"})
    assert hub.desk.school.canteen(1).walk_up is Unordered.ALLOW


async def test_two_people_change_it_and_nothing_is_overwritten(hub: Hub, anne: Browser) -> None:
    first = (await anne.get(PAGE)).text.partition('name="was" value="')[2][:16]
    await anne.fill(PAGE, PAGE, SAID)
    answer = await anne.fill(PAGE, PAGE, {**SAID, "horizon_days": "3", "was": first})
    assert answer.status_code == 409
    assert "Combien de jours à l’avance\u00a0: 21" in answer.text, "what differs, and under which name"
    assert hub.desk.school.canteen(1).horizon_days == 21


async def test_a_cook_changes_menus_and_not_the_rules_of_the_site(visitor: Browser) -> None:
    await visitor.sign_in_as("cook", frozenset({(Role.CANTEEN, 1)}))
    assert (await visitor.get(PAGE)).status_code == 403
