"""Imports at the office: a file read whatever programme wrote it, what it would do told in words, and done at a word. It decides nothing.

What a list means and does is decided in core/lists.py and core/imports.py. Reading ends in a table or in one ImportRefusedError with a
sentence; carrying out is all or nothing: one edit of the register, or one ask for the books.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hub.addresses import read_address
from hub.core.facts import Refusal
from hub.core.imports import WANTED, Kind, plan
from hub.core.lists import Column, Complaint, Line, Readout, Table, Wrong, columns_known
from hub.core.plans import Act, Plan, Stamp
from hub.core.school import Rows, School
from hub.core.wallets import open_balances
from hub.desk import Answer, Desk
from hub.errors import ImportRefusedError

Columns = tuple[Column, ...]
"""What a list may have."""
MAX_BYTES = 8 * 1024 * 1024
"""Of a file: a commune's pupils with all that its programme knows of them are a tenth of it."""
MAX_LINES = 20_000
"""Of a list; a commune has some thousand pupils."""
SHOWN = 8
"""Of what is new and of what changes, in a preview; what is wrong is told whole."""

_DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab"}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark begins the same
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_OLD = (("cp1252", "Windows-1252", 0), ("iso8859-15", "ISO-8859-15", 0), ("cp850", "MS-DOS 850", 2), ("mac_roman", "Mac Roman", 2))
"""One byte a letter: what Western Europe wrote before UTF-8, and how much less likely each is."""
_USUAL = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŸŒŠŽ€’«»°²§ºª\u00a0")
_BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
"""How workbooks (.xlsx, .ods, .xls) and PDFs begin."""
_SAVE = "save it as text in UTF-8, a list as CSV"


# --- reading --------------------------------------------------------------------------------------


def read_file(path: Path, wanted: Columns) -> Readout:
    """A file of any size, whoever wrote it. Raises ImportRefusedError."""
    return read(_content(path), str(path), wanted)


def read_text(path: Path) -> str:
    """The text of a file that is no list, or a list for `read`. Raises ImportRefusedError."""
    text, _ = _decoded(_content(path), str(path))
    return text


def _content(path: Path) -> bytes:
    """A file's bytes; of one that is too large, enough to see that."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImportRefusedError(f"{path}: cannot be read: {error.strerror}") from error


def read(content: bytes, name: str, wanted: Columns) -> Readout:
    """The table in the bytes of a file. Raises ImportRefusedError with one sentence that names the file, and the line if there is one."""
    text, encoding = _decoded(content, name)
    delimiter = _delimiter(text, wanted)
    first, *rest = records(text, name, delimiter)
    if len(rest) > MAX_LINES:
        raise ImportRefusedError(f"{name}: {len(rest)} lines; at most {MAX_LINES} at once: split the list", "file_too_long")
    return Readout(Table(first, tuple(rest)), encoding, _DELIMITERS[delimiter])


def _decoded(content: bytes, name: str) -> tuple[str, str]:
    """The text of a file and the encoding it was in. Raises ImportRefusedError for what is no text."""
    if len(content) > MAX_BYTES:
        raise ImportRefusedError(f"{name}: more than {MAX_BYTES >> 20} MB: split the list", "file_too_large")
    if content.startswith(_BOOKS):
        raise ImportRefusedError(f"{name}: a workbook or PDF, not a list: save the sheet as CSV (UTF-8)", "file_is_workbook")
    text, encoding = _encoded(content, name)
    if "\0" in text:
        raise ImportRefusedError(f"{name}: holds zero bytes, so it is no text: {_SAVE}", "file_is_no_text")
    return text, encoding


def _encoded(content: bytes, name: str) -> tuple[str, str]:
    """As its mark says, else UTF-8 if it can be, else the likeliest of the old encodings."""
    for mark, codec, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(codec), encoding
            except UnicodeDecodeError as error:
                told = f"{name}: begins as {encoding}, but byte {error.start} is none: {_SAVE}"
                raise ImportRefusedError(told, "file_is_no_text") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _old(content, name)
    return text, "UTF-8 with a mark" if content.startswith(codecs.BOM_UTF8) else "UTF-8"


def _old(content: bytes, name: str) -> tuple[str, str]:
    """The reading with the fewest odd signs. Where every third sign beyond ASCII is odd, no reading is to be trusted."""
    readings: list[tuple[int, int, str, str]] = []
    for place, (codec, encoding, unlikely) in enumerate(_OLD):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        odd = _odd(text)
        if 3 * odd <= sum(byte > 0x7F for byte in content):
            readings.append((odd + unlikely, place, text, encoding))
    if not readings:
        raise ImportRefusedError(f"{name}: its encoding cannot be told: {_SAVE}", "file_is_no_text")
    _, _, text, encoding = min(readings)
    return text, encoding


def _odd(text: str) -> int:
    """How many signs no list of names and amounts holds: seldom ones, and a capital or a dash in the middle of a word."""
    beyond = [place for place, sign in enumerate(text) if not sign.isascii()]
    return sum(text[place] not in _USUAL or (text[place].isupper() and text[place - 1 : place].islower()) for place in beyond)


def _delimiter(text: str, wanted: Columns) -> str:
    """What separates the cells: with it the header has the most columns that are known, and then the most columns."""

    def known(delimiter: str) -> tuple[int, int]:
        try:
            header = next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        return columns_known(header, wanted), len(header)

    return max(_DELIMITERS, key=known)


def records(text: str, name: str, delimiter: str) -> list[Line]:
    """The records with any text, each with the number of the line it begins on; the first is the header. Raises ImportRefusedError."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[Line] = []
    begin = 1
    try:
        for record in table:
            if any(cell.strip() for cell in record):
                found.append(Line(begin, tuple(record)))
            begin = table.line_num + 1
    except csv.Error as error:
        raise ImportRefusedError(f"{name}:{begin}: cannot be read as a list: {error}", "file_is_no_list") from error
    if found and found[0].cells[0].strip().lower() == "sep=":  # so that Excel takes the separator it is told
        del found[0]
    if not found:
        raise ImportRefusedError(f"{name}: is empty", "file_is_empty")
    return found


class Lists:
    """Implements `hub.web.office.Lists`: the same for pages, which are told by codes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def read(self, content: bytes, kind: Kind) -> Readout | Refusal:
        """A list, or why the file is none."""
        try:
            return read(content, "", WANTED[kind])
        except ImportRefusedError as error:
            return Refusal(error.code)

    async def carry_out(self, planned: Plan, kind: Kind, table: Table, stamp: Stamp) -> Answer:
        """Do what was planned, all or nothing."""
        return await carry_out(planned, kind, table, self._desk, stamp)

    def is_address(self, text: str) -> bool:
        """Whether a letter could be sent there."""
        return is_address(text)


# --- telling --------------------------------------------------------------------------------------

WORDS: dict[Wrong, str] = {
    Wrong.MISSING_COLUMN: "column `{value}` is missing{instead}",
    Wrong.COLUMN_TWICE: "columns `{other}` and `{head}` mean the same: keep one",
    Wrong.TOO_MANY_CELLS: "{value} cells, but {other} columns: put text that holds the separator in quotes",
    Wrong.MISSING: "needs a `{value}`",
    Wrong.INVISIBLE: "{head}: `{value}` holds a sign that cannot be seen: type it again",
    Wrong.TOO_LONG: "{head}: `{value}` is longer than {other} letters: shorten it, or close its quotes",
    Wrong.NATIONAL: "{head}: looks like a national register number, which Préau never stores: remove it",
    Wrong.NO_DAY: "{head}: `{value}` is no day a child was born on: write it as 31/12/2015",
    Wrong.NO_NAME: "{head}: `{value}` is no name: it has no letter",
    Wrong.NO_AMOUNT: "{head}: `{value}` is not an amount: write it as 12,50",
    Wrong.NO_BADGE: "{head}: `{value}` is neither a badge code (its check letter would fit) nor EM: and ten hex digits",
    Wrong.NO_SITE: "{head}: `{value}` is not known: the sites are {other}",
    Wrong.NO_EMAIL: "{head}: `{value}` is no mail address",
    Wrong.NO_LANGUAGE: "{head}: `{value}` is none of fr, nl, de, en",
    Wrong.BADGE_TAKEN: "{head}: `{value}` is the badge of {other}: give another one, or take that one back first",
    Wrong.BADGE_TWICE: "{head}: `{value}` is on line {other} too: one badge, one pupil",
    Wrong.SAME_PERSON: "{head}: `{value}` is the same person as on line {other}: keep one",
    Wrong.SEVERAL_PEOPLE: "{head}: several are called `{value}`: add the birth date, the household or the key",
    Wrong.SEVERAL_HOUSEHOLDS: "{head}: there are several households `{value}`: add the address or the household key",
    Wrong.HOUSEHOLD_DIFFERS: "{head}: `{value}` has another name, key or address than on line {other}: make them the same",
    Wrong.KEY_OF_OTHER: "{head}: `{value}` is the key of {other}: put the key right, or the name and birth date",
    Wrong.UNKNOWN: "{head}: `{value}` is not known: import the pupils first",
    Wrong.ALREADY_OPENED: "{head}: {other} has brought a balance along before: remove the line, and correct the balance at the office",
    Wrong.NO_DATE: "{head}: `{value}` is no day: write it as 31/12/2025",
    Wrong.NO_WEEKDAYS: "{head}: `{value}` names no days for sure: write them in full, or as 1 (Monday) to 7",
    Wrong.NO_PROGRAMME: "{head}: `{value}` is not known: the programmes are {other}",
    Wrong.ENDS_BEFORE: "{head}: `{value}` is before the first day, {other}: correct one of them",
    Wrong.OVERLAPS: "{head}: holds on days of {other} too: let one of them end earlier, or keep one",
    Wrong.BALANCE_TWICE: "{head}: a second balance for the wallet of line {other}: keep one",
}
"""What is wrong and what to do about it."""


def sentence(complaint: Complaint, name: str, wanted: Columns) -> str:
    """A complaint as a person is told it: file, line, column, value, what to do."""
    instead = f", or `{'`, `'.join(complaint.other.split())}`" if complaint.other else ""
    instead += f"; line {complaint.line} has to name the columns, and they may be: {', '.join(wanted)}"
    words = WORDS[complaint.wrong]
    told = words.format(head=complaint.head or "line", value=complaint.value, other=complaint.other, instead=instead)
    return f"{name}:{complaint.line}: {told}"


def preview(found: Readout, planned: Plan, name: str) -> Iterator[str]:
    """What a list would do, line by line: how it was read, what is left out, what is new, what changes from what to what."""
    listed = planned.listed
    yield f"{name}: {len(found.table.lines)} lines, {found.encoding}, separated by {found.delimiter}s"
    if listed.dropped:
        yield f"dropped, for Préau never stores a national register number: {', '.join(listed.dropped)}"
    if listed.unknown:
        yield f"left out, for it is not known what they say: {', '.join(listed.unknown)}"
    for new, heading in ((True, "new"), (False, "changed")):
        acts = [act for act in planned.acts if act.new is new]
        for thing, count in Counter(act.thing for act in acts).items():
            yield f"{heading}: {count} × {thing}"
            few = [act for act in acts if act.thing is thing]
            yield from (f"  line {act.line}: {act.name}{_details(act)}" for act in few[:SHOWN])
            if count > SHOWN:
                yield f"  … and {count - SHOWN} more"
    for thing, count in planned.unchanged.items():
        if count:
            yield f"unchanged: {count} × {thing}"
    yield from (f"line {line}: this badge is {state} since: it stays so" for line, state in planned.left)


def _details(act: Act) -> str:
    """`: group 3A, born 2015-03-31` of what is new, `: group 3A -> 4A` of what changes."""
    told = [f"{each.name} {each.after}" if act.new else f"{each.name} {each.before or '–'} -> {each.after}" for each in act.changes]
    return f": {', '.join(told)}" if told else ""


# --- doing ----------------------------------------------------------------------------------------


def refuse(complaints: tuple[Complaint, ...], name: str, wanted: Columns) -> None:
    """Raise ImportRefusedError with every bad line, if there is one."""
    if complaints:
        raise ImportRefusedError("\n".join(sentence(each, name, wanted) for each in complaints))


def is_address(text: str) -> bool:
    """Whether a letter could be sent there."""
    return read_address(text) is not None


async def carry_out(planned: Plan, kind: Kind, table: Table, desk: Desk, stamp: Stamp) -> Answer:
    """Do what was planned, all or nothing. Rows are decided again on the school of that moment: what was done meanwhile is not undone.

    Balances go by the ask of their list, which was made of it: interrupted and called again, they are booked once.
    """
    if planned.ask:
        return await desk.do(planned.ask, open_balances, planned.ask, dict(planned.balances), stamp.at_ms, stamp.who)

    def rows(school: School) -> Rows | Refusal:
        made = plan(kind, table, school, desk.books, stamp)
        return Refusal("school_has_changed") if made.complaints else made.rows

    return await desk.edit_aside(stamp.seed, rows) if planned.rows else Answer()
