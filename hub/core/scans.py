"""From a scan of the wire to facts: who it is, whether it was done before, which slice decides, what is lit.

The one room above the slices. A scan always yields facts, a refused one too, so that numbers never stall (design.md, The desk).
"""

from msgspec import Struct
from msgspec.structs import replace

from hub.core import attendance, canteen, mornings
from hub.core.badges import badge_at
from hub.core.books import Books
from hub.core.codes import Code, Reason
from hub.core.facts import Facts, HoleDeclared, ScanTaken, ShownBooked, Unresolved, derived, scan_ask
from hub.core.givenback import given_back
from hub.core.school import Badge, BadgeState, ProductKind, School
from hub.core.tap import Outcome, Tap
from hub.core.wallets import charge_id, standing
from proto.messages import YES, Hole, Light, Scan, Use

_ACTIVE, _NONE = BadgeState.ACTIVE, Reason.NONE
"""Members of an enum are looked up slowly, and these are for every tap."""
AGAIN_MS = 60_000
"""Within this time of a scan from the device's earlier life: it may have died between commit and light (reliability.md, 2.3)."""

LIGHTS: dict[Code, Light] = {
    Code.IN: Light.ACCEPTED,
    Code.OUT: Light.ACCEPTED,
    Code.ALREADY_IN: Light.ACCEPTED,
    Code.ALREADY_OUT: Light.ACCEPTED,
    Code.SEEN: Light.ACCEPTED,
    Code.MEAL: Light.ACCEPTED,
    Code.NO_ENTRY: Light.LOOK,
    Code.MEAL_AGAIN: Light.LOOK,
    Code.WALK_UP: Light.LOOK,
    Code.AGAIN: Light.LOOK,
    Code.CLOSED: Light.LOOK,
    Code.LATE_ORDER: Light.LOOK,
    Code.UNCERTAIN: Light.LOOK,
    Code.UNKNOWN: Light.ADULT,
    Code.BLOCKED: Light.ADULT,
    Code.NO_READER: Light.ADULT,
}
"""What the pupil sees. At a till it is the same whatever the balance: money is never shown (requirements C3, C4)."""

FOR_STAFF = frozenset({Code.NO_ENTRY, Code.CLOSED, Code.LATE_ORDER, Code.UNCERTAIN, Code.UNKNOWN, Code.BLOCKED, Code.NO_READER})
"""Codes that leave a question for staff."""

NO_DOOR = frozenset({Code.UNCERTAIN, Code.CLOSED})
"""Yes-lights that open no door: nobody is sure whose badge it is, or it is not the hour. AGAIN does open: the device died before it
could, and the child stands outside."""


class Arrived(Struct, frozen=True):
    """A scan as it came in: whose, what, and when it really happened, give or take `err_ms`."""

    device: str
    scan: Scan
    at_ms: int
    err_ms: int
    taken_ms: int

    @property
    def ask(self) -> int:
        return scan_ask(self.device, self.scan.inc, self.scan.n)


def take(school: School, books: Books, arrived: Arrived) -> Facts:
    """Decide a scan for the first time."""
    ask, (badge, trouble) = arrived.ask, identify(school, arrived)
    outcome = _outcome(school, books, arrived, badge, trouble)
    light = LIGHTS[outcome.code]
    scan, shown = arrived.scan, arrived.scan.shown
    reader = school.readers.get((arrived.device, scan.reader))
    taken = ScanTaken(
        ask=ask,
        device=arrived.device,
        inc=scan.inc,
        n=scan.n,
        reader=scan.reader,
        badge=scan.badge,
        pupil=badge.pupil if badge else 0,
        at_ms=arrived.at_ms,
        err_ms=arrived.err_ms,
        code=outcome.code,
        light=light,
        shown=shown.light if shown else "",
        door=bool(reader and reader.door_ms and scan.nonce and not shown and light in YES and outcome.code not in NO_DOOR),
        taken_ms=arrived.taken_ms,
    )
    difference = _difference(trouble, light, scan)
    return (taken, *outcome.facts, *_questions(school, arrived, ask, outcome.code, difference, taken.pupil))


def book_shown(school: School, books: Books, arrived: Arrived) -> Facts:
    """For a scan decided before: what the device lit in the meantime wins (design.md, The device)."""
    scan = arrived.scan
    assert scan.shown is not None, "only a shown scan is booked again"
    ask = derived(arrived.ask, "shown")
    booked = ShownBooked(ask, arrived.device, scan.inc, scan.n, scan.shown.light)
    decided = books.decided.get(arrived.device, {}).get((scan.inc, scan.n))
    lit = scan.shown.light in YES
    if decided is None:
        return (booked, *_questions(school, arrived, ask, Code.UNCERTAIN, Reason.OFFLINE if lit else Reason.NOT_LIT, 0))
    if lit and decided.light not in YES:
        return (booked, *_served_after_all(school, books, arrived, ask, decided))
    if not lit and decided.light in YES:
        return (booked, *_taken_back(school, books, arrived, ask, decided))
    return (booked,)


def declare_hole(_school: School, _books: Books, device: str, hole: Hole, ask: int) -> Facts:
    """The device cannot read these records any more: nothing waits behind them."""
    return (HoleDeclared(ask, device, hole.inc, hole.n, hole.to_n),)


def identify(school: School, arrived: Arrived) -> tuple[Badge | None, Code | None]:
    """Whose badge this was at its own time, and what is wrong with it, if anything."""
    badge_hash, at_ms, err_ms = arrived.scan.badge, arrived.at_ms, arrived.err_ms
    then = badge_at(school, badge_hash, at_ms)
    if (arrived.device, arrived.scan.reader) not in school.readers:
        return then, Code.NO_READER
    if badge_at(school, badge_hash, at_ms - err_ms) is not then or badge_at(school, badge_hash, at_ms + err_ms) is not then:
        return then, Code.UNCERTAIN
    if then is None or then.pupil not in school.pupils:
        return None, Code.UNKNOWN
    return then, None if then.state is _ACTIVE else Code.BLOCKED


def _outcome(school: School, books: Books, arrived: Arrived, badge: Badge | None, trouble: Code | None) -> Outcome:
    """The first rule that speaks: a device that died, a badge that is not good, else the slice.

    Two records of one life are two taps: the device has merged what was one, by a clock that needs no correction.
    """
    scan = arrived.scan
    last = books.taps.get((arrived.device, scan.reader, scan.badge))
    if last is not None and last.inc != scan.inc and abs(arrived.at_ms - last.at_ms) < AGAIN_MS:
        return Outcome(Code.AGAIN)
    if trouble is not None and not (trouble is Code.BLOCKED and scan.shown is not None and scan.shown.light in YES):
        return Outcome(trouble)
    assert badge is not None, "a badge without trouble is known"
    return _dispatch(school, books, _tap(school, arrived, badge.pupil))


def _tap(school: School, arrived: Arrived, pupil: int) -> Tap:
    reader = school.readers[arrived.device, arrived.scan.reader]
    site = school.sites[school.devices[arrived.device].site]
    shown = arrived.scan.shown
    unlit = shown is not None and shown.light not in YES
    return Tap(arrived.ask, school.pupils[pupil], reader, site, arrived.at_ms, arrived.taken_ms, unlit)


def _dispatch(school: School, books: Books, tap: Tap) -> Outcome:
    """The slice that this reader's use belongs to."""
    match tap.reader.use:
        case Use.CARE | Use.STUDY:
            outcome = attendance.take(school, books, tap)
            came = mornings.seen_elsewhere(school, books, tap)
            return replace(outcome, facts=(*outcome.facts, *came)) if came else outcome
        case Use.TILL:
            product = school.products.get(tap.reader.product)
            handed_out = product is not None and (product.kind is ProductKind.MEAL or canteen.is_ordered(books, tap, product))
            return canteen.take(school, books, tap, product) if product and handed_out else Outcome(Code.SEEN)
        case Use.ENTRANCE:
            return mornings.take(school, books, tap)
        case Use.KIOSK:
            return Outcome(Code.SEEN)


def _difference(trouble: Code | None, light: Light, scan: Scan) -> Reason:
    """How what was lit differs from what the hub says."""
    if scan.shown is None:
        return _NONE
    lit = scan.shown.light in YES
    if lit and (light not in YES or trouble is not None):
        return Reason.OFFLINE
    return Reason.NOT_LIT if not lit and light in YES else Reason.NONE


def _questions(school: School, arrived: Arrived, ask: int, code: Code, reason: Reason, pupil: int) -> Facts:
    """What staff have to settle about this scan; at most one question."""
    if code not in FOR_STAFF and reason is _NONE:
        return ()
    device = school.devices.get(arrived.device)
    site = device.site if device else 0
    why = Reason.NO_ENTRY if code is Code.NO_ENTRY else reason
    return (Unresolved(ask, derived(ask, "question"), arrived.ask, pupil, site, code, why, arrived.at_ms),)


def _served_after_all(school: School, books: Books, arrived: Arrived, ask: int, decided: ScanTaken) -> Facts:
    """A no that was lit as a yes: it has happened, so it is booked, with its reason.

    For whoever it was decided for: by a clock put right since, the badge may have been nobody's yet.
    """
    badge = badge_at(school, arrived.scan.badge, arrived.at_ms)
    pupil = decided.pupil or (badge.pupil if badge else 0)
    known = pupil in school.pupils and (arrived.device, arrived.scan.reader) in school.readers
    outcome = _dispatch(school, books, replace(_tap(school, arrived, pupil), ask=ask)) if known else Outcome(decided.code)
    return (*outcome.facts, *_questions(school, arrived, ask, outcome.code, Reason.OFFLINE, pupil))


def _taken_back(school: School, books: Books, arrived: Arrived, ask: int, decided: ScanTaken) -> Facts:
    """A yes that nobody saw: the presence stays, the money goes back, staff verify."""
    facts: Facts = ()
    reader = school.readers.get((arrived.device, arrived.scan.reader))
    if reader and reader.use in {Use.CARE, Use.STUDY} and decided.pupil in school.pupils:
        facts = attendance.unlit(school, books, ask, replace(_tap(school, arrived, decided.pupil), at_ms=decided.at_ms))
    charge = standing(books, charge_id(arrived.ask))
    if not facts and charge is not None:  # a till's; or of a stay from before days were kept
        facts = given_back(school, books, ask, charge, arrived.taken_ms, Reason.NOT_LIT)
    return (*facts, *_questions(school, arrived, ask, decided.code, Reason.NOT_LIT, decided.pupil))
