"""Nonsense for every page of the office: nobody is answered with an error of ours, and every refusal is in words.

The real application on real files. Its routes are described to schemathesis as an API: for each part of a path, each question and each
field of a form, what the pages themselves have there, or anything. One who may do everything sends it, or one who may do little, or
nobody. What ever failed lies in `cases/pages.jsonl`, and is sent first.
"""

import asyncio
import contextlib
import inspect
import logging
import re
import traceback
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import hypothesis
import msgspec
import schemathesis
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from hub.accounts import EVERYWHERE, Posts, Role, WebSession
from hub.web.session import PLAIN_COOKIE, Does, new_token, token_hash
from tests.faults.result import Order, Result
from tests.hub.web.conftest import SCHOOL_ROWS, Hub, opened
from tests.hub.web.fullschool import furnish
from tests.hub.web.test_pages import routes
from tests.hub.web.test_rights import AT_THE_PARK
from tests.hub.web.walk import walked

log = logging.getLogger(__name__)

CASES = Path(__file__).parent / "cases" / "pages.jsonl"
PROMISED = 5_000
"""Cases, as the issue says."""
PER_SCHOOL = 500
"""Cases one school gets: then it starts afresh, before everything in it is ended, erased and renamed."""
MANY = 30
"""Values of a field that are kept of all that the pages have."""
WITHIN_S = 20.0
"""How long one answer may take before it is called none."""
HOST = "office.test"
WHO: Mapping[str, Posts] = {
    "bursar": EVERYWHERE,
    "canteen": frozenset({(Role.CANTEEN, 1)}),
    "door": frozenset({(Role.DOOR, 2)}),
    "nobody": frozenset(),
}
"""Who sends a case; nobody has no web session."""
MEANT = (
    *[("bursar", "right")] * 14,
    ("canteen", "right"),
    ("door", "right"),
    ("nobody", "right"),
    ("bursar", "wrong"),
    ("bursar", "foreign"),
)
"""Who sends a form, and what is wrong with it: nothing, its secret, or the site it comes from."""
GAPS = st.integers(0, 40)
"""Places of fields that are left out."""
PHASES = (hypothesis.Phase.generate,)
ANY = tuple(hypothesis.HealthCheck)
LEAST = 3
"""Cases for a route: the first one is always the smallest."""
FIELD = re.compile(r'\.(?:text|number|numbers|get|getlist|_text)\(\s*f?"([\w-]+)')
TEXTS = (
    *("", "0", "-1", "007", "9" * 19, "9223372036854775808", "1e9", "12,50", "-0,01", "yes", "30x2", "head:1", "boss:0"),
    *("2026-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "2026-W53", "9999-12", "0001-01", "25:61"),
    *("\0", "é" * 600, "'; --", "<b>", "=1+1", "../../etc/passwd", "\u202e\u0301", "٣", "true", "null"),
)
"""What was thought of."""
UPLOADS = ("photo", "file", "list", "picture")
FILES = (
    b"",
    b"\xff\xd8\xff\xe0 no picture",
    b"\x89PNG\r\n\x1a\n",
    b"%PDF-1.7",
    b"Nom;Pr\xe9nom\r\n=1+1;\xff\r\n",
    "Nom;Prénom\nDupont;Léa\n".encode(),
)


class Sent(msgspec.Struct, frozen=True):
    """One request, as it is kept: `body` in latin-1, `who` as in `WHO`."""

    who: str
    method: str
    target: str
    headers: dict[str, str] = {}
    body: str = ""


@dataclass(slots=True)
class Learnt:
    """What the pages themselves send: values by name of a field, questions by path."""

    fields: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    questions: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def values(self, name: str) -> list[str]:
        """Some of what a field may hold, always the same."""
        known = {*self.fields[name], *([AT_THE_PARK[name]] if name in AT_THE_PARK else [])}
        return sorted(known)[:MANY]


@dataclass(slots=True)
class World:
    """One school with its office; its people are signed in again where a case has signed them out or changed them."""

    hub: Hub
    tokens: dict[str, str] = field(default_factory=dict)

    async def ready(self, who: str) -> tuple[str, str]:
        """The token and the form's secret of somebody; both empty for nobody."""
        if who == "nobody":
            return "", ""
        accounts, number = self.hub.accounts, 1 + list(WHO).index(who)
        person = await accounts.staff(number)
        if person is None:
            await accounts.add_staff(number, who, who.title(), "no password", WHO[who])
        elif (person.ended_ms, person.totp, person.posts) != (0, "", WHO[who]):
            await accounts.change_staff(number, ended_ms=0, totp="")
            await accounts.set_posts(number, WHO[who])
        held = await accounts.session(token_hash(self.tokens.get(who, "")))
        if held is None or held.kiosk or not held.second_ms or held.staff != number:
            token, now_ms = new_token(self.hub.office), self.hub.now_ms
            await accounts.add_session(token_hash(token), WebSession(number, f"secret of {who}", now_ms, now_ms, now_ms, now_ms))
            self.tokens[who] = token
        return self.tokens[who], f"secret of {who}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Tally:
    """What became of the cases: how many were answered how, and what went wrong, each place once."""

    statuses: Counter[int] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)


def inject(order: Order) -> Result:
    """So many cases; what failed before comes first."""
    logging.getLogger("hub").setLevel(logging.CRITICAL)  # what breaks is told here, once each
    tally, count = Tally(), order.count or PROMISED
    with asyncio.Runner() as runner:
        explore(runner, order, count, tally)
    said = ", ".join(f"{times:,} × {status}" for status, times in sorted(tally.statuses.items()))
    injected = {"requests": sum(tally.statuses.values()), "routes": len(tally.reached)}
    return Result("pages", injected, [f"answered: {said}"], [f"{place}: {case}" for place, case in tally.wrong.items()])


def kept() -> list[Sent]:
    """Every case that ever failed."""
    return [msgspec.json.decode(line, type=Sent) for line in CASES.read_bytes().splitlines()] if CASES.exists() else []


def explore(runner: asyncio.Runner, order: Order, count: int, tally: Tally) -> None:
    """What failed once; then cases for all routes, or three each for as many as they are for. Now and then the school is a fresh one."""
    place, luck, operations = 0, Random(order.seed), list[Any]()
    each = at_once = 1
    while place == 0 or place < len(operations):
        with _school(runner, order.folder / f"school-{place}") as world:
            if place == 0:
                operations = _operations(world.hub.app, runner.run(learn(world, tally)))
                luck.shuffle(operations)
                each = max(LEAST, -(-count // len(operations)))
                at_once, operations = max(1, PER_SCHOOL // each), operations[: -(-count // each)]
                for sent in kept():
                    _judge(tally, sent, runner.run(_tried(world, sent)))
            for operation in operations[place : place + at_once]:
                _explore(runner, world, operation, (order.seed, each), tally)
        place += at_once
        order.told(f"{sum(tally.statuses.values()):,} cases: {dict(sorted(tally.statuses.items()))}")


def _explore(runner: asyncio.Runner, world: World, operation: Any, luck: tuple[int, int], tally: Tally) -> None:
    """So many cases of one route. Nothing is made smaller: a request is read as it is."""
    seed, count = luck

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, derandomize=False, phases=PHASES, suppress_health_check=ANY)
    @hypothesis.given(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE), st.sampled_from(MEANT), st.frozensets(GAPS, max_size=2)
    )
    def one(case: Case[Any], meant: tuple[str, str], gaps: frozenset[int]) -> None:
        tally.reached.add(f"{case.method} {case.path}")
        sent = runner.run(_sent(world, case, meant, gaps))
        _judge(tally, sent, runner.run(_tried(world, sent)))

    one()


def _operations(app: FastAPI, learnt: Learnt) -> list[Any]:
    described = schemathesis.openapi.from_dict(schema(app, learnt))
    return [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]


@contextlib.contextmanager
def _school(runner: asyncio.Runner, folder: Path) -> Iterator[World]:
    """A full school, from its start to its end."""
    folder.mkdir(parents=True)
    whole = _opened(folder)
    yield World(runner.run(_next(whole)))
    with contextlib.suppress(StopAsyncIteration):
        runner.run(_next(whole))


async def _next(whole: AsyncIterator[Hub]) -> Hub:
    return await anext(whole)


async def _opened(folder: Path) -> AsyncIterator[Hub]:
    async with opened(folder) as hub:
        await hub.register.write(1, SCHOOL_ROWS)
        await hub.desk.edit(2, lambda _school: SCHOOL_ROWS)
        await furnish(hub)
        yield hub


# --- what the pages themselves have ---------------------------------------------------------------


async def learn(world: World, tally: Tally) -> Learnt:
    """Follow the links of the office, and look at every form on the way."""
    learnt = Learnt()

    async def ask(target: str) -> str:
        sent = Sent("bursar", "GET", target)
        answer = await _tried(world, sent)
        _judge(tally, sent, answer)
        if isinstance(answer, str):
            return ""
        return answer.body.decode("utf-8", "replace") if answer.headers.get("content-type", "").startswith("text/html") else ""

    async for target, page in walked(ask):
        for link in (target, *(unescape(link) for link in re.findall(r'href="(/[^"]*)"', page))):
            for name, value in parse_qsl(urlsplit(link).query):
                learnt.fields[name].add(value)
                learnt.questions[urlsplit(link).path].add(name)
        for tag in re.findall(r"<(?:input|button|option|select)[^>]*>", page):
            said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            if said.get("name") and said.get("type") != "file" and said["name"] not in {"csrf", "ask_id"}:
                learnt.fields[said["name"]].add(unescape(said.get("value", "")))
        for name, options in re.findall(r'<select[^>]*name="([\w-]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
            learnt.fields[name].update(unescape(value) for value in re.findall(r'value="([^"]*)"', options))
    return learnt


def schema(app: FastAPI, learnt: Learnt) -> dict[str, Any]:
    """The office as an API (OpenAPI 3.1): every route that it has."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes(app.routes):
        for method in sorted(route.methods or ()):
            if method != "HEAD":
                paths.setdefault(route.path_format, {})[method.lower()] = _operation(route, method, learnt)
    return {"openapi": "3.1.0", "info": {"title": "office", "version": "1"}, "paths": paths}


def _operation(route: APIRoute, method: str, learnt: Learnt) -> dict[str, Any]:
    asked = {param.alias for param in route.dependant.query_params}
    asked |= {name for path, names in learnt.questions.items() if method == "GET" and route.path_regex.match(path) for name in names}
    parameters = [_parameter(param.alias, "path", learnt) for param in route.dependant.path_params]
    parameters += [_parameter(name, "query", learnt) for name in sorted(asked)]
    parameters += [_parameter("preau_language", "cookie", learnt), _parameter("HX-Request", "header", learnt)]
    operation: dict[str, Any] = {"parameters": parameters, "responses": {"200": {"description": "a page"}}}
    if method != "GET":
        operation["requestBody"] = {"required": True, "content": _bodies(route, learnt)}
    return operation


def _bodies(route: APIRoute, learnt: Learnt) -> dict[str, Any]:
    """A form: its fields are those that its room asks for, each once or twice."""
    source = inspect.getsource(inspect.getmodule(route.endpoint) or route.endpoint)
    names = sorted({*FIELD.findall(source), "was"} - {"csrf", "ask_id"})
    fields: dict[str, Any] = {name: {"type": "array", "items": _text(name, learnt), "minItems": 1, "maxItems": 2} for name in names}
    fields["ask_id"] = _text("ask_id", learnt)
    form = {"schema": {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}}
    uploads = any(isinstance(wanted.call, Does) and wanted.call.upload_bytes for wanted in route.dependant.dependencies)
    return {"multipart/form-data" if uploads else "application/x-www-form-urlencoded": form}


def _parameter(name: str, place: str, learnt: Learnt) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": _text(name, learnt)}


def _text(name: str, learnt: Learnt) -> dict[str, str]:
    """What is known under this name, or what was thought of, or any text. As a format: enums of a hundred values take long to look at."""
    wild = st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8"), max_size=300)
    known = {"ask_id": st.integers(1, 2**63 - 1).map(str), "HX-Request": st.just("true")}
    values = known[name] if name in known else st.sampled_from(learnt.values(name)) if learnt.values(name) else wild
    schemathesis.openapi.format(f"of-{name}", st.one_of(values, values, values, wild))
    return {"type": "string", "format": f"of-{name}"}


# --- one case -------------------------------------------------------------------------------------


async def _sent(world: World, case: Case[Any], meant: tuple[str, str], gaps: frozenset[int]) -> Sent:
    """The case as bytes. A form carries its web session's secret; and now and then a wrong one, or comes from another site."""
    who, seal = meant
    path = re.sub(r"{(\w+)}", lambda name: str(case.path_parameters.get(name[1], "")), case.path)
    query = urlencode([(name, str(value)) for name, value in (case.query or {}).items()])
    headers = {str(name).lower(): _header(str(value)) for name, value in dict(case.headers or {}).items()}
    headers["cookie"] = "; ".join(f"{name}={_header(str(value))}" for name, value in (case.cookies or {}).items())
    headers |= {"origin": "https://elsewhere.test"} if seal == "foreign" else {"sec-fetch-site": "same-origin"}
    body, kind = _body(case, "guess" if seal == "wrong" else (await world.ready(who))[1], gaps)
    headers |= {"content-type": kind} if kind else {}
    return Sent(who, case.method.upper(), f"{path}?{query}" if query else path, headers, body.decode("latin-1"))


def _body(case: Case[Any], secret: str, gaps: frozenset[int]) -> tuple[bytes, str]:
    """The form as a browser sends it, with a file where one is asked for."""
    if not isinstance(case.body, dict):
        return b"", ""
    whole = [(name, str(one)) for name, value in sorted(case.body.items()) for one in (value if isinstance(value, list) else [value])]
    fields = [*(one for place, one in enumerate(whole) if place not in gaps or one[0] == "ask_id"), ("csrf", secret)]
    if case.media_type != "multipart/form-data":
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    file = FILES[sum(map(len, parts)) % len(FILES)]
    parts += [f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode() + file + b"\r\n" for name in UPLOADS]
    return b"".join(parts) + b"--x--\r\n", "multipart/form-data; boundary=x"


def _header(text: str) -> str:
    return "".join(sign for sign in text if " " <= sign <= "~" and sign not in ";,")


async def _signed(world: World, sent: Sent) -> Sent:
    """With the cookie of who sends it: tokens are never kept."""
    token, _ = await world.ready(sent.who)
    cookie = "; ".join(part for part in (sent.headers.get("cookie", ""), f"{PLAIN_COOKIE}={token}" if token else "") if part)
    return msgspec.structs.replace(sent, headers={**sent.headers, "host": HOST, "cookie": cookie})


async def _tried(world: World, sent: Sent) -> Answer | str:
    """The answer, or what broke."""
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _answer(world.hub.app, await _signed(world, sent))
    except TimeoutError:
        return f"no answer in {WITHIN_S:.0f} s"
    except Exception as error:  # whatever it is, it is what was looked for
        log.warning("%s %s", sent.method, sent.target, exc_info=error)
        trace = traceback.extract_tb(error.__traceback__)
        frame = [*trace[:1], *(one for one in trace if "/hub/" in one.filename)][-1]
        return f"{error!r:.200} at {Path(frame.filename).name}:{frame.lineno}"


def _judge(tally: Tally, sent: Sent, answer: Answer | str) -> None:
    """Note what became of a case; keep it if anything is wrong with it."""
    if isinstance(answer, str):
        tally.statuses[500] += 1
        problem = answer
    else:
        tally.statuses[answer.status] += 1
        problem = _complaint(answer)
    if problem and problem not in tally.wrong:
        tally.wrong[problem] = f"{sent.who} {sent.method} {sent.target[:200]} {sent.body[:300]!r}"
        log.error("%s: %s", problem, tally.wrong[problem])
        _keep(sent)


def _complaint(answer: Answer) -> str:
    """What is wrong with an answer: an error of ours, a refusal without words, a stack trace."""
    if answer.status >= 500:
        return f"answered with {answer.status}"
    if b"Traceback" in answer.body:
        return "shows a stack trace"
    quiet = answer.headers.get("hx-refresh") or answer.headers.get("hx-redirect")
    if answer.status >= 400 and not quiet and not (answer.headers.get("content-type", "").startswith("text/html") and answer.body.strip()):
        return f"answered with {answer.status} and no words: {answer.body[:60]!r}"
    return ""


def _keep(sent: Sent) -> None:
    lines = {*(CASES.read_bytes().splitlines() if CASES.exists() else ()), msgspec.json.encode(sent)}
    CASES.write_bytes(b"".join(line + b"\n" for line in sorted(lines)))


async def _answer(app: FastAPI, sent: Sent) -> Answer:
    """Ask the application as a server would. A stream is left as soon as it has begun."""
    parts, body = urlsplit(f"http://{HOST}{sent.target}"), sent.body.encode("latin-1")
    left, given = asyncio.Event(), iter([{"type": "http.request", "body": body, "more_body": False}])
    start: dict[str, Any] = {}
    pieces: list[bytes] = []

    async def receive() -> dict[str, Any]:
        for message in given:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            if any(value.startswith(b"text/event-stream") for _, value in message["headers"]):
                left.set()
        elif not left.is_set():
            pieces.append(message.get("body", b""))

    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers.items() if value]
    path, query = parts.path.encode("ascii", "replace"), parts.query.encode("ascii", "replace")
    about = {"method": sent.method, "path": unquote(parts.path), "raw_path": path, "query_string": query, "headers": headers}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": ("127.0.0.1", 1),
    }
    scope |= {"server": (HOST, 80), **about}
    await app(scope, receive, send)
    known: Sequence[tuple[bytes, bytes]] = start["headers"]
    return Answer(start["status"], {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in known}, b"".join(pieces))
