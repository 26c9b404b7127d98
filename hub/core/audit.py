"""The audit of a journal: what its facts prove, what is wrong with them, and what they name that nobody knows any more.

It trusts no book: each proof (moneyproofs.py, tillproofs.py, dayproofs.py) reckons from the facts alone, and only then looks at what
the books say. One pass, in the order of the journal; reads no file, changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, get_args

from msgspec import Struct

from hub.core.books import Books
from hub.core.dayproofs import Mornings, Questions, Scans, Sheets, Stays
from hub.core.facts import Fact, Resolved, Unresolved
from hub.core.moneyproofs import Charges, Entries, Holds, Moves, Sees, Wallets, differ
from hub.core.school import School
from hub.core.tillproofs import CashDesks, Meals

AT_MOST = 10
"""Complaints of one proof, and unknown ids of one kind, that are written out; the others are counted."""
KINDS: tuple[type, ...] = get_args(Fact)
Look = Callable[[Any], Iterable[str]]


class Proof(Protocol):
    """One thing that is proved of a `topic`. `advice`: what to do where it does not hold."""

    topic: str
    advice: str

    @property
    def sees(self) -> Sees:
        """Which kinds of facts it looks at."""

    def end(self, books: Books) -> Iterable[str]:
        """What the books, made of all facts, have otherwise."""

    def sentence(self) -> str:
        """What was proved, with numbers; true where nobody complained."""


class Verdict(Struct, frozen=True):
    """What came of one proof. `complaints`: the first ones; `more` were counted only."""

    topic: str
    sentence: str
    complaints: tuple[str, ...]
    more: int
    advice: str


class Report(Struct, frozen=True):
    """What came of an audit. `notes`: what is worth knowing, and wrong with nothing."""

    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything was proved."""
        return not any(verdict.complaints for verdict in self.verdicts)


class Audit:
    """Takes the facts in the order of the journal. `books` are made of them on the way, as a start of the hub makes them."""

    def __init__(self) -> None:
        self.books = Books()
        self.number = 0
        self._stopped = False
        self._named = _Named()
        self.proofs = [(proof, Complaints()) for proof in _proofs()]
        self._seen: dict[type, list[tuple[Look, Complaints]]] = {kind: [] for kind in KINDS}
        for proof, complaints in self.proofs:
            for kind, look in proof.sees.items():
                self._seen[kind].append((look, complaints))

    def take(self, fact: Fact) -> None:
        """One more fact. Never fails, whatever it says."""
        self.number += 1
        for look, complaints in self._seen[type(fact)]:
            for sentence in look(fact):
                complaints.add(f"fact {self.number} (ask {fact.ask}): {sentence}")
        self._named.take(fact)
        if not self._stopped:
            self._book(fact)

    def _book(self, fact: Fact) -> None:
        """Books that cannot take a fact stay as they were before it."""
        try:
            self.books.apply(fact)
        except (AssertionError, LookupError) as error:
            self._stopped = True
            self.proofs[0][1].add(f"fact {self.number} (ask {fact.ask}): the books cannot take it: {type(error).__name__}: {error}")

    def report(self, school: School, books: Books | None = None) -> Report:
        """What came of it all. `books`: others to hold the facts against, such as live ones."""
        for proof, complaints in self.proofs:
            for sentence in proof.end(books or self.books) if books or not self._stopped else ():
                complaints.add(sentence)
        verdicts = (Verdict(proof.topic, proof.sentence(), tuple(all_.first), all_.more, proof.advice) for proof, all_ in self.proofs)
        return Report(tuple(verdicts), tuple(self._named.notes(school)))


def audit(facts: Iterable[Fact], school: School, books: Books | None = None) -> Report:
    """The same for facts at hand."""
    found = Audit()
    for fact in facts:
        found.take(fact)
    return found.report(school, books)


def _proofs() -> tuple[Proof, ...]:
    """In the order in which they look at a fact: entries first, for others ask what is on a wallet."""
    entries = Entries()
    wallets = Wallets(entries)
    charges = Charges(wallets)
    others = (
        Holds(wallets, charges),
        CashDesks(wallets, charges),
        Meals(charges),
        Stays(charges),
        Sheets(),
        Mornings(),
        Scans(),
        Questions(),
    )
    return (Asks(), entries, wallets, Moves(entries, wallets), charges, *others)


class Complaints(Struct):
    """The first ones; the others are counted, so that a wrong journal needs no more room than a right one."""

    first: list[str] = []
    more: int = 0

    def add(self, sentence: str) -> None:
        if len(self.first) < AT_MOST:
            self.first.append(sentence)
        else:
            self.more += 1


class Asks:
    """Facts are asked for by asks, and all facts of one stand together: so that none is done twice."""

    topic = "facts"
    advice = "If the books cannot take a fact, the hub does not start: restore the last backup; the devices send their scans again."

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        """Ask -> number of its first fact."""
        self._number = 0
        self._last = 0

    @property
    def sees(self) -> Sees:
        return dict.fromkeys(KINDS, self._asked)

    def _asked(self, fact: Fact) -> Iterable[str]:
        self._number += 1
        ask = fact.ask
        if ask == self._last:
            return ()
        self._last = ask
        first = self._first.setdefault(ask, self._number)
        return () if first == self._number else (f"this ask was done before, by fact {first}",)

    def end(self, books: Books) -> Iterator[str]:
        if books.number != self._number:
            yield f"the journal has {self._number} facts, the books are made of {books.number}"
        yield from differ("ask", self._first, books.asks)

    def sentence(self) -> str:
        return f"{self._number} facts of {len(self._first)} asks, none done twice; the books take them all"


class _Named:
    """Which ids the facts name. People may have been erased since: their facts stay, and say nothing of them but a number."""

    def __init__(self) -> None:
        self._ids: dict[str, set[int]] = {what: {0} for what in sorted(set(_NAMES.values()))}
        self._adders = {kind: [(name, self._ids[_NAMES[name]].add) for name in _named_by(kind)] for kind in KINDS}

    def take(self, fact: Fact) -> None:
        for name, add in self._adders[type(fact)]:
            add(getattr(fact, name))

    def notes(self, school: School) -> Iterator[str]:
        known: dict[str, AbstractSet[int]] = {
            "pupils": school.pupils.keys(),
            "households": school.households.keys(),
            "sites": school.sites.keys(),
            "programmes or products": school.programmes.keys() | school.products.keys(),
        }
        for what, ids in self._ids.items():
            unknown = sorted(ids - known[what] - {0})
            if unknown:
                named = ", ".join(map(str, unknown[:AT_MOST])) + (", …" if len(unknown) > AT_MOST else "")
                yield f"{len(unknown)} of the {what} in the facts are not in the register, erased or never there: {named}"


def _named_by(kind: type) -> list[str]:
    """The fields of a kind of fact that are ids of what is set up; the `item` of a question is the question's own."""
    own = {"item"} if kind in {Unresolved, Resolved} else set()
    return [name for name in kind.__struct_fields__ if name in _NAMES and name not in own]  # type: ignore[attr-defined]


_NAMES = {
    "pupil": "pupils",
    "to_pupil": "pupils",
    "household": "households",
    "payer": "households",
    "site": "sites",
    "programme": "programmes or products",
    "product": "programmes or products",
    "item": "programmes or products",
}
"""Field of a fact -> what it is the id of."""
