"""What a page offers its reader can be opened: no link and no form of any page answers that this person may not, or that nothing is there.

A walk by the links of each role, and of people with one role here and another there.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.accounts import Posts, Role
from hub.core.school import Site
from tests.hub.web.conftest import ZONE, Browser, Hub, opened
from tests.hub.web.fullschool import furnish
from tests.hub.web.test_edits import read_forms
from tests.hub.web.walk import links_of, walked

CLOSED = {403, 404}
ENDS = {"/sign-out", "/account/everywhere", "/language"}
"""Forms of every page, and the one that would end the walk."""
READERS: dict[str, Posts] = {
    **{f"a {role.value}": frozenset({(role, 1)}) for role in Role if role is not Role.BURSAR},
    "a door-keeper here, head there": frozenset({(Role.DOOR, 1), (Role.HEAD, 2)}),
    "a head here, bursar there": frozenset({(Role.HEAD, 1), (Role.BURSAR, 2)}),
    "a reader here, cook there": frozenset({(Role.READER, 1), (Role.CANTEEN, 2)}),
}


@pytest.mark.parametrize("who", READERS)
async def test_nothing_is_offered_that_is_refused(hub: Hub, visitor: Browser, who: str) -> None:
    await furnish(hub)
    await visitor.sign_in_as("paul", READERS[who])
    pages, answers = await walk(visitor)
    assert len(answers) > 30
    wrong = closed_links(pages, answers)
    forms = {form.action: form for page, html in pages for form in read_forms(page, html)}
    for action, form in forms.items():
        if form.button and action not in ENDS:
            answer = await visitor.post(action, {**form.hidden, "ask_id": "0"})
            # A form without a number in its address has its site in a choice, which is not sent here.
            is_closed = answer.status_code in (CLOSED if re.search(r"\d", action) else {403})
            wrong += [f"{form.page}: the form {action}: {answer.status_code}"] if is_closed else []
    assert not wrong, "\n".join(wrong)


async def test_where_nothing_is_set_up_yet_nobody_is_sent_to_a_page_of_others(tmp_path: Path) -> None:
    async with opened(tmp_path / "new") as hub:
        await hub.desk.edit(1, lambda _school: (Site(1, "Implantation du Parc", ZONE),))
        wrong = []
        for role in Role:
            visitor = Browser(hub)
            async with visitor.http:
                await visitor.sign_in_as(role.value, frozenset({(role, 1)}))
                pages, answers = await walk(visitor)
                wrong += [f"a {role.value} on {link}" for link in closed_links(pages, answers)]
        assert not wrong, "\n".join(wrong)


async def walk(visitor: Browser) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """All pages that the links lead to, by address; and how each address answered."""
    answers: dict[str, int] = {}

    async def ask(target: str) -> str:
        answer = await visitor.get(target)
        answers[target] = answer.status_code
        is_page = answer.status_code == 200 and "html" in answer.headers.get("content-type", "")
        return answer.text if is_page else ""

    return [page async for page in walked(ask)], answers


def closed_links(pages: list[tuple[str, str]], answers: Mapping[str, int]) -> list[str]:
    """Links of pages that answered that this person may not."""
    offered = {link: page for page, html in pages for link in links_of(html)}
    return [f"{page}: the link {link}: {answers[link]}" for link, page in offered.items() if answers.get(link) in CLOSED]
