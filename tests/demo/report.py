"""Days in numbers: what came of each tap, and the report that `make day` prints. Pure: from the evidence to words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hub.core import facts as f
from hub.core.codes import Reason
from hub.core.money import write_cents
from proto.messages import LATENCY_EDGES_MS
from tests.demo.checks import AT_MOST, Evidence, Key, taps_of_scans
from tests.demo.player import Outage, SentTap

DAY_S = 86_400
BAR = 46
"""Characters of the longest bar of the histogram."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one tap. `light`: the pattern that was shown, or empty; `took_ms`: from the scanner's last byte to that light."""

    tap: SentTap
    scan: f.ScanTaken | None = None
    light: str = ""
    took_ms: float = 0.0

    @property
    def alone(self) -> bool:
        """Whether the device answered by itself."""
        return self.scan is not None and bool(self.scan.shown)


def outcomes(seen: Evidence) -> list[Came]:
    """Each tap that was sent with the scan and the light it led to; a double tap leads to none of its own."""
    late = {(fact.device, fact.inc, fact.n) for fact in seen.facts if isinstance(fact, f.ShownBooked)}
    lit = {(device, line["inc"], line["n"]): line for device, lines in seen.lit.items() for line in lines if "n" in line}
    scans = {(fact.device, fact.inc, fact.n): fact for fact in seen.facts if isinstance(fact, f.ScanTaken)}
    led_to = {tap: _as_shown(scans[key], late) for key, tap in taps_of_scans(seen).items()}
    found = []
    for tap in sorted(seen.sent, key=lambda tap: tap.sent_us):
        scan = led_to.get(tap)
        line = lit.get((scan.device, scan.inc, scan.n)) if scan else _unnumbered(seen.lit[tap.device], tap)
        took_ms = (int(line["mono_us"]) - tap.sent_us) / 1000 if line else 0.0
        found.append(Came(tap, scan, str(line["pattern"]) if line else "", took_ms))
    return found


def _as_shown(scan: f.ScanTaken, late: set[Key]) -> f.ScanTaken:
    """The hub had decided, and its answer came too late: what the device had lit by itself stands."""
    if (scan.device, scan.inc, scan.n) not in late:
        return scan
    return msgspec.structs.replace(scan, shown="late")


def _unnumbered(lines: Sequence[Mapping[str, str | int]], tap: SentTap) -> Mapping[str, str | int] | None:
    """The first light after a read that was no badge, or that was the same tap again."""
    after = (line for line in lines if line["reader"] == tap.reader and int(line["mono_us"]) >= tap.sent_us)
    return next((line for line in after if line["pattern"] != "reading"), None)


def written(seen: Evidence, outages: Iterable[Outage], verdicts: Sequence[tuple[str, list[str]]]) -> str:
    """The whole report."""
    came = outcomes(seen)
    return "\n".join([*_numbers(seen, came), "", *_latency(came), "", *_accidents(outages), "", *_checked(verdicts)])


def _numbers(seen: Evidence, came: list[Came]) -> list[str]:
    scans = [one for one in seen.facts if isinstance(one, f.ScanTaken)]
    charged = sum(one.cents for one in seen.facts if isinstance(one, f.Charged))
    back = sum(one.cents for one in seen.facts if isinstance(one, f.Reversed))
    stays = Counter(type(one) for one in seen.facts)
    unseen = sum(isinstance(one, f.StayClosed) and one.reason is Reason.NO_EXIT for one in seen.facts)
    rows = [
        ("taps sent", len(seen.sent), _counted(Counter(tap.means.value for tap in seen.sent))),
        ("scans booked", len(scans), _counted(Counter(one.code.value for one in scans))),
        ("lights", sum(bool(one.light) for one in came), _counted(Counter(one.light for one in came if one.light))),
        ("answered offline", sum(one.alone for one in came), "by the device alone, then sent on and booked as shown"),
        ("replayed late", stays[f.ShownBooked], "the hub had decided, the device had already answered: its light stands"),
        ("in, out", stays[f.StayOpened], f"{stays[f.StayClosed]} ended, {unseen} of them without an exit, left to staff"),
        ("charged", write_cents(charged), f"{stays[f.Charged]} charges, {write_cents(back)} taken back"),
        *_house(seen),
        ("for staff", stays[f.Unresolved], f"questions, {stays[f.Resolved]} of them answered"),
        ("journal", len(seen.facts), "facts"),
    ]
    return [f"{name:<18}{number!s:>10}  {more}" for name, number, more in rows]


def _house(seen: Evidence) -> list[tuple[str, int | str, str]]:
    """Orders, till, wallets, settlement: what was not a tap."""
    counts = Counter(type(one) for one in seen.facts)
    runs = [one for one in seen.facts if isinstance(one, f.SettlementDone)]
    posted = sum(one.cents for one in seen.facts if isinstance(one, f.ChargesPosted))
    late = sum(isinstance(one, f.MealCancelled) and one.late for one in seen.facts)
    cash = sum(one.cents for one in seen.facts if isinstance(one, f.CashPaidIn))
    waiting = f"{len(runs[-1].pending)} questions left to staff by the last one" if runs else "none was due"
    meals = (
        f"{counts[f.MealCancelled]} cancelled, {late} of them late, {counts[f.MealResold]} resold, {counts[f.MealServed]} meals handed out"
    )
    till = f"{counts[f.TillVoided]} taken back; {counts[f.CashPaidIn]} top-ups in cash, {write_cents(cash)}"
    return [
        ("ordered", counts[f.MealReserved], meals),
        ("sold at the till", counts[f.TillSold], till),
        ("moved by wallet", counts[f.Cleared] + counts[f.Transferred], f"{counts[f.Cleared]} from or to outside"),
        ("settled", len(runs), f"{write_cents(posted)} posted; {waiting}"),
        ("corrected", counts[f.Corrected], "acts of staff on a pupil's day"),
    ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _latency(came: list[Came]) -> list[str]:
    """From the scanner's last byte to the light, apart for taps the hub answered and those it did not."""
    hub = [one.took_ms for one in came if one.scan is not None and one.light and not one.alone]
    alone = [one.took_ms for one in came if one.alone and one.light]
    lines = [f"from the last byte to the light     hub answered ({_median(hub)}){'':<14}device alone ({_median(alone)})"]
    ours, theirs = histogram(hub), histogram(alone)
    most = max(*ours, *theirs, 1)
    edges = [*(f"up to {edge} ms" for edge in LATENCY_EDGES_MS), "slower"]
    for edge, one, other in zip(edges, ours, theirs, strict=True):
        lines.append(
            f"  {edge:<16}{one:>5} {'█' * round(one * BAR / 2 / most):<{BAR // 2}}{other:>5} {'░' * round(other * BAR / 2 / most)}".rstrip()
        )
    return lines


def histogram(took_ms: Iterable[float]) -> list[int]:
    """Counts by LATENCY_EDGES_MS, and one more for everything slower."""
    counts = [0] * (len(LATENCY_EDGES_MS) + 1)
    for one in took_ms:
        counts[next((place for place, edge_ms in enumerate(LATENCY_EDGES_MS) if one <= edge_ms), len(LATENCY_EDGES_MS))] += 1
    return counts


def _median(took_ms: list[float]) -> str:
    return f"median {sorted(took_ms)[len(took_ms) // 2]:.1f} ms" if took_ms else "none"


def _accidents(outages: Iterable[Outage]) -> list[str]:
    ordered = sorted(outages, key=lambda one: one.from_s)
    return [
        f"day {int(one.from_s) // DAY_S + 1:>2}  {clock(one.from_s)}–{clock(one.to_s)}  {one.blow}{f': {one.device}' if one.device else ''}"
        for one in ordered
    ]


def clock(seconds: float) -> str:
    """Seconds after midnight as 16:05."""
    return f"{int(seconds) // 3600 % 24:02d}:{int(seconds) // 60 % 60:02d}"


def _checked(verdicts: Sequence[tuple[str, list[str]]]) -> list[str]:
    lines = []
    for sentence, complaints in verdicts:
        lines.append(f"{'FAILED' if complaints else 'holds '}  {sentence}")
        lines += [f"          {complaint}" for complaint in complaints[:AT_MOST]]
        lines += [f"          and {len(complaints) - AT_MOST} more"] if len(complaints) > AT_MOST else []
    return lines
