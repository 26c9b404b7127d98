"""Two people edit the same thing: every form that shows what is there carries a stamp of it, and a stale one overwrites nothing.

The forms are those that a walk through the office meets: a new one is tested by being there.
"""

import re
from dataclasses import dataclass, field
from html import unescape

import pytest

from tests.hub.web.conftest import Browser, Hub
from tests.hub.web.fullschool import furnish
from tests.hub.web.test_pages import routes
from tests.hub.web.walk import walked

BEGUN = {
    "/setup/site": "a new site, with what most choose",
    "/setup/service": "a new service, with what most choose",
    "/devices/new": "a new device",
    "/devices/{device}/readers": "a new reader",
    "/pupils/{pupil}/payers": "a new line: the old ones are ended, each with its stamp",
    "/imports": "a file, looked at before anything is done",
    "/badges/sheet.pdf": "paper",
    "/account/language": "one's own",
}
"""Forms that show values which are nobody's row, and what they begin."""
DONE = {"/promotion": {"do": ["yes"]}, "/wallets/{wallet}/{act}": {"step": ["do"]}}
"""Forms that show first what they lead to, and the word with which they do it."""
MORE = ("/diets/1?pupil=100", "/calendar", "/tariffs/20", "/pupils/100/merge?q=hugo", "/setup")
"""Pages beside those a walk finds by itself."""
TYPED = "Zzyzx"
STALE = "0" * 16


@dataclass
class Form:
    """A form of a page. `shown`: what its visible fields hold, as name and value, `words` those that take text.

    `button`: what Enter presses.
    """

    page: str
    action: str
    route: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    shown: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    button: tuple[str, str] | None = None
    has_file: bool = False


TAG = re.compile(r'<(/?)(\w+)((?:[^>"]|"[^"]*")*)>([^<]*)')


def read_forms(page: str, html: str) -> list[Form]:
    """The forms of a page that change something, as a browser sends them."""
    found: list[Form] = []
    form: Form | None = None
    choice = ""
    for closes, tag, rest, text in TAG.findall(html):
        said = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', rest)}
        flags = set(re.sub(r'[\w-]+="[^"]*"', "", rest).split())
        if tag == "form":
            form = Form(page, said["action"]) if not closes and said.get("method") == "post" else None
            found += [form] if form else []
        elif form is None or closes or "disabled" in flags:
            continue
        elif tag == "select":
            choice = said.get("name", "")
        elif tag == "option" and "selected" in flags:
            form.shown.append((choice, said.get("value", "")))
        elif tag == "textarea":
            form.words.append(said["name"])
            form.shown += [(said["name"], unescape(text))] if text.strip() else []
        elif tag == "input":
            _input(form, said, flags)
        elif tag == "button" and form.button is None:
            form.button = (said.get("name", ""), said.get("value", ""))
    return found


def _input(form: Form, said: dict[str, str], flags: set[str]) -> None:
    name, kind, value = said.get("name", ""), said.get("type", "text"), said.get("value", "")
    match kind:
        case "hidden":
            form.hidden[name] = value
        case "checkbox" | "radio":
            form.shown += [(name, said.get("value", "on"))] if "checked" in flags else []
        case "file":
            form.has_file = True
        case "password":
            pass
        case _ if name:
            form.shown += [(name, value)] if value else []
            form.words += [name] if kind == "text" and "inputmode" not in said else []


async def forms(hub: Hub, anne: Browser) -> list[Form]:
    """All that a walk through the furnished office meets, one of each route, those that show most first."""

    async def ask(target: str) -> str:
        answer = await anne.get(target)
        return answer.text if "html" in answer.headers.get("content-type", "") else ""

    known = [route for route in routes(hub.app.routes) if "POST" in (route.methods or ())]
    met: dict[str, Form] = {}
    async for page, html in walked(ask, *MORE):
        for form in read_forms(page, html):
            form.route = next(route.path for route in known if route.path_regex.match(form.action.partition("?")[0]))
            if form.route not in met or len(met[form.route].shown) < len(form.shown):
                met[form.route] = form
    return sorted(met.values(), key=lambda form: form.route)


def unstamped(met: list[Form]) -> list[str]:
    """Forms that show what is there, and would not notice that it is there no more."""
    editing = [form for form in met if form.shown and form.route not in BEGUN]
    return [f"{form.page}: {form.route}" for form in editing if "was" not in form.hidden]


@pytest.fixture
async def furnished(hub: Hub, anne: Browser) -> Browser:
    await furnish(hub)
    return anne


async def test_every_form_that_shows_what_is_there_notices_when_it_is_no_longer_so(hub: Hub, furnished: Browser) -> None:
    met = await forms(hub, furnished)
    assert len(met) > 50
    assert not unstamped(met)
    assert {form.route for form in met if form.shown} >= set(BEGUN), "an exception that is none any more"
    checked = [form for form in met if form.hidden.get("was") and not form.has_file]
    assert len(checked) > 12
    wrong: list[str] = []
    for form in checked:
        before = hub.desk.school
        fields: dict[str, list[str]] = {}
        for name, value in (*form.hidden.items(), *form.shown, form.button or ("", "")):
            fields.setdefault(name, []).append(value)
        fields |= {name: [TYPED] for name in form.words[:1]} | DONE.get(form.route, {})
        answer = await furnished.post(form.action, {**fields, "was": STALE})
        if answer.status_code != 409:
            wrong.append(f"{form.page}: {form.route} answers a stale form with {answer.status_code}")
        elif form.words and TYPED not in answer.text:
            wrong.append(f"{form.page}: {form.route} loses what was typed")
        if hub.desk.school is not before:
            wrong.append(f"{form.page}: {form.route} has overwritten something")
    assert not wrong, "\n".join(wrong)


def test_a_form_is_read_as_a_browser_sends_it() -> None:
    (form,) = read_forms(
        "/x",
        '<form method="get" action="/s"><input name="q" value="a"></form>'
        '<form method="post" action="/e"><input type="hidden" name="was" value="1"><input name="name" value="Lé&amp;a">'
        '<input name="none">'
        '<input type="checkbox" name="day" value="0" checked><input type="checkbox" name="day" value="1"><select name="kind">'
        '<option value="a">A</option><option value="b" selected>B</option></select><textarea name="note">Oui</textarea></form>',
    )
    assert (form.action, form.hidden) == ("/e", {"was": "1"})
    assert form.shown == [("name", "Lé&a"), ("day", "0"), ("kind", "b"), ("note", "Oui")]
    assert form.words == ["name", "none", "note"]
    assert not unstamped([form])
    del form.hidden["was"]
    assert unstamped([form]) == ["/x: "]
