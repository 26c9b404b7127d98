"""The amounts in the hub's books and on its pages, against those that were reckoned apart from it. Pure: from evidence to complaints."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from hub.core import facts as f
from hub.core.calendar import day_coded, day_of, instant_ms
from hub.core.codes import Justification
from hub.core.ledger import wallet_account
from hub.core.money import write_cents
from hub.core.payers import payers
from hub.core.school import School
from proto.messages import YES, Light
from tests.demo.browser import COMPARTMENTS, wallet_name
from tests.demo.checks import Evidence, standing
from tests.demo.dayplan import DOOR, MEALS
from tests.demo.fortnight import Act, Fortnight
from tests.demo.pace import ZONE
from tests.demo.reckoning import Event, Reckoning

Name = TypeVar("Name", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Amounts:
    """Cents by wallet, by (child, what for), and by wallet as the pages of its pupils show it. `mornings` as in reckoning.py."""

    wallets: Mapping[str, int]
    charged: Mapping[tuple[str, str], int]
    shown: Mapping[str, int]
    mornings: Mapping[tuple[str, str], str] = field(default_factory=dict)


def compared(weeks: Fortnight, done: tuple[Act, ...], seen: Evidence) -> list[str]:
    """Every difference between what was reckoned and what the hub has, in words."""
    return list(differences(Reckoning(weeks).reckon(events(weeks, done, seen.facts, seen.hashes)), amounts(seen)))


def differences(reckoned: Reckoning, booked: Amounts) -> Iterator[str]:
    """By wallet, by child and what for, by wallet as a page shows it."""
    yield from _differ("wallet", reckoned.wallets, booked.wallets)
    yield from _differ("charges", reckoned.charged, booked.charged)
    yield from _differ("page", {name: reckoned.wallets[name] for name in booked.shown}, booked.shown)
    for child, day in sorted(reckoned.mornings.keys() | booked.mornings.keys()):
        ours, theirs = (each.mornings.get((child, day), "in time") for each in (reckoned, booked))
        if ours != theirs:
            yield f"the morning of {child} on {day}: reckoned {ours}, noted {theirs}"


def events(weeks: Fortnight, done: Iterable[Act], facts: Sequence[f.Fact], hashes: Mapping[str, str]) -> Iterator[Event]:
    """What the reckoning starts from: the scans that were answered with a yes, those that staff added since, and what the office did.

    `hashes`: badge as written -> its hash.
    """
    names = {hashes[child.badge]: child.name for child in weeks.everyone if child.badge in hashes}
    lights = standing(facts)
    for fact in facts:
        if not isinstance(fact, f.ScanTaken):
            continue
        reader = f"{fact.device}/{fact.reader}"
        # "Look" is a yes at a till only: a meal without an order. At a door it asks staff what the tap may mean.
        if lights[fact.device, fact.inc, fact.n] in (YES if reader == MEALS else {Light.ACCEPTED}):
            day = day_of(fact.at_ms, ZONE)
            yield day, fact.at_ms - instant_ms(day, 0, ZONE), reader, names[fact.badge]
    corrected: list[Event] = []
    for act in done:
        match act.words:
            case ("day", "add", name, _, text, hours, *_):
                corrected.append((date.fromisoformat(text), clock_ms(hours), DOOR, name))
            case ("day", "undo", *_):
                corrected.pop()
            case _:
                yield act.day, act.at_s * 1000, "", act
    yield from corrected


def clock_ms(text: str) -> int:
    """`17:42` in ms after midnight."""
    hour, minute = text.split(":")
    return (int(hour) * 60 + int(minute)) * 60_000


def amounts(seen: Evidence) -> Amounts:
    """As the hub has them."""
    school, books = seen.school, seen.books
    wallets = {
        _wallet(school, one.site, one.pupil or one.household, one.compartment): books.balance_cents(wallet_account(one.id))
        for one in books.owners.values()
    }
    charges = {fact.charge: fact for fact in seen.facts if isinstance(fact, f.Charged)}
    charged: Counter[tuple[str, str]] = Counter()
    for fact in seen.facts:
        if isinstance(fact, f.Charged | f.Reversed):
            charge = charges[fact.charge]
            charged[_child(school, charge.pupil), _item(school, charge.item)] += fact.cents if isinstance(fact, f.Charged) else -fact.cents
    return Amounts(wallets, charged, dict(_shown(seen)), dict(_mornings(seen)))


def _mornings(seen: Evidence) -> Iterator[tuple[tuple[str, str], str]]:
    entrance = seen.books.entrance
    for day, mornings in entrance.mornings.items():
        for pupil, morning in mornings.items():
            justified = " justified" if entrance.said_of(pupil, day).state is Justification.JUSTIFIED else ""
            if morning.counts:
                word = "missing" if morning.missed else f"{morning.late_min} minutes"
                yield (_child(seen.school, pupil), day_coded(day).isoformat()), word + justified


def _shown(seen: Evidence) -> Iterator[tuple[str, int]]:
    school = seen.school
    for (pupil, name), cents in seen.live.balances.items():
        for site in school.sites.values():
            homes = payers(school, school.pupils[pupil])
            own = [(home, "") for home in homes if name == wallet_name(site.name, school.households[home].name, "")]
            own += [(pupil, compartment) for compartment in COMPARTMENTS if name == wallet_name(site.name, "", compartment)]
            yield from ((_wallet(school, site.id, owner, compartment), cents) for owner, compartment in own)


def _wallet(school: School, site: int, owner: int, compartment: str) -> str:
    """As `preau-hub wallet list` names it."""
    pupil = school.pupils.get(owner)
    name = f"{pupil.last_name} {pupil.first_name}" if pupil else school.households[owner].name
    return f"{school.sites[site].name}/{name}{f' ({compartment})' if compartment else ''}"


def _child(school: School, pupil: int) -> str:
    return f"{school.pupils[pupil].first_name} {school.pupils[pupil].last_name}"


def _item(school: School, item: int) -> str:
    return (school.programmes.get(item) or school.products[item]).name


def _differ(what: str, reckoned: Mapping[Name, int], booked: Mapping[Name, int]) -> Iterator[str]:
    for name in sorted(reckoned.keys() | booked.keys()):
        ours, theirs = reckoned.get(name, 0), booked.get(name, 0)
        if ours != theirs:
            told = name if isinstance(name, str) else ", ".join(name)
            yield f"{what} {told}: reckoned {write_cents(ours)}, booked {write_cents(theirs)}"
