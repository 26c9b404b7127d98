"""Badges: given by a scan, found, blocked, replaced, printed: each once, however often the form is sent."""

import asyncio
import re

import pytest

from hub.accounts import Role
from hub.core.badges import badge_at, fee_of, put_fee
from hub.core.codes import Code
from hub.core.facts import Refusal
from hub.core.ledger import wallet_account
from hub.core.school import BadgeState, Pupil
from hub.web.badges import Sheets, cards
from hub.web.badges.listed import kind_of
from hub.web.sheet import Card, Paper, SheetError
from proto.badge import badge_hash, code, read_code
from tests.hub.web.conftest import KEY, LEA_CODE, Browser, Hub, sealed

HUGO_CODE = code(bytes(range(10, 20)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[Card]]:
    """What is to be drawn, instead of a PDF: drawing is tested by itself."""
    runs: list[list[Card]] = []

    async def draw(drawn: list[Card], language: str, paper: Paper) -> bytes:
        assert (paper is Paper.PASSES) == all(card.until for card in drawn)
        runs.append(drawn)
        return b"%PDF of " + " ".join(card.code for card in drawn).encode()

    monkeypatch.setattr(cards, "draw", draw)
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
    answer = await anne.fill("/badges/print?group=5B", "/badges/sheet.pdf", {"pupil": ["100", "102"], "old": "keep"})
    assert answer.headers["content-type"] == "application/pdf"
    assert "attachment" in answer.headers["content-disposition"]
    (cards,) = drawn
    assert [(card.first_name, card.group) for card in cards] == [("Léa", "5B"), ("Noé", "5B")]
    assert all(read_code(card.code) for card in cards)
    assert [state_of(hub, card.code) for card in cards] == [BadgeState.ACTIVE] * 2
    assert state_of(hub, LEA_CODE) is BadgeState.ACTIVE


async def test_new_cards_may_replace_the_old_badges(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    hub.now_ms += 1000
    await anne.fill("/badges/print?group=5B", "/badges/sheet.pdf", {"pupil": ["100"], "old": "replace"})
    assert state_of(hub, LEA_CODE) is BadgeState.REPLACED
    assert state_of(hub, drawn[0][0].code) is BadgeState.ACTIVE


async def test_a_sheet_asked_for_twice_is_one_sheet(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    page = (await anne.get("/badges/print?group=5B")).text
    fields = {**sealed(page, "/badges/sheet.pdf"), "pupil": ["100", "102"], "old": "keep"}
    first, second = await asyncio.gather(anne.post("/badges/sheet.pdf", fields), anne.post("/badges/sheet.pdf", fields))
    assert first.content == second.content
    assert len(drawn) == 1
    assert len(hub.desk.school.badges_of(102)) == 1


async def test_a_sheet_whose_form_is_sent_again_after_a_restart_prints_no_dead_cards(
    hub: Hub, anne: Browser, drawn: list[list[Card]]
) -> None:
    page = (await anne.get("/badges/print?group=5B")).text
    fields = {**sealed(page, "/badges/sheet.pdf"), "pupil": ["102"], "old": "keep"}
    await anne.post("/badges/sheet.pdf", fields)
    hub.app.state.sheets = Sheets()
    again = await anne.post("/badges/sheet.pdf", fields)
    assert again.status_code == 409
    assert "déjà été créées" in again.text
    assert len(hub.desk.school.badges_of(102)) == 1


async def test_a_sheet_that_got_lost_is_made_again_in_one_step_and_only_its_own_cards_stop(
    hub: Hub, anne: Browser, drawn: list[list[Card]]
) -> None:
    fields = {**sealed((await anne.get("/badges/print?group=5B")).text, "/badges/sheet.pdf"), "pupil": ["100", "102"], "old": "keep"}
    await anne.post("/badges/sheet.pdf", fields)
    hub.app.state.sheets = Sheets()
    hub.now_ms += 1000
    refused = (await anne.post("/badges/sheet.pdf", fields)).text
    assert 'value="lost" checked' in refused
    assert refused.count('name="pupil" value="10') == refused.count('" checked> Dupont Léa') + refused.count('" checked> Maes Noé') == 2
    answer = await anne.post("/badges/sheet.pdf", {**sealed(refused, "/badges/sheet.pdf"), "pupil": ["100", "102"], "old": "lost"})
    assert answer.content.startswith(b"%PDF")
    states = [[state_of(hub, card.code) for card in cards] for cards in (drawn[0], drawn[-1])]
    assert states == [[BadgeState.REPLACED] * 2, [BadgeState.ACTIVE] * 2]
    assert state_of(hub, LEA_CODE) is BadgeState.ACTIVE, "a card that she has had for long"


async def test_a_sheet_that_cannot_be_drawn_gives_nobody_a_badge_and_says_so(
    hub: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_ink(*_asked: object) -> bytes:
        raise SheetError("no ink")

    monkeypatch.setattr(cards, "draw", no_ink)
    answer = await anne.fill("/badges/print?group=5B", "/badges/sheet.pdf", {"pupil": ["102"], "old": "keep"})
    assert answer.status_code == 409
    assert "Le PDF n’a pas pu être fait" in answer.text
    assert '" checked> Maes Noé' in answer.text
    assert not hub.desk.school.badges_of(102)


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
    answer = await anne.fill("/badges/print?group=5B", "/badges/sheet.pdf", {"pupil": chosen, "old": "keep"})
    assert answer.status_code == 409
    assert said in answer.text
    assert not drawn


async def test_a_refused_print_run_keeps_the_class_on_the_page(hub: Hub, anne: Browser) -> None:
    answer = await anne.fill("/badges/print?group=5B", "/badges/sheet.pdf", {"old": "keep"})
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
    page = (await anne.get("/badges/print?group=-")).text
    assert "2 élèves sans badge" in page
    assert "Maes Noé" in page
    assert "Dupont Léa" not in page


HELD = "/badges/give?pupil=101&at=porte-parc/main"
TAG = badge_hash(KEY, "EM:6F007B3972")


async def waiting(anne: Browser, page: str = HELD) -> str:
    """The address of the page that waits for a tag from now on."""
    answer = await anne.get(page)
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_a_new_tag_held_at_the_chosen_reader_is_offered_and_given(hub: Hub, anne: Browser) -> None:
    address = await waiting(anne)
    assert "Présentez maintenant le nouveau tag" in (await anne.get(address)).text
    hub.now_ms += 5_000
    scan = await hub.tap(0, Code.UNKNOWN, badge=TAG)
    block = (await anne.get(address, **{"hx-request": "true"})).text
    assert "<h1>" not in block
    assert "qui n’est à personne" in block
    given = await anne.post("/badges/give", {**sealed(block, "/badges/give")})
    assert given.headers["location"] == "/pupils/101?done=given"
    (badge,) = hub.desk.school.badges_of(101)
    assert (badge.hash, badge.mark, badge.from_ms) == (TAG, "", hub.now_ms)
    assert "Tag" in (await anne.get("/pupils/101")).text
    fresh = sealed((await anne.get("/badges/give?pupil=101")).text, "/badges/give")
    again = await anne.post("/badges/give", {**fresh, "at": "porte-parc/main", "scan": str(scan)})
    assert again.status_code == 409
    assert "déjà à quelqu’un" in again.text


async def test_only_the_next_unknown_tag_at_that_reader_within_the_minute_is_offered(hub: Hub, anne: Browser) -> None:
    await hub.tap(0, Code.UNKNOWN, badge=TAG)
    hub.now_ms += 1
    address = await waiting(anne)
    await hub.tap(0, Code.UNKNOWN, badge=TAG, device="caisse-parc")
    await hub.tap(100, Code.IN)
    page = (await anne.get(address)).text
    assert "qui n’est à personne" not in page, "too early, or elsewhere"
    assert "Léa Dupont" in page, "this one is somebody's"
    hub.now_ms += 60_001
    await hub.tap(0, Code.UNKNOWN, badge=TAG)
    late = (await anne.get(address)).text
    assert "qui n’est à personne" not in late
    assert "Aucun nouveau tag" in late


async def test_a_tag_that_was_held_long_ago_or_never_is_not_given(hub: Hub, anne: Browser) -> None:
    scan = await hub.tap(0, Code.UNKNOWN, badge=TAG)
    fields = {**sealed((await anne.get("/badges/give?pupil=101")).text, "/badges/give"), "at": "porte-parc/main"}
    known = await hub.tap(100, Code.IN)
    for number in (7, known):
        assert (await anne.post("/badges/give", {**fields, "scan": str(number)})).status_code == 409
    hub.now_ms += 600_001
    late = await anne.post("/badges/give", {**fields, "scan": str(scan)})
    assert "présentez-le encore une fois" in late.text
    assert (await anne.post("/badges/give", {**fields, "at": "nobody/main", "scan": str(scan)})).status_code == 404
    assert not hub.desk.school.badges_of(101)


async def test_a_tag_takes_the_place_of_a_lost_one(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/badges/give?pupil=100&old=1000")).text
    assert "remplace …PPGD" in page
    hub.now_ms += 1000
    await anne.post("/badges/give", {**sealed(page, "/badges/give"), "code": HUGO_CODE})
    assert state_of(hub, LEA_CODE) is BadgeState.REPLACED
    assert state_of(hub, HUGO_CODE) is BadgeState.ACTIVE
    foreign = await anne.post("/badges/give", {**sealed(page, "/badges/give"), "ask_id": "99", "pupil": "101", "code": HUGO_CODE})
    assert foreign.status_code == 404, "another pupil's badge is not replaced"


async def test_a_day_pass_is_good_until_midnight_and_leaves_the_badge_alone(hub: Hub, anne: Browser, drawn: list[list[Card]]) -> None:
    fields = {"pupil": ["100"], "old": "replace", "paper": "today"}
    await anne.fill("/badges/print?pupil=100", "/badges/sheet.pdf", fields)
    ((card,),) = drawn
    assert card.until == "21/09/2026"
    assert (state_of(hub, card.code), state_of(hub, LEA_CODE)) == (BadgeState.ACTIVE, BadgeState.ACTIVE)
    listed = (await anne.get("/badges?kind=today")).text
    assert f"…{card.code[-4:]}" in listed
    hub.now_ms = hub.at("23:59") + 60_000
    assert state_of(hub, card.code) is None
    assert kind_of(hub.desk.school.badges[badge_hash(KEY, card.code)][-1], hub.now_ms) == "ended"


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", 1), ("q=dupont+lea", 1), ("q=5b", 1), ("q=ppgd", 1), ("q=GD", 1), ("q=maes", 0), ("q=PPGX", 0), ("kind=lost", 0), ("kind=x", 1)],
)  # fmt: skip
async def test_badges_are_found_by_pupil_class_last_letters_or_state(hub: Hub, anne: Browser, query: str, shown: int) -> None:
    page = (await anne.get(f"/badges?{query}")).text
    assert ("…PPGD" in page) == shown
    assert ("Aucun badge" in page) != shown


async def test_the_history_of_a_badge_says_whose_it_was_and_when(hub: Hub, anne: Browser) -> None:
    hub.now_ms += 60_000
    await anne.fill("/badges/1000", "/badges/1000", {"state": "lost"})
    hub.now_ms += 60_000
    await anne.fill("/badges/give?pupil=101", "/badges/give", {"code": LEA_CODE})
    page = " ".join((await anne.get("/badges/1000")).text.split())
    for word in ("Hugo Dupont", "Perdu", "16:03", "16:04", "Léa Dupont"):
        assert word in page


async def test_staff_of_another_site_neither_list_badges_nor_wait_at_its_readers(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("gare", frozenset({(Role.HEAD, 2)}))
    assert "PPGD" not in (await visitor.get("/badges")).text
    await hub.desk.edit(77, lambda _school: (Pupil(200, 11, 2, "Tom", "Maes", "1A"),))
    assert "porte-parc" not in (await visitor.get("/badges/give?pupil=200")).text
    assert (await visitor.get("/badges/give?pupil=200&at=porte-parc/main&since=1")).status_code == 404


async def test_replacing_a_lost_badge_is_charged_where_that_is_ticked_once_and_shown_in_its_history(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await hub.desk.edit(77, lambda school: put_fee(school, 1, 5_00, "Badge remplacé"))
    await anne.fill("/badges/1000", "/badges/1000", {"state": "lost"})
    lost = hub.desk.school.badges_of(100)[0].id
    page = (await anne.get(f"/badges/give?pupil=100&old={lost}")).text
    assert "La famille paie 5,00\u00a0€" in page
    fields = {**sealed(page, "/badges/give"), "code": HUGO_CODE, "fee": "yes"}
    for _ in range(2):
        assert (await anne.post("/badges/give", fields)).status_code == 303
    assert hub.desk.books.balance_cents(wallet_account(500)) == 10_25 - 5_00
    history = (await anne.get(f"/badges/{lost}")).text
    assert "Remplacé pour 5,00\u00a0€" in history
    assert "/wallets/500/take-back?charge=" in history
    assert "La famille paie" not in (await anne.get(f"/badges/give?pupil=100&old={lost}")).text, "it was charged already"
    assert "Badge remplacé" in (await anne.get("/wallets/500")).text


async def test_without_the_tick_or_a_fee_nothing_is_charged_and_the_badge_is_given_all_the_same(
    hub: Hub, anne: Browser, drawn: list[list[Card]]
) -> None:
    await hub.open_wallet()
    assert "La famille paie" not in (await anne.get("/badges/1000")).text
    await hub.desk.edit(77, lambda school: put_fee(school, 1, 5_00, "Badge remplacé"))
    await anne.fill("/badges/give?pupil=100&old=1000", "/badges/give", {"code": HUGO_CODE})
    assert hub.desk.books.balance_cents(wallet_account(500)) == 10_25
    badge = hub.desk.school.badges[badge_hash(KEY, HUGO_CODE)][-1].id
    await anne.fill(f"/badges/{badge}", "/badges/sheet.pdf", {"fee": "yes"})
    assert len(drawn) == 1
    assert hub.desk.books.balance_cents(wallet_account(500)) == 5_25


async def test_the_fee_is_set_with_the_site(hub: Hub, anne: Browser) -> None:
    typed = {"name": "Implantation du Parc", "floor": "-5,00", "low": "2,00", "badge_fee": "4,50"}
    assert (await anne.fill("/sites/1", "/sites/1", typed)).status_code == 303
    fee = fee_of(hub.desk.school, 1)
    assert fee is not None
    assert (fee.name, fee.price_cents) == ("Badge remplacé", 4_50)
    assert 'value="4,50"' in (await anne.get("/sites/1")).text
    assert hub.desk.school == await hub.register.read_school()
    refused = await anne.fill("/sites/1", "/sites/1", {**typed, "badge_fee": "cinq"})
    assert refused.status_code == 409
    assert 'value="cinq"' in refused.text
