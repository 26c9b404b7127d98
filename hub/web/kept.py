"""What was typed in a form that could not be taken: its web session has ended, or a second factor or the PIN has to be shown first.

It goes along with the sign-in in that page alone, and comes back to its page for the person whose form it was, and nobody else: once, and
within a quarter of an hour. Nothing is sent by itself. It keeps its id, so that what was done all the same is not done twice. Passwords,
PINs, codes and files never go along. Where in the page it is put back, `refill.py` knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import HTTPException, Request

from hub.web.session import Form, Visit, anyone, is_seal_of, new_token, own_path, way_back
from hub.web.uploads import read_fields

KEEP_MS = 15 * 60_000
"""How long it waits, at the sign-in and behind it."""
MOST_KEPT = 200
"""Forms that wait at once; each is of somebody who is signed in, and has 64 kB at most."""
NEVER = frozenset({"password", "again", "current", "pin", "code", "recovery", "secret"})
"""Fields that are typed anew: passwords, PINs, codes of a second factor or of a badge."""
PREFIX = "kept."
"""Before the name of a field that goes along with a sign-in."""
ACTION = "kept_action"
LEAVES = "/sign-out"
"""The one form that asks for nothing that is still wanted behind a sign-in."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was sent: to which path, and its fields, with the seal of its web session and its id."""

    action: str
    fields: Mapping[str, list[str]]


class Kept:
    """Forms on their way back to their pages, in memory alone. One per application."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, int, Typed]] = {}

    def put(self, token: str, staff: int, typed: Typed, now_ms: int) -> None:
        """Keep a form of this person; the oldest goes where there are too many."""
        self._forget(now_ms)
        while len(self._waiting) >= MOST_KEPT:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[token] = (staff, now_ms, typed)

    def take(self, token: str, staff: int, now_ms: int) -> Typed | None:
        """It, once, if it is this person's."""
        self._forget(now_ms)
        if token not in self._waiting or self._waiting[token][0] != staff:
            return None
        return self._waiting.pop(token)[2]

    def _forget(self, now_ms: int) -> None:
        self._waiting = {token: one for token, one in self._waiting.items() if now_ms - one[1] <= KEEP_MS}


async def typed_in(request: Request) -> Typed | None:
    """What a request that was refused has typed; None where it is no form of staff, or one with files."""
    if request.method != "POST" or request.url.path == LEAVES or request.headers.get("hx-request") == "true":
        return None
    try:
        fields = request.state.fields if hasattr(request.state, "fields") else await read_fields(request)
    except HTTPException:  # too large, or no form at all
        return None
    known = {name: list(texts) for name, texts in fields.items() if name not in NEVER}
    return Typed(request.url.path, known) if "." in _seal(known) else None


def carried(form: Form) -> Typed | None:
    """What goes along with a sign-in."""
    fields = {name.removeprefix(PREFIX): texts for name, texts in form.fields.items() if name.startswith(PREFIX)}
    known = {name: texts for name, texts in fields.items() if name not in NEVER}
    return Typed(own_path(form.text(ACTION)), known) if known else None


def keep(visit: Visit, staff: int, back: str, typed: Typed | None) -> str:
    """The way to the page of a form that waits there for this person. Somebody else's is forgotten: the way leads to the first page."""
    if typed is None:
        return back
    if not is_seal_of(visit.office, staff, _seal(typed.fields)):
        return "/"
    token = new_token(visit.office)
    visit.request.app.state.kept.put(token, staff, typed, visit.office.wall_ms())
    at = urlsplit(back)
    asked = [(name, text) for name, text in parse_qsl(at.query, keep_blank_values=True) if name != "kept"]
    return f"{at.path}?{urlencode([*asked, ('kept', token)])}"


async def way_on(request: Request) -> str:
    """The page to go back to when something has been asked for first; with what was typed there, of the person who asks."""
    visit, back = await anyone(request), way_back(request)
    person, typed = visit.person or visit.awaited, await typed_in(request)
    mine = person is not None and typed is not None and is_seal_of(visit.office, person.id, _seal(typed.fields))
    return keep(visit, person.id, back, typed) if person and mine else back


def taken(visit: Visit) -> Typed | None:
    """What waits for this very page and person; from now on it waits no more."""
    token = visit.request.query_params.get("kept", "")
    if not token or visit.person is None or visit.request.method != "GET":
        return None
    found: Typed | None = visit.request.app.state.kept.take(token, visit.person.id, visit.office.wall_ms())
    return found


def _seal(fields: Mapping[str, list[str]]) -> str:
    return fields.get("csrf", [""])[0]
