"""A settings file (TOML) to one frozen struct; anything unknown or wrong is refused with its file, line and key.

Reading the file is the caller's; this room sees text only.
"""

import re
import tomllib
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from proto.errors import SettingsError

_ONE_LINE = r"\A[^\x00-\x1f\x7f]*\Z"
Line = Annotated[str, Meta(max_length=1_000, pattern=_ONE_LINE)]
"""A name, an address, a path: one line, without what the system refuses to look at."""
Written = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=rf"(?=.*\S){_ONE_LINE}")]
"""… that has to be there."""

S = TypeVar("S", bound=msgspec.Struct)

_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_OWN = re.compile(r"`(?P<key>\w+)`: ")
_SIGNS = re.compile(r"""#.*|"(?:[^"\\]|\\.)*"|'[^']*'|[][{}]""")


def parse(text: str, kind: type[S], name: str) -> S:
    """The settings in `text` as a `kind` (a struct with forbid_unknown_fields). `name` is the file's, for the message."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, brackets without end: tomllib lets Python's own errors out
        raise SettingsError(f"{name}: not TOML: {error}") from error
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(text, name, str(error))) from error


def _explain(text: str, name: str, reason: str) -> str:
    """The sentence for a person: where, which key, what to do."""
    found = _PATH.search(reason)
    path = found["path"].lstrip(".") if found else ""
    what = _PATH.sub("", reason)
    unknown, missing = _UNKNOWN.search(reason), _MISSING.search(reason)
    if unknown:
        path = f"{path}.{unknown['key']}".lstrip(".")
        what = f"unknown key `{path}`: remove it or correct its spelling"
    elif missing:
        what = f"key `{missing['key']}` is missing in {f'`{path}`' if path else 'the file'}: add it"
    else:
        own = _OWN.match(what)  # what a struct says of one of its keys by itself
        path, what = (f"{path}.{own['key']}", what[own.end() :]) if own else (path, what)
        what = f"key `{path}`: {what}"
    return f"{name}:{line_of(text, path)}: {what}"


def line_of(text: str, path: str) -> int:
    """The line (from 1) of a key path such as `readers[1].kind`; of its table when the key is not written there."""
    keys = re.findall(r"([^.\[\]]+)(?:\[(\d+)\])?", path)
    lines = text.splitlines()
    at = 0
    for depth, (key, index) in enumerate(keys):
        table = _table_line(lines, key, int(index or 0), at)
        if table is None:
            written = _key_line(lines, [name for name, _ in keys[depth:]], at)
            return (at if written is None else _element_line(lines, written, int(index or 0))) + 1
        at = table
    return at + 1


def _table_line(lines: list[str], key: str, index: int, at: int) -> int | None:
    header = re.compile(rf"\s*\[+\s*(?:[\w.-]+\.)?{re.escape(key)}\s*\]+\s*(?:#.*)?")
    hits = [number for number in range(at, len(lines)) if header.fullmatch(lines[number])]
    return hits[index] if index < len(hits) else None


def _key_line(lines: list[str], keys: list[str], at: int) -> int | None:
    """Where a key is written: whole and dotted (`broker.port = 1`), or the line its outer table is written in."""
    for size in range(len(keys), 0, -1):
        written = re.compile(rf"\s*[\"']?{re.escape('.'.join(keys[:size]))}[\"']?\s*[.=]")
        found = next((number for number in range(at, len(lines)) if written.match(lines[number])), None)
        if found is not None:
            return found
    return None


def _element_line(lines: list[str], at: int, index: int) -> int:
    """Where element `index` of the array begins that is written from line `at` on, as `[{ … }, { … }]`; `at` for what is no array."""
    _, _, first = lines[at].partition("=")
    depth = found = 0
    for number, line in enumerate([first, *lines[at + 1 :]], at):
        for sign in _SIGNS.findall(line):
            if depth == 1 and sign == "{":
                if found == index:
                    return number
                found += 1
            depth += (sign in "[{") - (sign in "]}")
        if depth == 0:
            break
    return at
