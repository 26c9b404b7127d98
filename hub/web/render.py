"""Pages and their named blocks, in the visitor's language: plain Jinja2, our own catalogues and files. Knows no page."""

import asyncio
import functools
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_timedelta
from jinja2 import Environment, FileSystemLoader, MemcachedBytecodeCache, StrictUndefined
from starlette.responses import HTMLResponse

from hub.catalogues import catalogue, languages
from hub.core import calendar, epc, money
from hub.core.school import Pupil
from hub.web.chapters import Chapter, chapters
from hub.web.kept import Typed, taken
from hub.web.refill import refilled
from hub.web.rights import Right
from hub.web.session import Visit

ROOM = Path(__file__).parent
OK = 200
LOCALES = {"fr": "fr_BE", "nl": "nl_BE", "de": "de_BE", "en": "en_BE"}
"""How each language writes dates and numbers here (fr_BE, not fr: ecosystem.md, section 8)."""
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


_ISO_DAY = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b", re.ASCII)
_ENCODER = msgspec.json.Encoder(enc_hook=str, order="deterministic")


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around its own context."""

    language: str
    languages: tuple[str, ...]
    path: str
    person: str
    """Name of who is signed in; empty for a visitor."""
    has_sites: bool
    """Whether anything is set up yet."""
    csrf: str
    now_ms: int
    menu: tuple[Chapter, ...]
    paths: frozenset[str]
    """The pages of the menu that the visitor may open."""
    new_ask: Callable[[], int]
    """A fresh id for each form: sent twice, it has one effect."""
    opens: Callable[[Pupil], bool]
    """Whether the visitor may open a pupil's page: a name leads there, or is a name."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of ours, served under its content's hash: it may be cached for ever."""

    content: bytes
    media_type: str
    version: str
    packed: bytes
    """The same with gzip: nothing in it is anybody's secret."""


class Compiled:
    """Templates as code, for all languages: what differs between them is looked up when a page is written. Jinja asks it as a memcached."""

    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        """Raises KeyError for what is not compiled yet."""
        return self.codes[key]

    def set(self, key: str, value: bytes, timeout: int | None = None) -> None:  # noqa: ARG002 - a memcached has it
        """Kept for good."""
        self.codes[key] = value


class Pages:
    """All templates in all languages, and the static files."""

    def __init__(self) -> None:
        self.files = _static_files()
        self.languages = languages(ROOM / "locales")
        self.compiled = Compiled()
        self._rooms: dict[str, Environment] = {}

    def room(self, language: str) -> Environment:
        """Where its templates are. Made when somebody first reads in it: a start does not wait for words that few schools use."""
        if language not in self._rooms:
            self._rooms[language] = environment(language, catalogue(ROOM / "locales", language), self.files, self.compiled)
        return self._rooms[language]

    def text(self, language: str, template: str, values: Mapping[str, Any], block: str = "") -> str:
        """A template, or one named block of it, as HTML. A name the context does not have raises."""
        page = self.room(language).get_template(template)
        if not block:
            return page.render(values)
        return "".join(page.blocks[block](page.new_context(dict(values))))


async def page(visit: Visit, template: str, context: object, block: str = "", status: int = 200) -> HTMLResponse:
    """The answer with this page, or with one of its blocks. `context` is the page's frozen dataclass.

    A thread writes it: a long page takes some ms, and a scan that arrives in between must not wait for it.
    """
    pages: Pages = visit.request.app.state.pages
    values = {field.name: getattr(context, field.name) for field in fields(context)}  # type: ignore[arg-type]
    values["frame"] = frame = _frame(visit, pages)
    text = await asyncio.to_thread(pages.text, visit.language, template, values, block)
    typed = taken(visit) if status == OK and not block else None
    if typed:
        text = await asyncio.to_thread(_put_back, pages, frame, text, typed)
    # Pages hold children's names: no cache on the way or on a shared computer keeps them.
    return HTMLResponse(text, status, {**SECURITY, "cache-control": "no-store"})


def _put_back(pages: Pages, frame: Frame, text: str, typed: Typed) -> str:
    """What was typed in its form again; where that form is not there any more, one to send it as it was stands at the top of the page."""
    found = refilled(text, typed.action, typed.fields)
    text, place = found or (text, text.index(">", text.index("<main")) + 1)
    marks: Any = pages.room(frame.language).get_template("kept.html").module
    return f"{text[:place]}{marks.again() if found else marks.unsent(frame, typed)}{text[place:]}"


async def packed(visit: Visit, answer: HTMLResponse) -> HTMLResponse:
    """The same answer in a tenth of its size: for lists that may not be cut.

    Only for pages that repeat nothing that came with the request: else its length would tell of what is secret in it (BREACH).
    """
    if "gzip" in visit.request.headers.get("accept-encoding", ""):
        answer.body = await asyncio.to_thread(gzip.compress, bytes(answer.body), 5)
        answer.headers["content-length"] = str(len(answer.body))
        answer.headers["content-encoding"] = "gzip"
    answer.headers["vary"] = "accept-encoding"
    return answer


def environment(language: str, catalogue: NullTranslations, files: Mapping[str, StaticFile], compiled: Compiled) -> Environment:
    """Jinja2 for one language."""
    room = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=MemcachedBytecodeCache(compiled),
        optimized=False,  # nothing of one language may be reckoned beforehand for the others
        extensions=["jinja2.ext.i18n"],
    )
    room.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    locale = LOCALES[language]
    room.filters |= {
        "money": money.write_cents,
        "tenths": money.write_tenths,
        "rate": money.write_rate,
        "fours": epc.in_fours,
        "day_before": lambda day: day - timedelta(days=1),
        "clock": clock,
        "clock_of": calendar.clock_of,
        "second": lambda ms, zone: calendar.at(ms, zone).strftime("%H:%M:%S"),
        "day": day,
        "plain_day": plain_day,
        "isoday": lambda ms, zone: calendar.day_of(ms, zone).isoformat(),
        "shortday": lambda ms, zone: format_date(calendar.day_of(ms, zone), "E d", locale),
        "short_day": lambda day: format_date(day, "E dd/MM", locale),
        "month": lambda day: format_date(day, "LLLL y", locale),
        "long_day": lambda day: format_date(day, "full", locale),
        "weekday": lambda ms, zone: format_date(calendar.day_of(ms, zone), "full", locale),
        "span": lambda ms: format_timedelta(timedelta(milliseconds=ms), locale=locale, add_direction=True),
    }
    room.filters["stamp"] = stamp
    room.globals["static"] = lambda name: f"/static/{files[name].version}/{name}"
    room.globals["marks"] = room.get_template("marks.html").module
    room.globals["inputs"] = room.get_template("people.html").module
    return room


def stamp(row: object) -> str:
    """What a form carries of the row it was made from (`was`), to notice that somebody else has changed it meanwhile."""
    return hashlib.sha256(_ENCODER.encode(row)).hexdigest()[:16]


def as_shown(was: str) -> Callable[[object], bool]:
    """Whether a row is still the one that a form was made from, by its stamp."""
    return lambda row: stamp(row) == was


def words(language: str) -> NullTranslations:
    """The catalogue of a language, for what is said without a page."""
    return catalogue(ROOM / "locales", language)


def clock(ms: int, zone: ZoneInfo) -> str:
    """`16:02`, local."""
    return _minute(ms // calendar.MINUTE_MS, zone)[1]


def plain_day(text: str) -> str:
    """A text with its days as people here write them: `2018-03-05` is `05/03/2018`."""
    return _ISO_DAY.sub(r"\3/\2/\1", text)


def day(ms: int, zone: ZoneInfo) -> str:
    """`21/09/2026`, local (requirement S38)."""
    return _minute(ms // calendar.MINUTE_MS, zone)[0]


@functools.lru_cache(maxsize=4096)  # a list says the same few minutes again and again, and asks of each whether it is today
def _minute(minute: int, zone: ZoneInfo) -> tuple[str, str]:
    local = calendar.at(minute * calendar.MINUTE_MS, zone)
    return f"{local:%d/%m/%Y}", f"{local:%H:%M}"


def _frame(visit: Visit, pages: Pages) -> Frame:
    menu = chapters(visit.request.url.path, lambda entry: visit.may(entry.right, does=entry.does) or visit.may_everywhere(entry.right))
    return Frame(
        language=visit.language,
        languages=pages.languages,
        path=visit.request.url.path,
        person=visit.person.name if visit.person else "",
        has_sites=bool(visit.school.sites),
        csrf=visit.web_session.csrf if visit.web_session else "",
        now_ms=visit.office.now_ms(),
        menu=menu,
        paths=frozenset(path for chapter in menu for path in chapter.pages),
        new_ask=visit.office.new_id,
        opens=visit.at(Right.PUPILS).knows,
    )


def _static_files() -> dict[str, StaticFile]:
    found = {}
    for path in sorted((ROOM / "static").iterdir()):
        if path.suffix in {".css", ".js", ".svg"}:
            content = path.read_bytes()
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            found[path.name] = StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:12], gzip.compress(content, 9, mtime=0))
    return found
