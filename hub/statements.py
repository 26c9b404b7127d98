"""`preau-hub statement`: the periodic statement of a household or of one wallet, in the family's language, and as a list (CSV).

It reads the journal in pieces and keeps only what concerns these wallets; what is a line, and of which day, is said in
core/statements.py. A household has one statement for each of its wallets, and of a pupil's wallet the part that it pays.
"""

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hub.catalogues import WORDS, catalogue
from hub.core.facts import Fact, Refusal
from hub.core.kept import Wallet
from hub.core.money import bare, write_cents
from hub.core.named import item_name, owner_name, pupil_name
from hub.core.people import LANGUAGES, language_of
from hub.core.references import printed, read_reference
from hub.core.school import School
from hub.core.statements import MOST_MONTHS, Kind, Line, Period, Statement, Whose, concerning, period_of, statement
from hub.core.timetable import LegalClass
from hub.errors import RefusedError
from hub.meant import day_written, households_called, several, wallet_called
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.journal import Journal
    from hub.memory import Memory

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would work out."""


class Words(Struct, frozen=True):
    """What is said of every line, in the family's language."""

    kinds: dict[Kind, str]
    legal: dict[LegalClass, str]
    credit: str
    counted: str
    number: str
    instead: str
    header: tuple[str, ...]
    states: tuple[str, str, str]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `preau-hub statement` understands."""
    parser.add_argument("whose", help="a household's name, or a wallet's structured communication such as 097/0000/00101")
    parser.add_argument("--from", dest="since", required=True, help="the first month, 01/2025")
    parser.add_argument("--to", dest="until", required=True, help=f"the last month, included: {MOST_MONTHS} at most")
    parser.add_argument("--language", choices=LANGUAGES, help="in this one instead of the family's own")
    parser.add_argument("--csv", type=Path, help="write the lines to this file as well")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the statement of a household or a wallet for one to four months; with --csv, write it as a list too."""
    from hub.memory import memory

    period = period_of(month(options.since), month(options.until))
    if isinstance(period, Refusal):
        raise RefusedError(f"{options.since} to {options.until}: a statement covers 1 to {MOST_MONTHS} months")
    async with memory(Path(settings.hub.data)) as stores:
        found = await statements(stores, options.whose, period)
        school = stores.desk.school
    spoken = [options.language or _spoken(school, wallet) or settings.web.language for wallet, _ in found]
    if options.csv:
        save(options.csv, listed(found, school, spoken[0]))
    for (wallet, each), language in zip(found, spoken, strict=True):
        print("\n".join(text(each, wallet, school, language)))
    return 0


def _spoken(school: School, wallet: Wallet) -> str:
    """The language of the family whose wallet it is; empty where nobody said it."""
    pupil = school.pupils.get(wallet.pupil)
    return language_of(school, pupil.household if pupil else wallet.household)


def month(written: str) -> date:
    """The first day of `01/2025`. Raises RefusedError."""
    number, _, year = written.partition("/")
    try:
        return day_written(f"{year}-{number:0>2}-01")
    except RefusedError as error:
        raise RefusedError(f"`{written}` is no month: write it as 01/2025") from error


# --- what is told ---------------------------------------------------------------------------------


async def statements(stores: "Memory", whose: str, period: Period) -> list[tuple[Wallet, Statement]]:
    """By wallet, what was asked for by name or communication. Raises RefusedError when nobody has it."""
    school, owners = stores.desk.school, stores.desk.books.owners
    household, wallets = _meant(stores, whose)
    facts = await facts_of(stores.journal, wallets)
    asked = ((wallet, Whose(wallet.id, household)) for wallet in wallets)
    found = [(wallet, statement(school, owners, facts, of, period)) for wallet, of in asked]
    return [one for one in found if len(found) == 1 or _says_something(one[1])] or found[:1]


def _meant(stores: "Memory", whose: str) -> tuple[int, list[Wallet]]:
    """The payer (0: any) and the wallets."""
    school, books = stores.desk.school, stores.desk.books
    if read_reference(whose) is not None:
        return 0, [wallet_called(books, whose)]
    homes = households_called(school, whose)
    if len(homes) > 1:
        raise RefusedError(several(whose, homes))
    household = homes[0].id if homes else 0
    children = {number for child in school.kin.get(household, ()) for number in school.ids_of(child)}
    homes_of = school.homes_of(household)
    wallets = [one for one in books.owners.values() if household and (one.household in homes_of or one.pupil in children)]
    if not wallets:
        raise RefusedError(f"`{whose}` is no household with a wallet, and no structured communication")
    return household, sorted(wallets, key=lambda one: one.reference)


async def facts_of(journal: "Journal", wallets: Sequence[Wallet]) -> list[Fact]:
    """What the journal has of these wallets, and of the meals they paid for, which say of which day a charge is."""
    known = {wallet.id for wallet in wallets}
    return [fact async for commit in journal.read() for fact in concerning(commit.facts, known)]


def _says_something(one: Statement) -> bool:
    return bool(one.lines or one.late or one.provisional or one.pilot or one.opening_cents)


# --- in words -------------------------------------------------------------------------------------


def text(one: Statement, wallet: Wallet, school: School, language: str) -> Iterator[str]:
    """A statement as lines to read: balances, every line, totals by legal class, and apart what is in no sum; how to pay."""
    _, words = catalogue(WORDS, language).gettext, words_of(language)
    first, last = (f"{day:%d/%m/%Y}" for day in one.period)
    yield _("Statement from %(first)s to %(last)s") % {"first": first, "last": last}
    place = {"reference": printed(wallet.reference), "site": school.sites[wallet.site].name, "owner": owner_name(school, wallet)}
    yield _("Wallet %(reference)s, %(site)s: %(owner)s") % place
    yield from _section(_("Booked in this period for earlier days; already included in the balance below:"), one.late, school, words)
    yield _("Balance on the morning of %(day)s: %(amount)s") % {"day": first, "amount": write_cents(one.opening_cents)}
    yield from (_in_words(line, school, words, write_cents(line.cents)) for line in one.lines)
    yield _("Balance on the evening of %(day)s: %(amount)s") % {"day": last, "amount": write_cents(one.closing_cents)}
    for legal, cents in sorted(one.totals.items()):
        yield _("Total %(legal)s: %(amount)s") % {"legal": words.legal[legal], "amount": write_cents(cents)}
    yield from _section(_("Provisional, not taken from the balance yet:"), one.provisional, school, words)
    trial = _("would have cost %(amount)s")
    yield from _section(_("Trial, never taken from the balance:"), one.pilot, school, words, trial)
    yield _("To top it up, make a transfer with the structured communication %(reference)s.") % place
    yield _("If paying is difficult at the moment, talk to us: we will find a solution together.")


def _section(title: str, lines: Sequence[Line], school: School, words: Words, price: str = "%(amount)s") -> Iterator[str]:
    """Lines apart, if there are any; what a trial would have cost is written as a price."""
    if lines:
        yield title
    for line in lines:
        cents = line.cents if price == "%(amount)s" else -line.cents
        yield _in_words(line, school, words, price % {"amount": write_cents(cents)})


def _in_words(line: Line, school: School, words: Words, amount: str) -> str:
    """`06/01/2025  Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  -2,25 €  n° 5`."""
    what = words.kinds[line.kind]
    if line.charge:
        what = f"{_child(school, line)}, {_object(school, line)} ({words.legal[line.legal or LegalClass.OPTIONAL]})"
        what += words.counted % {"minutes": line.minutes, "units": line.units} if line.minutes else ""
    if line.kind is Kind.CREDIT:
        what = words.credit % {"what": what}
    numbers = [words.number % {"charge": line.charge}] if line.charge else []
    numbers += [words.instead % {"charge": line.corrects}] if line.corrects and line.corrects != line.charge else []
    return "  ".join((f"{line.day:%d/%m/%Y}", what, amount, *numbers))


def words_of(language: str) -> Words:
    """The words of a language."""
    _ = catalogue(WORDS, language).gettext
    return Words(
        kinds={
            Kind.CHARGE: _("charge"),
            Kind.CREDIT: _("cancelled"),
            Kind.BROUGHT: _("opening balance"),
            Kind.TOP_UP: _("top-up"),
            Kind.REFUND: _("refund"),
            Kind.PAYOUT: _("balance paid out"),
            Kind.CASH: _("paid in cash"),
            Kind.CASH_BACK: _("cash given back"),
            Kind.TRANSFER: _("transfer between wallets"),
        },
        legal={
            LegalClass.MANDATORY: _("mandatory"),
            LegalClass.OPTIONAL: _("optional"),
            LegalClass.OUTSIDE_HOURS: _("outside school hours"),
        },
        credit=_("cancelled: %(what)s"),
        counted=_(", %(minutes)s min, units: %(units)s"),
        number=_("no. %(charge)s"),
        instead=_("instead of no. %(charge)s"),
        header=(
            _("wallet"),
            _("state"),
            _("day"),
            _("kind"),
            _("child"),
            _("item"),
            _("legal category"),
            _("minutes"),
            _("units"),
            _("amount"),
            _("charge number"),
            _("instead of"),
        ),
        states=(_("final"), _("provisional"), _("would have cost")),
    )


def _child(school: School, line: Line) -> str:
    return pupil_name(school, line.pupil) if line.pupil else ""


def _object(school: School, line: Line) -> str:
    return item_name(school, line.item) if line.item else ""


# --- as a list ------------------------------------------------------------------------------------


def listed(found: Sequence[tuple[Wallet, Statement]], school: School, language: str) -> str:
    """The lines as CSV for spreadsheets: `;`, decimal commas, no cell that is taken for a formula, no number too long to be kept."""
    words, rows = words_of(language), io.StringIO()
    table = csv.writer(rows, delimiter=";", lineterminator="\r\n")
    table.writerow(words.header)
    for wallet, one in found:
        for state, lines in zip(words.states, (one.lines, one.provisional, one.pilot), strict=True):
            table.writerows(_row(wallet, state, line, school, words) for line in lines)
    return rows.getvalue()


def _row(wallet: Wallet, state: str, line: Line, school: School, words: Words) -> list[str]:
    legal = words.legal[line.legal] if line.legal else ""
    what = [words.kinds[line.kind], _child(school, line), _object(school, line), legal]
    numbers = [str(number) if number else "" for number in (line.minutes, line.units)]
    charges = [line.charge, line.corrects if line.corrects != line.charge else 0]
    amount = bare(write_cents(line.cents))
    named = [words.number % {"charge": charge} if charge else "" for charge in charges]
    return [printed(wallet.reference).strip("+"), state, f"{line.day:%d/%m/%Y}", *map(_defused, what), *numbers, amount, *named]


def _defused(cell: str) -> str:
    """A name that begins like a formula is text, not a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def save(path: Path, content: str) -> None:
    """Write a list with the mark that tells spreadsheets it is UTF-8. Raises RefusedError when it cannot be written."""
    try:
        path.write_text(content, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise RefusedError(f"{path}: cannot be written: {error.strerror}") from error
