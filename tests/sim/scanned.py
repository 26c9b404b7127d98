"""What a scan has to come to, told anew: once after a device's death, at a till, an entrance, a programme; and where another thing was lit.

No balance is asked for anything here: at a till a tap identifies or hands out what was ordered, and only a meal without an order costs.
"""

from msgspec.structs import replace

from hub.core import facts as f
from hub.core.facts import Facts
from proto.messages import YES
from tests.sim import corrected, roll
from tests.sim.daysheet import READERS
from tests.sim.reckoning import Reckoning
from tests.sim.rules import MEALS, TILLS, Effects, handed_out, paid_back
from tests.sim.setting import TILLEULS, day_code

AGAIN_MS = 60_000
"""So long after a tap at a device that has died since, it is the same tap."""
TROUBLE = frozenset({"unknown", "blocked", "uncertain", "no_reader"})
"""Codes of a badge that was not good."""
LIGHTS = {"seen": "accepted", "meal": "accepted", "meal_again": "look", "walk_up": "look"}
"""At a till."""

Told = tuple[Effects, list[str]]
"""Effects, and what is wrong beside them."""


def decided(books: Reckoning, scan: f.ScanTaken) -> Told:
    """A scan that is decided for the first time; of a badge that was not good: nothing, unless a device had said yes already."""
    code, effects = scan.code.value, Effects()
    if _is_again(books, scan):
        code = "again"
    elif code not in TROUBLE:
        code, effects = _served(books, scan)
    elif code == "blocked" and scan.shown in YES:
        code = ""
    wrong = [] if code == scan.code.value else [f"not {code or 'that'}: {scan}"]
    if scan.reader in TILLS and LIGHTS.get(code, scan.light.value) != scan.light.value:
        wrong.append(f"not the light of {code}: {scan}")
    return effects, wrong


def shown(books: Reckoning, group: Facts) -> Told:
    """A scan that was decided before, with what its device had lit in the meantime, which wins. Staff are asked where the two differ."""
    told = group[0]
    assert isinstance(told, f.ShownBooked)
    scan = books.scans.get((told.device, told.inc, told.n))
    if scan is None or (told.light in YES) is (scan.light in YES):
        return [], []
    asked = next((fact for fact in group if isinstance(fact, f.Unresolved) and fact.subject == scan.ask), None)
    if asked is None or (scan.pupil and asked.pupil != scan.pupil):
        return [], [f"staff are not asked about what was shown: {told}"]
    if told.light not in YES:
        return _taken_back(books, scan), []
    if not asked.pupil:
        return [], []
    code, effects = _served(books, replace(scan, ask=told.ask, pupil=asked.pupil, at_ms=asked.at_ms, shown=told.light.value))
    return effects, [] if asked.code.value == code else [f"not {code}: {asked}"]


def _is_again(books: Reckoning, scan: f.ScanTaken) -> bool:
    last = books.taps.get((scan.device, scan.reader, scan.badge))
    return last is not None and last.inc != scan.inc and abs(scan.at_ms - last.at_ms) < AGAIN_MS


def _served(books: Reckoning, scan: f.ScanTaken) -> tuple[str, Effects]:
    """The code of a scan that was identified, and its effects."""
    day = day_code(scan.at_ms)
    if scan.reader in TILLS:
        return at_a_till(books, scan, TILLEULS)
    if scan.reader in roll.ENTRANCES:
        return "seen", [roll.passed(scan.pupil, day, scan.at_ms), *roll.seen(books, scan.pupil, day, scan.at_ms)]
    code, effects = corrected.scanned(books, scan, day)
    told = READERS[scan.reader][1] != "out" and (scan.pupil, day) in books.mornings
    return code, [*effects, *(roll.seen(books, scan.pupil, day, scan.at_ms) if told else [])]


def at_a_till(books: Reckoning, scan: f.ScanTaken, site: int) -> tuple[str, Effects]:
    """What a device has lit is done; what it has refused costs nothing."""
    product = TILLS[scan.reader]
    order = books.orders.get((scan.pupil, site, day_code(scan.at_ms)))
    if product not in MEALS and (order is None or order.product != product):
        return "seen", []
    unlit = bool(scan.shown) and scan.shown not in YES
    found = handed_out(books, scan.pupil, site, product, scan.at_ms, free=unlit)
    return ("meal" if order else "walk_up", found) if found else ("meal_again", [])


def _taken_back(books: Reckoning, scan: f.ScanTaken) -> Effects:
    """A yes that nobody saw: the presence stays, and is not lit; the money goes back."""
    if scan.reader in READERS:
        return corrected.unlit(books, scan, day_code(scan.at_ms))
    return [effect for charge in books.of_scans.get(scan.ask, ()) for effect in paid_back(books, charge)]
