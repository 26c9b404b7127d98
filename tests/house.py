"""The rules of the house (design.md) as small pure functions: one source file in, a list of sentences out.

`test_house.py` runs each rule over every file of the repository, and shows for each rule a text that it finds guilty.
What ruff already finds (unused code, complexity, naming case) is not repeated here.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60

PROGRAMS = ("proto", "edge", "hub")
STRANGERS = {"proto": ("edge", "hub", "tests"), "edge": ("hub", "tests"), "hub": ("edge", "tests")}
HARDWARE_AND_NETWORK = ("evdev", "serial", "gpiozero", "paho", "aiosmtplib")

KERNEL = (
    "money",
    "calendar",
    "formulas",
    "references",
    "menus",
    "timetable",
    "indexes",
    "school",
    "days",
    "payers",
    "families",
    "codes",
    "whys",
    "presence",
    "facts",
    "kept",
    "ledger",
    "sheets",
    "entrance",
    "folds",
    "books",
    "tap",
    "named",
)
"""As design.md lists it, with what reads the school (`days`, `payers`, `families`, `named`), what prices and transfers are made of
(`formulas`, `references`), and `tap`."""
RANKS = dict.fromkeys(KERNEL, 0) | {
    room: rank
    for rank, rooms in {
        1: "stays tariffs lists",
        2: "wallets matching weekdays",
        3: "dues",
        5: "corrections settlement setup promotion leaving sites expected drafting tariffversions schoolyear invoices dayproofs tillproofs",
        6: "products reports questions bank",
        7: "imports scans audit",
    }.items()
    for room in rooms.split()
}
"""How far right a room of hub/core stands. Rooms not named here are the ones in braces."""
BRACES = 4
COMPOSERS = ("hub.__main__", "hub.commands", "hub.opening", "hub.run", "hub.web.app")
"""Where the program is put together by hand: the only rooms that see pages and shells at once."""
FRAME = frozenset(
    "render session language asking rights chapters marks office passwords sheet letter live uploads table turns charts owing".split()
) | {"compiling", "kept", "refill", "remarks", "rolls", "sensitive", "app"}
"""Rooms of hub/web that are no pages: what pages stand on, and what puts them together (`app`)."""

DECIDING = (
    "proto",
    "hub.core",
    "edge.station",
    "edge.state",
    "edge.orders",
    "edge.policy",
    "edge.readers.framing",
    "edge.readers.keytables",
)
NOUNS = ("edge.events", "edge.errors")
PURE = frozenset(
    "__future__ abc base64 binascii bisect calendar collections copy dataclasses datetime enum functools hashlib heapq hmac itertools json "
    "math msgspec operator re string struct textwrap tomllib types typing unicodedata zoneinfo".split()
)
"""Libraries that take values and return values; the deciding storey imports nothing else."""

BANNED_WORDS = frozenset(
    "util utils helper helpers common misc base manager managers service services handler handlers processor processors data info".split()
)
ALLOWED_BASES = frozenset("Protocol Struct Enum StrEnum IntEnum Flag IntFlag NamedTuple TypedDict Generic Exception BaseEventLoop".split())
UNIT_NOT_LAST = re.compile(r"(^|_)(ms|us|ns)_[a-z]", re.IGNORECASE)
LAYERS = frozenset({"schemas", "services", "repositories", "controllers"})
LOGGING = frozenset({"exception", "error", "warning", "critical"})
IMPORT_TIME_CALLS = frozenset(
    "open read read_text read_bytes glob rglob iterdir exists connect getenv now utcnow today time monotonic urandom token_bytes "
    "token_hex run Popen Thread Process Lock Queue FastAPI create_engine basicConfig".split()
)

VENDORED = re.compile(r"[a-z-]+-\d+(\.\d+)*\.min\.(js|css)|[a-z]+-LICENSE\.(txt|md)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the repository: its path from the root, its text, and its tree when it is Python (else empty)."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name, e.g. `hub.core.money`; a package is named without `__init__`."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def program(self) -> str:
        return self.path.parts[0]

    @property
    def vendored(self) -> bool:
        """Kept as others published it: a library with its version, and its licence."""
        return "static" in self.path.parts and VENDORED.fullmatch(self.path.name) is not None

    def at(self, node: ast.AST, sentence: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"


def source(path: str, text: str) -> Source:
    """A file as the rules see it."""
    tree = ast.parse(text, path) if path.endswith(".py") else ast.Module([], [])
    return Source(PurePosixPath(path), text, tree)


Rule = Callable[[Source], list[str]]


# --- arrows --------------------------------------------------------------------------------------


def imports(file: Source) -> Iterator[tuple[ast.AST, str]]:
    """Everything a file imports, as dotted names; `from a import b` counts as `a.b`."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = file.path.parent.parts[: len(file.path.parent.parts) - node.level + 1] if node.level else ()
            origin = ".".join((*package, *([node.module] if node.module else [])))
            yield from ((node, f"{origin}.{alias.name}") for alias in node.names)


def within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def programs_keep_apart(file: Source) -> list[str]:
    """edge and hub import proto and never each other; proto imports neither; nobody imports the tests."""
    strangers = STRANGERS.get(file.program, ())
    return [file.at(node, f"{file.program} must not import {name}") for node, name in imports(file) if within(name, *strangers)]


def core_imports_leftwards(file: Source) -> list[str]:
    """hub/core: kernel, then tariffs -> wallets -> one room in braces -> invoices -> bank; `scans` stands above all of them."""
    if not within(file.module, "hub.core") or file.module == "hub.core":
        return []
    own = file.module.split(".")[2]
    return [file.at(node, f"hub/core/{own} must not import {name}") for node, name in imports(file) if not _leftwards(own, name)]


def _leftwards(own: str, name: str) -> bool:
    if not within(name, "hub"):
        return True
    if not within(name, "hub.core") or name == "hub.core":
        return False
    other = name.split(".")[2]
    here, there = RANKS.get(own, BRACES), RANKS.get(other, BRACES)
    return there < here or here == there == 0


def shells_know_no_page(file: Source) -> list[str]:
    """The shells (hub/*.py) never import hub.web; only where the program is put together are both seen."""
    if not within(file.module, "hub") or within(file.module, "hub.web", "hub.core", *COMPOSERS):
        return []
    return [file.at(node, f"a shell must not import {name}") for node, name in imports(file) if within(name, "hub.web")]


def pages_keep_apart(file: Source) -> list[str]:
    """hub/web/<word> imports core, desk, fleet and the frame of hub/web (render, session, …): never another page, a store or the link."""
    if not within(file.module, "hub.web") or file.module == "hub.web" or within(file.module, *COMPOSERS):
        return []
    own = file.module.split(".")[2]
    known = ("hub.core", "hub.desk", "hub.fleet", f"hub.web.{own}", *(f"hub.web.{room}" for room in FRAME if room != "app"))
    found = []
    for node, name in imports(file):
        page = within(name, "hub.web") and not within(name, *known)
        shell = own not in FRAME and within(name, "hub") and not within(name, *known)
        if page or shell or within(name, "hub.core.scans"):
            found.append(file.at(node, f"hub/web/{own} must not import {name}"))
    return found


def foreign_libraries(files: list[Source]) -> list[str]:
    """evdev, serial, gpiozero, paho and aiosmtplib are each imported in at most one module per program."""
    found = []
    for program in PROGRAMS:
        for library in HARDWARE_AND_NETWORK:
            rooms = sorted(
                {str(file.path) for file in files if file.program == program for _, name in imports(file) if within(name, library)}
            )
            if len(rooms) > 1:
                found.append(f"{program}: {library} is imported in {', '.join(rooms)}; one module owns it")
    return found


# --- the deciding storey -------------------------------------------------------------------------


def deciders_are_pure(file: Source) -> list[str]:
    """Where things are decided there is no clock, randomness, file, socket, thread or await."""
    if not within(file.module, *DECIDING):
        return []
    found = []
    for node, name in imports(file):
        if name.split(".")[0] not in PURE and not within(name, *DECIDING, *NOUNS):
            found.append(file.at(node, f"{name}: the deciding storey imports only what is pure"))
    for node in ast.walk(file.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append(file.at(node, "the deciding storey awaits nothing"))
        elif (isinstance(node, ast.Call) and _called(node) in {"open", "print", "input"}) or _reads_the_clock(node):
            found.append(file.at(node, f"`{ast.unparse(node)}`: times, files and words come in as arguments"))
    return found


def _called(node: ast.Call) -> str:
    return _last(node.func)


def _last(node: ast.AST) -> str:
    """The last word of a dotted name: `sleep` of `time.sleep`; empty for anything else."""
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _reads_the_clock(node: ast.AST) -> bool:
    """`datetime.now`, called or handed on."""
    return isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"} and _last(node.value) in {"datetime", "date"}


def money_is_whole_cents(file: Source) -> list[str]:
    """hub/core knows no float and no Decimal, not even by a literal or a division."""
    if not within(file.module, "hub.core"):
        return []
    found = []
    for node in ast.walk(file.tree):
        name = isinstance(node, ast.Name | ast.Attribute | ast.alias) and (node.name if isinstance(node, ast.alias) else _last(node))
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if name in {"float", "Decimal", "decimal"} or literal or division:
            found.append(file.at(node, f"`{ast.unparse(node)}`: money is int and ends in _cents"))
    return found


# --- times ---------------------------------------------------------------------------------------


def times_are_aware(file: Source) -> list[str]:
    """No naive datetime is ever made."""
    naive = (node for node in ast.walk(file.tree) if isinstance(node, ast.Call) and _naive(node))
    return [file.at(node, f"`{ast.unparse(node)}` has no time zone") for node in naive]


def _naive(node: ast.Call) -> bool:
    keywords = {keyword.arg for keyword in node.keywords}
    called = _called(node)
    if called == "datetime":
        return len(node.args) < 8 and "tzinfo" not in keywords
    if called in {"utcnow", "utcfromtimestamp"}:
        return True
    zoned = {"now": 1, "fromtimestamp": 2}
    on_datetime = isinstance(node.func, ast.Attribute) and _last(node.func.value) == "datetime"
    return on_datetime and called in zoned and len(node.args) < zoned[called] and "tz" not in keywords


def at_is_a_datetime(file: Source) -> list[str]:
    """A name that ends in `_at` is an aware datetime; numbers end in `_ms` or `_s`."""
    found = []
    for node in ast.walk(file.tree):
        name, annotation = "", None
        if isinstance(node, ast.arg):
            name, annotation = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            name, annotation = _last(node.target), node.annotation
        if name.endswith("_at") and annotation and {_last(part) for part in ast.walk(annotation)} & {"int", "float", "str"}:
            found.append(file.at(node, f"{name} is annotated {ast.unparse(annotation)}: `_at` is a datetime"))
    return found


def units_come_last(file: Source) -> list[str]:
    """A time that is a number ends in its unit: `waited_ms`, not `ms_waited` nor `waited_ms_max`."""
    named = ((node, str(getattr(node, key))) for node in ast.walk(file.tree) for key in ("arg", "attr", "id") if hasattr(node, key))
    return [file.at(node, f"`{name}`: the unit comes last") for node, name in named if UNIT_NOT_LAST.search(name)]


# --- sizes, names, shapes ------------------------------------------------------------------------


def functions(file: Source) -> Iterator[Function]:
    return (node for node in ast.walk(file.tree) if isinstance(node, Function))


def sizes(file: Source) -> list[str]:
    """Files up to 500 lines, functions up to 60: what one person can read at once."""
    found = []
    lines = file.text.count("\n")
    if file.path.suffix in {".py", ".html", ".css", ".js", ".sh"} and not file.vendored and lines > MAX_FILE_LINES:
        found.append(f"{file.path}:1: {lines} lines; {MAX_FILE_LINES} is the limit")
    for node in functions(file):
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        if size > MAX_FUNCTION_LINES:
            found.append(file.at(node, f"{node.name} has {size} lines; {MAX_FUNCTION_LINES} is the limit"))
    return found


def names(file: Source) -> list[str]:
    """No file, class or function is named by a word that could mean anything. Tests are sentences and may use them."""
    if file.vendored:
        return []
    found = [f"{file.path}:1: `{part}` says nothing" for part in file.path.parts if words(part.split(".")[0]) & BANNED_WORDS]
    found += [f"{file.path}:1: `{part}` is a layer: a feature is one word" for part in file.path.parts[:-1] if part in LAYERS]
    named = (node for node in ast.walk(file.tree) if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("test_"))
    return found + [file.at(node, f"`{node.name}` says nothing") for node in named if words(node.name) & BANNED_WORDS]


def words(name: str) -> set[str]:
    """The words in a snake_case, kebab-case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def inheritance(file: Source) -> list[str]:
    """Classes inherit from exceptions, protocols, enums and structs only."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            strange = [_last(base) for base in node.bases if not _may_be_inherited(_last(base))]
            found += [file.at(node, f"{node.name} inherits from {base}") for base in strange]
    return found


def _may_be_inherited(name: str) -> bool:
    return name in ALLOWED_BASES or name.endswith("Error")


def broad_excepts_speak(file: Source) -> list[str]:
    """A broad `except` raises, logs or ends the process; it never swallows."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler) and _broad(node.type) and not _speaks(node):
            found.append(file.at(node, "a broad except that swallows"))
        elif isinstance(node, ast.Call) and _called(node) == "suppress" and any(_broad(arg) for arg in node.args):
            found.append(file.at(node, "a broad suppress swallows"))
    return found


def _broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or _last(each) in {"Exception", "BaseException"} for each in kinds)


def _speaks(handler: ast.ExceptHandler) -> bool:
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    calls = {_called(node) for node in inside if isinstance(node, ast.Call)}
    return any(isinstance(node, ast.Raise) for node in inside) or bool(calls & (LOGGING | {"_exit"}))


# --- import time, docstrings ---------------------------------------------------------------------


def import_time_is_quiet(file: Source) -> list[str]:
    """Importing a module defines things and does nothing."""
    found = []
    for statement in file.tree.body:
        if not _defines(statement):
            found.append(file.at(statement, "runs when the module is imported"))
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            calls = [node for node in _evaluated(statement) if isinstance(node, ast.Call) and _called(node) in IMPORT_TIME_CALLS]
            found += [file.at(node, f"`{ast.unparse(node)}` runs when the module is imported") for node in calls]
    return found


def _defines(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"}
    if isinstance(statement, ast.Try):
        return all(_last(handler.type) == "ImportError" for handler in statement.handlers if handler.type) and not statement.orelse
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return isinstance(statement, kinds)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is evaluated with it: the body of a lambda is not."""
    yield node
    if not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _evaluated(child)


def docstrings(file: Source) -> list[str]:
    """Each module says what its room is for; each public function and each class with logic says what it does."""
    if file.program not in PROGRAMS or not file.text.strip() or file.path.suffix != ".py":
        return []
    found = [] if ast.get_docstring(file.tree) else [f"{file.path}:1: the module has no docstring"]
    for node in file.tree.body:
        wanted = (isinstance(node, Function) and "overload" not in map(_last, node.decorator_list)) or (
            isinstance(node, ast.ClassDef) and any(isinstance(each, Function) for each in node.body)
        )
        if wanted and isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            found.append(file.at(node, f"{node.name} has no docstring"))
    return found


# --- tests ---------------------------------------------------------------------------------------


def tests_wait_on_conditions(file: Source) -> list[str]:
    """No test sleeps for luck; `asyncio.sleep(0)` only lets others run."""
    if file.program != "tests":
        return []
    turns = {node.func for node in ast.walk(file.tree) if isinstance(node, ast.Call) and [ast.unparse(arg) for arg in node.args] == ["0"]}
    sleeps = (node for node in ast.walk(file.tree) if _last(node) in {"sleep", "wait_for_timeout"} and node not in turns)
    return [
        file.at(node, f"`{ast.unparse(node)}`: wait on a condition, with a deadline")
        for node in sleeps
        if not isinstance(node, ast.Subscript)
    ]


def fakes_are_programs(file: Source) -> list[str]:
    """No mocks; pytest-mock's `mocker` only at the seams of evdev, pyserial and gpiozero, in tests/edge."""
    found = [file.at(node, f"{name}: write a small real fake") for node, name in imports(file) if within(name, "unittest.mock", "mock")]
    seam = file.path.parts[:2] == ("tests", "edge")
    mocked = (node for node in ast.walk(file.tree) if _last(node) in {"MagicMock", "AsyncMock"} or (_is_mocker(node) and not seam))
    return found + [file.at(node, f"`{ast.unparse(node)}`: write a small real fake") for node in mocked]


def _is_mocker(node: ast.AST) -> bool:
    return isinstance(node, ast.arg) and node.arg == "mocker"


# --- words ---------------------------------------------------------------------------------------

# Spelt in two halves, so that this file does not break the rule it holds.
PROMISES = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
MACHINES = re.compile(r"/wor" + r"k/|/roo" + r"t/|\.lib" + r"rary|\bfar" + r"m-")
REGISTRIES = re.compile(r"\bpy" + r"pi\.org|python" + r"hosted\.|registry\.npm" + r"js|\bdeb\.deb" + r"ian\.org", re.IGNORECASE)


def nothing_is_promised(file: Source) -> list[str]:
    """What is not done stands in an issue, not in the code."""
    return [] if file.vendored else _hits(file, PROMISES)


def no_machine_is_named(file: Source) -> list[str]:
    """No file knows the machine it was written on, nor where packages come from."""
    return _hits(file, MACHINES) + _hits(file, REGISTRIES)


def _hits(file: Source, banned: re.Pattern[str]) -> list[str]:
    lines = enumerate(file.text.splitlines(), 1)
    return [f"{file.path}:{number}: `{hit.group()}`" for number, line in lines if (hit := banned.search(line))]


RULES: tuple[Rule, ...] = (
    programs_keep_apart,
    core_imports_leftwards,
    shells_know_no_page,
    pages_keep_apart,
    deciders_are_pure,
    money_is_whole_cents,
    times_are_aware,
    at_is_a_datetime,
    units_come_last,
    sizes,
    names,
    inheritance,
    broad_excepts_speak,
    import_time_is_quiet,
    docstrings,
    tests_wait_on_conditions,
    fakes_are_programs,
    nothing_is_promised,
    no_machine_is_named,
)
