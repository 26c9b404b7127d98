"""What must be true of a day when it is over. Pure: from the evidence to complaints; no complaint means that it holds.

Each check can fail: test_checks.py doctors the evidence and sees it complain.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from hub.core import facts as f
from hub.core.books import Books, replay
from hub.core.codes import Code, Reason
from hub.core.facts import Fact, ScanTaken, ShownBooked, derived
from hub.core.ledger import balanced, wallet_account
from hub.core.payers import payers
from hub.core.school import Scans, School
from hub.core.timetable import Attendance
from hub.core.whys import Rule
from hub.history import Booked
from proto.messages import YES, Light, Use
from tests.demo.browser import Board, wallet_name
from tests.demo.player import SentTap

AT_MOST = 5
"""Complaints of one kind that are written out; the others are counted."""
NEAR_S = 3.0
"""Real seconds between a tap and the instant its scan is booked for: less than between two taps of a child, more than a network stalls."""

Key = tuple[str, str, int]
"""Device, incarnation, record number."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Live:
    """What the pages showed just before the hub was stopped. `balances`: (pupil, wallet as the page calls it) -> cents."""

    board: Board
    balances: Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True)
class Past:
    """What the history tells, in any order."""

    scans: tuple[ScanTaken, ...]
    entries: Mapping[int, tuple[Fact, ...]]
    """By wallet."""
    stays: Mapping[int, tuple[f.StayClosed, ...]]
    """By pupil."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the checks look at."""

    sent: tuple[SentTap, ...]
    hashes: Mapping[str, str]
    """Badge as written -> its hash, for every badge that was held to a reader."""
    lit: Mapping[str, tuple[Mapping[str, str | int], ...]]
    """Device -> lines of its trace, oldest first."""
    facts: tuple[Fact, ...]
    """The journal, in order."""
    books: Books
    """As the hub itself builds them at its start."""
    paper: Collection[int]
    """Asks of what commands did while the hub was stopped."""
    school: School
    midnight_ms: int
    speed: float
    live: Live
    past: Past
    unsettled: Mapping[str, int]
    """Device -> scans left on its card."""
    statuses: Mapping[str, int]
    """Program -> exit status at the orderly end."""


Check = Callable[[Evidence], list[str]]


def every_yes_is_booked_once(seen: Evidence) -> list[str]:
    """A yes-light with a record number: exactly one scan in the journal, and it stands as a yes."""
    booked = Counter(_key(fact) for fact in _scans(seen.facts))
    lights = standing(seen.facts)
    found = []
    for key, light in _yes_lights(seen):
        if booked[key] != 1:
            found.append(f"{_named(key)} was lit {light} and is {booked[key]} times in the books")
        elif lights[key] not in YES:
            found.append(f"{_named(key)} was lit {light} and stands as {lights[key]} in the books")
    return found


def shown_lights_are_the_booked_ones(seen: Evidence) -> list[str]:
    """What a person saw for a scan is what the books hold for it."""
    lights = standing(seen.facts)
    answers = [(device, line) for device, lines in seen.lit.items() for line in lines if "n" in line]
    shown = {(device, str(line["inc"]), int(line["n"])): str(line["pattern"]) for device, line in answers}
    differ = ((key, pattern, lights[key]) for key, pattern in shown.items() if key in lights and lights[key] != pattern)
    return [f"{_named(key)}: {pattern} was shown, {light.value} is booked" for key, pattern, light in differ]


def every_scan_was_a_tap(seen: Evidence) -> list[str]:
    """Each scan in the books belongs to a tap of its own that was sent: same device, reader and badge, not before it."""
    known = taps_of_scans(seen)
    strange = (fact for fact in _scans(seen.facts) if _key(fact) not in known)
    return [f"{_named(_key(fact))} ({fact.code}) is in the books, and no tap of its own was sent" for fact in strange]


def taps_of_scans(seen: Evidence) -> dict[Key, SentTap]:
    """Which tap each scan was: of this device, reader and badge, the first one near its time that was no other scan.

    A tag that is still held when its device is back is read by the next life too: one tap, one scan in each life.
    """
    sent: defaultdict[tuple[str, str, str], list[SentTap]] = defaultdict(list)
    for tap in sorted(seen.sent, key=lambda tap: tap.sent_us):
        sent[tap.device, tap.reader, seen.hashes.get(tap.badge, "")].append(tap)
    found: dict[Key, SentTap] = {}
    lives: defaultdict[SentTap, set[str]] = defaultdict(set)
    for fact in _scans(seen.facts):
        at_s = (fact.at_ms - seen.midnight_ms) / 1000
        near = [tap for tap in sent[fact.device, fact.reader, fact.badge] if abs(tap.at_s - at_s) <= NEAR_S * seen.speed]
        free = [tap for tap in near if not lives[tap]] or [tap for tap in near if is_held(tap) and fact.inc not in lives[tap]]
        if free and _key(fact) not in found:
            lives[free[0]].add(fact.inc)
            found[_key(fact)] = free[0]
    return found


def is_held(tap: SentTap) -> bool:
    """Whether the reader repeats what it reads for as long as it is held there: an RFID reader does."""
    return tap.badge.startswith("EM:")


def every_effect_has_a_cause(seen: Evidence) -> list[str]:
    """Every other fact comes from a scan, from a command, or is what time alone brings: hours and days are over, gathered charges due."""
    scans = {fact.ask for fact in _scans(seen.facts)}
    by_time = {fact.ask for fact in seen.facts if isinstance(fact, f.DayClosed | f.ChargesPosted | f.SettlementDone | f.RollTaken)}
    by_time |= {fact.ask for fact in seen.facts if _without_scan(fact, seen.school)} | set(_charged_later(seen.facts))
    caused = scans | {derived(ask, "shown") for ask in scans} | set(seen.paper) | by_time
    return [
        f"a {type(fact).__name__} (ask {fact.ask}) comes from no scan, no command and no missing exit"
        for fact in seen.facts
        if fact.ask not in caused and not _upkeep(fact, seen.school)
    ]


def nothing_happens_twice(seen: Evidence) -> list[str]:
    """One charge a scan, one meal a day, one study session a day, and nobody is in twice."""
    scans = {fact.ask for fact in _scans(seen.facts)}
    made = [fact for fact in seen.facts if isinstance(fact, f.Charged)]
    charges = Counter(fact.ask if fact.ask in scans and not fact.stay else fact.charge for fact in made)
    served = Counter((fact.pupil, fact.site, fact.day) for fact in seen.facts if isinstance(fact, f.MealServed))
    charged = {fact.charge: fact for fact in made}
    for fact in seen.facts:
        if isinstance(fact, f.Reversed):
            charged.pop(fact.charge, None)
    sessions = Counter((one.pupil, one.item, one.day) for one in charged.values() if one.why.rule is Rule.SESSION and one.stay)
    stays = Counter(one.stay for one in charged.values() if one.stay)
    found = [f"ask or charge {number} was charged {times} times" for number, times in charges.items() if times > 1]
    found += [f"pupil {pupil} was served {times} meals on {day}" for (pupil, _, day), times in served.items() if times > 1]
    found += [f"pupil {pupil} paid {times} study sessions on {day}" for (pupil, _, day), times in sessions.items() if times > 1]
    found += [f"stay {stay} is charged {times} times" for stay, times in stays.items() if times > 1]
    return found + _stays_in_pairs(seen.facts)


def who_is_only_known_has_bought_nothing(seen: Evidence) -> list[str]:
    """A tap at a till that no order waits for says who it is, and no more: what is sold is on the cashier's form.

    At the entrance it also tells of the class morning.
    """
    known: dict[int, bool] = {}
    for fact in _scans(seen.facts):
        if fact.code is Code.SEEN:
            entered = seen.school.readers[fact.device, fact.reader].use is Use.ENTRANCE
            known |= {fact.ask: entered, derived(fact.ask, "shown"): entered}
    told = (fact for fact in seen.facts if fact.ask in known and not isinstance(fact, ScanTaken | ShownBooked | f.Unresolved))
    moved = (fact for fact in told if not (known[fact.ask] and isinstance(fact, f.EntrancePassed | f.MorningNoted)))
    return [f"a {type(fact).__name__} (ask {fact.ask}) comes from a tap that only identified" for fact in moved]


def money_sums_to_zero(seen: Evidence) -> list[str]:
    """Each booking, and all of them together."""
    booked = [fact for fact in seen.facts if hasattr(fact, "entries")]
    found = [f"{type(fact).__name__} (ask {fact.ask}) does not sum to zero" for fact in booked if not balanced(fact.entries)]
    total_cents = sum(entry.cents for fact in booked for entry in fact.entries)
    return found + ([f"all bookings together sum to {total_cents} cents"] if total_cents else [])


def replay_equals_live(seen: Evidence) -> list[str]:
    """The books made again from the journal are the hub's own, and show what the pages showed."""
    again = replay(msgspec.json.decode(msgspec.json.encode(seen.facts), type=tuple[Fact, ...]))
    found = [] if again == seen.books == replay(seen.facts) else ["the journal replayed gives other books than the hub's"]
    board = seen.live.board
    inside = Counter(stay.programme for stays in again.inside.values() for stay in stays.values())
    newest = [fact.ask for fact in reversed(tuple(_scans(seen.facts)))][: len(board.taps)]
    shown = {programme: count for programme, count in board.inside.items() if count}
    found += _differ("who is in", dict(inside), shown)
    found += _differ("the last taps", newest, list(board.taps))
    found += _differ("questions for staff", len(again.unresolved), board.questions)
    return found + _differ("balances", _balances(seen.school, again), dict(seen.live.balances))


def history_equals_journal(seen: Evidence) -> list[str]:
    """The tables that pages query hold the journal's facts, all of them and nothing else."""
    money = [fact for fact in seen.facts if isinstance(fact, Booked) for _ in _wallets_of(fact)]
    closed = _kept(seen.facts)
    entries = [fact for facts in seen.past.entries.values() for fact in facts]
    stays = [fact for facts in seen.past.stays.values() for fact in facts]
    found = _same_facts("scans", _scans(seen.facts), seen.past.scans)
    return found + _same_facts("entries of wallets", money, entries) + _same_facts("stays", closed, stays)


def nothing_waits(seen: Evidence) -> list[str]:
    """No scan is left on a card."""
    return [f"{count} scans are left on the card of {device}" for device, count in seen.unsettled.items() if count]


def all_ended_orderly(seen: Evidence) -> list[str]:
    """Every program ended by itself when it was asked to."""
    return [f"{program} ended with status {status}" for program, status in seen.statuses.items() if status]


CHECKS: tuple[tuple[str, Check], ...] = (
    ("every tap a pupil got a yes for is in the books exactly once", every_yes_is_booked_once),
    ("what was shown is what is booked", shown_lights_are_the_booked_ones),
    ("every scan in the books was a tap", every_scan_was_a_tap),
    ("everything else in the books has a cause", every_effect_has_a_cause),
    ("nothing happened twice", nothing_happens_twice),
    ("who was only identified has bought nothing", who_is_only_known_has_bought_nothing),
    ("the books sum to zero", money_sums_to_zero),
    ("replay equals live", replay_equals_live),
    ("history equals journal", history_equals_journal),
    ("no scan is left on a device", nothing_waits),
    ("every program ended orderly", all_ended_orderly),
)


def verdicts(seen: Evidence) -> list[tuple[str, list[str]]]:
    """Every check with its complaints."""
    return [(sentence, _complaints(check, seen)) for sentence, check in CHECKS]


def _complaints(check: Check, seen: Evidence) -> list[str]:
    """Books refuse facts that cannot be: then they cannot be compared either."""
    try:
        return check(seen)
    except AssertionError as refused:
        return [f"the books refuse these facts: {refused}"]


def _scans(facts: Iterable[Fact]) -> Iterable[ScanTaken]:
    return (fact for fact in facts if isinstance(fact, ScanTaken))


def _key(fact: ScanTaken | ShownBooked) -> Key:
    return fact.device, fact.inc, fact.n


def _named(key: Key) -> str:
    device, inc, n = key
    return f"scan {n} of {device} ({inc[:6]})"


def _yes_lights(seen: Evidence) -> Iterable[tuple[Key, str]]:
    for device, lines in seen.lit.items():
        for line in lines:
            if "n" in line and line["pattern"] in {light.value for light in YES}:
                yield (device, str(line["inc"]), int(line["n"])), str(line["pattern"])


def standing(facts: Iterable[Fact]) -> dict[Key, Light]:
    """The light that stands for each scan: the device's own where it answered by itself, else the hub's."""
    found: dict[Key, Light] = {}
    for fact in facts:
        if isinstance(fact, ScanTaken):
            found[_key(fact)] = Light(fact.shown) if fact.shown else fact.light
        elif isinstance(fact, ShownBooked):
            found[_key(fact)] = fact.light
    return found


def _without_scan(fact: Fact, school: School) -> bool:
    """Whether somebody comes or goes who counts as present."""
    return isinstance(fact, f.StayOpened | f.StayClosed) and school.programmes[fact.programme].attendance is Attendance.AUTO


def _charged_later(facts: Iterable[Fact]) -> Iterator[int]:
    """The asks that charge what was ordered in a pilot."""
    deferred: set[tuple[int, int, int]] = set()
    for fact in facts:
        if isinstance(fact, f.MealReserved):
            key = (fact.pupil, fact.site, fact.day)
            if key in deferred and not fact.deferred:
                yield fact.ask
            (deferred.add if fact.deferred else deferred.discard)(key)


def _upkeep(fact: Fact, school: School) -> bool:
    """What the hub does by itself when hours are over."""
    if isinstance(fact, f.StayClosed):
        return fact.reason is Reason.NO_EXIT or school.programmes[fact.programme].scans is Scans.ENTRY
    return isinstance(fact, f.Unresolved) and fact.reason is Reason.NO_EXIT


def _kept(facts: Iterable[Fact]) -> list[f.StayClosed]:
    """The stays that ended and were not voided since."""
    stays: dict[int, f.StayClosed] = {}
    for fact in facts:
        if isinstance(fact, f.StayClosed):
            stays[fact.stay] = fact
        elif isinstance(fact, f.StayVoided):
            stays.pop(fact.stay, None)
    return list(stays.values())


def _stays_in_pairs(facts: Iterable[Fact]) -> list[str]:
    """Nobody is in twice on a day, and no stay ends twice."""
    open_stays: dict[tuple[int, int, int], int] = {}
    ended: set[int] = set()
    found = []
    for fact in facts:
        if isinstance(fact, f.StayOpened):
            if (fact.pupil, fact.programme, fact.day) in open_stays:
                found.append(f"pupil {fact.pupil} came in twice")
            open_stays[fact.pupil, fact.programme, fact.day] = fact.stay
        elif isinstance(fact, f.StayClosed | f.StayVoided):
            if open_stays.get((fact.pupil, fact.programme, fact.day)) == fact.stay:
                del open_stays[fact.pupil, fact.programme, fact.day]
            elif isinstance(fact, f.StayClosed) and fact.stay in ended:
                found.append(f"pupil {fact.pupil} left twice")
            (ended.add if isinstance(fact, f.StayClosed) else ended.discard)(fact.stay)
    return found


def _wallets_of(fact: Booked) -> tuple[int, ...]:
    """On whose lists it stands: a transfer on two; on none what moves no money of a wallet."""
    wallets = (fact.source, fact.target) if isinstance(fact, f.Transferred) else (fact.wallet,)
    return tuple(wallet for wallet in wallets if any(entry.account == wallet_account(wallet) for entry in fact.entries))


def _balances(school: School, books: Books) -> dict[tuple[int, str], int]:
    """As the pupils' pages show them."""
    purses = {place: books.balance_cents(wallet_account(wallet)) for place, wallet in books.wallets.items()}
    return {
        (pupil.id, wallet_name(school.sites[site].name, "" if compartment else school.households[owner].name, compartment)): cents
        for pupil in school.pupils.values()
        for (site, owner, compartment), cents in purses.items()
        if owner in ({pupil.id} if compartment else payers(school, pupil))
    }


def _differ(what: str, replayed: object, live: object) -> list[str]:
    return [] if replayed == live else [f"{what}: the journal says {replayed}, the page said {live}"]


def _same_facts(what: str, journal: Iterable[Fact], history: Iterable[Fact]) -> list[str]:
    """Compared as sets of facts that are never equal by chance: each carries its ask."""
    ours, theirs = Counter(map(msgspec.json.encode, journal)), Counter(map(msgspec.json.encode, history))
    missing, strange = (ours - theirs).total(), (theirs - ours).total()
    return [f"{what}: {missing} of the journal are missing in the history, {strange} are only there"] if missing or strange else []
