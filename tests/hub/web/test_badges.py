"""Badges: given by a scan, found, blocked, replaced, printed: each once, however often the form is sent."""

import asyncio
import re

import pytest

from hub.core.badges import badge_at
from hub.core.facts import Refusal
from hub.core.school import BadgeState
from hub.web import badges
from hub.web.badges import Sheets
from hub.web.sheet import Card
from proto.badge import badge_hash, code, read_code
from tests.hub.web.conftest import KEY, LEA_CODE, Browser, Hub, sealed

HUGO_CODE = code(bytes(range(10, 20)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[Card]]:
    """What is to be drawn, instead of a PDF: drawing is tested by itself."""
    runs: list[list[Card]] = []

    async def draw(cards: list[Card], language: str) -> bytes:
        runs.append(cards)
        return b"%PDF of " + " ".join(card.code for card in cards).encode()

    monkeypatch.setattr(badges, "draw", draw)
    return runs


def state_of(hub: Hub, text: str) -> BadgeState | None:
    found = badge_at(hub.desk.school, badge_hash(KEY, text), hub.now_ms)
    return found.state if found else None


@pytest.mark.parametrize("typed", [HUGO_CODE, f" {HUGO_CODE.lower()} ", " ".join(HUGO_CODE), "EM:6F007B3972"])
async def test_a_badge_is_given_by_scanning_or_typing_it(hub: Hub, anne: Browser, typed: str) -> None:
    answer = await anne.fill("/badges/give?pupil=101", "/badges/give", {"code": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pupils/101?done=given")
    page = (await anne.get("/pupils/101?done=given")).text
    assert "Le badge est donné" in page
    assert len(hub.desk.school.badges_of(101)) == 1
    assert not [badge for badge in hub.desk.school.badges_of(101) if typed.strip() in str(badge)], "no code is kept"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("bonjour", "pas un code de badge"),
        (HUGO_CODE[:-1] + "B", "pas un code de badge"),
        (LEA_CODE, "déjà à quelqu’un"),
        ("", "pas un code"),
    ],
)
async def test_a_badge_that_cannot_be_given_says_why_and_keeps_what_was_typed(hub: Hub, anne: Browser, typed: str, said: str) -> None:
    answer = await anne.fill("/badges/give?pupil=101", "/badges/give", {"code": typed})
    assert answer.status_code == 409
    assert said in answer.text
    assert f'value="{typed}"' in answer.text
    assert not hub.desk.school.badges_of(101)
    assert ("Léa Dupont" in answer.text) == (typed == LEA_CODE)


async def test_a_form_sent_twice_gives_one_badge(hub: Hub, anne: Browser) -> None:
    fields = {**sealed((await anne.get("/badges/give?pupil=101")).text, "/badges/give"), "code": HUGO_CODE}
    answers = await asyncio.gather(anne.post("/badges/give", fields), anne.post("/badges/give", fields))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(hub.desk.school.badges_of(101)) == 1


async def test_a_form_without_its_id_is_refused(hub: Hub, anne: Browser) -> None:
    fields = {**sealed((await anne.get("/badges/give?pupil=101")).text, "/badges/give"), "code": HUGO_CODE, "ask_id": "-1"}
    assert (await anne.post("/badges/give", fields)).status_code == 422
    assert not hub.desk.school.badges_of(101)


async def test_whose_badge_is_this(hub: Hub, anne: Browser) -> None:
    found = await anne.fill("/badges", "/badges/find", {"code": LEA_CODE.lower()})
    assert found.headers["location"] == "/badges/1000"
    assert "Léa Dupont" in (await anne.get("/badges/1000")).text
    nobody = await anne.fill("/badges", "/badges/find", {"code": HUGO_CODE})
    assert nobody.status_code == 409
    assert "Personne n’a ce badge" in nobody.text


@pytest.mark.parametrize(("state", "said"), [("blocked", "Le badge est bloqué"), ("lost", "déclaré perdu")])
async def test_a_badge_is_blocked_or_lost_from_now_on_and_not_before(hub: Hub, anne: Browser, state: str, said: str) -> None:
    hub.now_ms += 60_000
    answer = await anne.fill("/badges/1000", "/badges/1000", {"state": state})
    assert said in (await anne.get(answer.headers["location"])).text
    assert state_of(hub, LEA_CODE) is BadgeState(state)
    before = badge_at(hub.desk.school, badge_hash(KEY, LEA_CODE), hub.now_ms - 1)
    assert before is not None
    assert before.state is BadgeState.ACTIVE


async def test_a_badge_somebody_else_has_just_blocked_is_not_changed_again(hub: Hub, anne: Browser) -> None:
    stale = sealed((await anne.get("/badges/1000")).text, "/badges/1000")
    await anne.fill("/badges/1000", "/badges/1000", {"state": "lost"})
    answer = await anne.post("/badges/1000", {**stale, "state": "blocked"})
    assert answer.status_code == 409
    assert "rien n’a été changé" in answer.text
    assert state_of(hub, LEA_CODE) is BadgeState.LOST


async def test_a_state_that_is_none_is_refused(hub: Hub, anne: Browser) -> None:
    assert (await anne.fill("/badges/1000", "/badges/1000", {"state": "active"})).status_code == 422
    assert (await anne.fill("/badges/1000", "/badges/1000", {"state": "sold"})).status_code == 422


async def test_a_lost_badge_that_is_found_is_given_again(hub: Hub, anne: Browser) -> None:
    await anne.fill("/badges/1000", "/badges/1000", {"state": "lost"})
    hub.now_ms += 1000
    await anne.fill("/badges/give?pupil=100", "/badges/give", {"code": LEA_CODE})
    assert state_of(hub, LEA_CODE) is BadgeState.ACTIVE


async def test_cards_are_made_given_and_printed_in_one_go(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    answer = await anne.fill("/badges?group=5B", "/badges/sheet.pdf", {"pupil": ["100", "102"], "old": "keep"})
    assert answer.headers["content-type"] == "application/pdf"
    assert "attachment" in answer.headers["content-disposition"]
    (cards,) = drawn
    assert [(card.first_name, card.group) for card in cards] == [("Léa", "5B"), ("Noé", "5B")]
    assert all(read_code(card.code) for card in cards)
    assert [state_of(hub, card.code) for card in cards] == [BadgeState.ACTIVE] * 2
    assert state_of(hub, LEA_CODE) is BadgeState.ACTIVE


async def test_new_cards_may_replace_the_old_badges(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    hub.now_ms += 1000
    await anne.fill("/badges?group=5B", "/badges/sheet.pdf", {"pupil": ["100"], "old": "replace"})
    assert state_of(hub, LEA_CODE) is BadgeState.REPLACED
    assert state_of(hub, drawn[0][0].code) is BadgeState.ACTIVE


async def test_a_sheet_asked_for_twice_is_one_sheet(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    page = (await anne.get("/badges?group=5B")).text
    fields = {**sealed(page, "/badges/sheet.pdf"), "pupil": ["100", "102"], "old": "keep"}
    first, second = await asyncio.gather(anne.post("/badges/sheet.pdf", fields), anne.post("/badges/sheet.pdf", fields))
    assert first.content == second.content
    assert len(drawn) == 1
    assert len(hub.desk.school.badges_of(102)) == 1


async def test_a_sheet_whose_form_is_sent_again_after_a_restart_prints_no_dead_cards(
    hub: Hub, anne: Browser, drawn: list[list[Card]]
) -> None:
    page = (await anne.get("/badges?group=5B")).text
    fields = {**sealed(page, "/badges/sheet.pdf"), "pupil": ["102"], "old": "keep"}
    await anne.post("/badges/sheet.pdf", fields)
    hub.app.state.sheets = Sheets()
    again = await anne.post("/badges/sheet.pdf", fields)
    assert again.status_code == 409
    assert "déjà été imprimées" in again.text
    assert len(hub.desk.school.badges_of(102)) == 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], "Choisissez au moins un élève"),
        (["x", "-5"], "Choisissez au moins un élève"),
        ([str(n) for n in range(1, 62)], "trop de cartes"),
    ],
)
async def test_a_print_run_that_makes_no_sense_says_so(
    hub: Hub, anne: Browser, drawn: list[list[Card]], chosen: list[str], said: str
) -> None:
    answer = await anne.fill("/badges?group=5B", "/badges/sheet.pdf", {"pupil": chosen, "old": "keep"})
    assert answer.status_code == 409
    assert said in answer.text
    assert not drawn


async def test_a_refused_print_run_keeps_the_class_on_the_page(hub: Hub, anne: Browser) -> None:
    answer = await anne.fill("/badges?group=5B", "/badges/sheet.pdf", {"old": "keep"})
    assert re.search(r'<option value="5B" selected>', answer.text)
    assert 'value="100"' in answer.text


async def test_a_print_run_that_fails_is_not_remembered_and_gives_nobody_a_badge() -> None:
    sheets, tries = Sheets(), 0

    async def run() -> bytes | Refusal:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("the printer's ink")
        return b"%PDF"

    with pytest.raises(ValueError, match="ink"):
        await sheets.once(1, run)
    assert await sheets.once(1, run) == b"%PDF"


async def test_everyone_without_a_badge_is_one_choice(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/badges?group=-")).text
    assert "2 élèves sans badge" in page
    assert "Maes Noé" in page
    assert "Dupont Léa" not in page
