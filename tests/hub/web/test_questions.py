"""Answering what staff are asked: one form each, without JavaScript, and what is answered stands on no board any more."""

import re

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Code, Reason
from tests.hub.web.conftest import Browser, Hub


async def forgotten_exit(hub: Hub) -> int:
    """Léa came at 15:35 and nobody saw her leave; the item of the question."""
    await hub.hold(100, "15:35")
    await hub.wait_until("19:31")
    (item,) = hub.desk.books.unresolved
    return item


def stays(hub: Hub, pupil: int = 100) -> list[tuple[int, int]]:
    return [(stay.from_ms, stay.until_ms) for stay in hub.desk.books.sheet(pupil, 20, 20260921).stays.values()]


async def test_the_board_asks_for_a_missing_exit_with_its_presumed_time_and_takes_the_answer(hub: Hub, visitor: Browser) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in()
    page = (await visitor.get("/")).text
    assert 'name="clock" id="clock-' in page
    assert 'value="18:00"' in page
    answer = await visitor.fill("/", f"/questions/{item}", {"way": "left", "clock": "16:40"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert stays(hub) == [(hub.at("15:35"), hub.at("16:40"))]
    after = (await visitor.get("/")).text
    assert 'class="question"' not in after
    assert "Votre correction de 19:31" in after


async def test_the_last_answer_is_undone_from_the_board_within_five_minutes(hub: Hub, visitor: Browser) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in()
    await visitor.fill("/", f"/questions/{item}", {"way": "recorded"})
    assert hub.desk.books.unresolved == {}
    assert (await visitor.fill("/", "/undo", {})).status_code == 303
    assert item in hub.desk.books.unresolved
    await visitor.fill("/", f"/questions/{item}", {"way": "not_mine"})
    assert stays(hub) == []
    late = (await visitor.get("/")).text
    hub.now_ms += 5 * 60_000 + 1
    assert 'action="/undo"' not in (await visitor.get("/")).text
    ask = re.search(r'action="/undo".*?name="ask_id" value="(\d+)"', late, re.DOTALL)
    csrf = re.search(r'name="csrf" value="([^"]+)"', late)
    assert ask
    assert csrf
    refused = await visitor.post("/undo", {"ask_id": ask[1], "csrf": csrf[1]})
    assert refused.status_code == 409
    assert "plus de cinq minutes" in refused.text


async def test_a_refused_answer_comes_back_with_what_was_typed_and_why(hub: Hub, visitor: Browser) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in()
    refused = await visitor.fill("/", f"/questions/{item}", {"way": "left", "clock": "23:59"})
    assert refused.status_code == 409
    assert 'value="23:59"' in refused.text
    assert "pas encore eu lieu" in refused.text
    wrong = await visitor.fill("/", f"/questions/{item}", {"way": "left", "clock": "16h99"})
    assert wrong.status_code == 409
    assert "Ce n’est pas une heure" in wrong.text
    assert item in hub.desk.books.unresolved


async def test_who_answers_second_is_told_and_a_form_sent_twice_has_one_effect(hub: Hub, visitor: Browser) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in()
    page = (await visitor.get(f"/questions/{item}")).text
    asks = re.findall(r'name="ask_id" value="(\d+)"', page)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    fields = {"csrf": csrf[1], "way": "recorded", "next": "/"}
    for _ in range(2):
        assert (await visitor.post(f"/questions/{item}", {**fields, "ask_id": asks[-1]})).status_code == 303
    second = await visitor.post(f"/questions/{item}", {**fields, "ask_id": "123456"})
    assert second.status_code == 404
    assert "peut-être par quelqu’un d’autre" in second.text


async def test_a_child_still_in_after_the_hours_is_named_and_left_alone_for_a_while(hub: Hub, visitor: Browser) -> None:
    await hub.hold(100, "15:35")
    await hub.wait_until("18:06")
    await visitor.sign_in()
    ((stay,),) = [list(stays.values()) for stays in hub.desk.books.inside.values()]
    page = (await visitor.get("/")).text
    assert "Toujours là après l’heure de fin" in page
    assert (await visitor.fill("/", f"/overdue/{stay.id}", {"way": "still"})).status_code == 303
    assert "Toujours là" not in (await visitor.get("/")).text
    await hub.wait_until("18:30")
    assert "Toujours là" in (await visitor.get("/")).text
    early = await visitor.fill("/", f"/overdue/{stay.id}", {"way": "left", "clock": "19:45"})
    assert (early.status_code, "pas encore eu lieu" in early.text) == (409, True)
    assert (await visitor.fill("/", f"/overdue/{stay.id}", {"way": "left", "clock": "18:10"})).status_code == 303
    assert stays(hub) == [(hub.at("15:35"), hub.at("18:10"))]


async def test_an_unknown_badge_is_noted(hub: Hub, anne: Browser) -> None:
    await hub.book(f.Unresolved(9, 9, 77, 0, 1, Code.UNKNOWN, Reason.NONE, hub.now_ms))
    assert (await anne.fill("/", "/questions/9", {"way": "noted"})).status_code == 303
    assert hub.desk.books.unresolved == {}


@pytest.mark.parametrize(("role", "site", "answers"), [(Role.DOOR, 1, True), (Role.READER, 1, False), (Role.CANTEEN, 1, False)])
async def test_only_who_corrects_days_at_the_site_is_offered_answers(
    hub: Hub, visitor: Browser, role: Role, site: int, answers: bool
) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in_as("zoe", frozenset({(role, site)}))
    page = (await visitor.get("/")).text
    assert f'id="question-{item}"' in page
    assert ('name="way"' in page) is answers


async def test_staff_of_another_site_do_not_see_or_answer_the_question(hub: Hub, visitor: Browser) -> None:
    item = await forgotten_exit(hub)
    await visitor.sign_in_as("zoe", frozenset({(Role.DOOR, 2)}))
    assert f'id="question-{item}"' not in (await visitor.get("/")).text
    assert (await visitor.get(f"/questions/{item}")).status_code == 404
    answer = await visitor.post(f"/questions/{item}", {"csrf": "csrf of zoe", "ask_id": "5", "way": "recorded"})
    assert answer.status_code == 404
    assert item in hub.desk.books.unresolved
