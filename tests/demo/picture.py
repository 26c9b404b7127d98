"""The day as one picture (SVG): taps by reader, accidents as bands, who is in as curves, how long each light took. Pure."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape

from hub.core import facts as f
from hub.core.calendar import instant_ms
from tests.demo.checks import Evidence
from tests.demo.dayplan import FRONT, READERS, Blow
from tests.demo.pace import ZONE
from tests.demo.player import Outage
from tests.demo.report import Came, clock, outcomes

WIDTH, LEFT, RIGHT = 1280, 150, 24
PLACES = (FRONT, *READERS)
LANE, LANES_TOP = 43, 96
INSIDE_TOP, INSIDE_HIGH = LANES_TOP + LANE * len(PLACES) + 48, 150
TOOK_TOP, TOOK_HIGH = INSIDE_TOP + 200, 170
AXIS, LEGEND_TOP, HIGH = TOOK_TOP + 190, TOOK_TOP + 236, TOOK_TOP + 284
TOOK_MOST_MS = 10_000.0
"""Upper end of the logarithmic scale; the lower end is 1 ms."""
HOUR_S, DAY_S = 3600, 86_400

INK, PALE, GRID = "#1d2733", "#5b6875", "#dfe4e9"
GREEN, AMBER, VIOLET, GREY, RED, BLUE = "#1b7f4b", "#c46a00", "#7a3ea8", "#77818c", "#c0392b", "#1f6fb2"
NAMES = {
    "care-door/front": "entrance (QR)",
    "care-door/door": "care door (QR)",
    "till/meals": "till: meals",
    "till/snacks": "till: sandwiches",
    "hall/tags": "hall (RFID)",
}
STYLE = (
    f"text{{font:13px system-ui,'DejaVu Sans',sans-serif;fill:{INK}}}.small{{font-size:11px;fill:{PALE}}}"
    ".title{font-size:20px;font-weight:600}.head{font-weight:600}"
)
WHAT = (
    "Taps over the day by reader, accidents of broker, hub, device and network as bands, how many pupils are in care and study, "
    "and how long each light took."
)
HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="{RED}" fill-opacity=".10"/>'
    f'<path d="M0 0V6" stroke="{RED}" stroke-opacity=".35"/></pattern></defs>'
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How a kind of tap is drawn: by shape and by colour."""

    shape: str
    colour: str
    words: str


HUB = Mark("dot", GREEN, "the hub answered")
ALONE = Mark("diamond", AMBER, "the device answered alone")
CARE = Mark("triangle", VIOLET, "staff should look, or an adult was asked")
SPOILT = Mark("cross", RED, "could not be read: again")
SAME = Mark("ring", GREY, "double tap: the same light again, nothing booked")
MARKS = (HUB, ALONE, CARE, SPOILT, SAME)


def drawn(seen: Evidence, outages: Sequence[Outage], from_s: float, to_s: float, speed: float) -> str:
    """The picture as an SVG document."""
    scale = Scale(from_s, to_s)
    came = outcomes(seen)
    curves = dict(inside(seen))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HIGH}" width="{WIDTH}" height="{HIGH}" role="img">',
        f"<title>A school day at Préau: {len(seen.sent)} taps on three devices</title>",
        f"<desc>{WHAT}</desc>",
        f"<style>{STYLE}</style>",
        HATCH,
        '<rect width="100%" height="100%" fill="#fff"/>',
        *_headline(seen, came, speed),
        *_hours(scale),
        *_bands(scale, outages),
        *_lanes(scale, came),
        *_curves(scale, curves),
        *_took(scale, came),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def of_day(seen: Evidence, outages: Sequence[Outage], day: date, speed: float) -> str:
    """The picture of one day out of several, from its first tap to its last."""
    midnight_ms = instant_ms(day, 0, ZONE)
    gone_s = (midnight_ms - seen.midnight_ms) / 1000
    sent = tuple(replace(tap, at_s=tap.at_s - gone_s) for tap in seen.sent if 0 <= tap.at_s - gone_s < DAY_S)
    facts = tuple(fact for fact in seen.facts if 0 <= getattr(fact, "at_ms", midnight_ms) - midnight_ms < DAY_S * 1000)
    here = [replace(one, from_s=one.from_s - gone_s, to_s=one.to_s - gone_s) for one in outages if 0 <= one.from_s - gone_s < DAY_S]
    hours = (sent[0].at_s // HOUR_S * HOUR_S, (sent[-1].at_s // HOUR_S + 1) * HOUR_S)
    return drawn(replace(seen, sent=sent, facts=facts, midnight_ms=midnight_ms), here, *hours, speed)


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds after midnight to pixels."""

    from_s: float
    to_s: float

    def x(self, at_s: float) -> float:
        share = (min(max(at_s, self.from_s), self.to_s) - self.from_s) / (self.to_s - self.from_s)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def _headline(seen: Evidence, came: list[Came], speed: float) -> Iterator[str]:
    alone = sum(one.alone for one in came)
    booked = sum(isinstance(fact, f.ScanTaken) for fact in seen.facts)
    yield _text(LEFT, 34, f"One school day: {len(seen.sent)} taps, {booked} scans booked, {alone} of them answered offline", "title")
    yield _text(LEFT, 56, f"real processes and real bytes, {speed:.0f} times as fast as life", "small")


def _hours(scale: Scale) -> Iterator[str]:
    step_s = HOUR_S if scale.to_s - scale.from_s > 3 * HOUR_S else HOUR_S // 12
    for at_s in range(math.ceil(scale.from_s / step_s) * step_s, int(scale.to_s) + 1, step_s):
        x = scale.x(at_s)
        yield f'<path d="M{x} {LANES_TOP - 8}V{AXIS}" stroke="{GRID}"/>'
        yield _text(x, AXIS + 18, clock(at_s), "small", "middle")


def _bands(scale: Scale, outages: Iterable[Outage]) -> Iterator[str]:
    """Of a device: on its own lanes. Of hub or broker: on all of them."""
    for nth, one in enumerate(sorted(outages, key=lambda one: one.from_s)):
        lanes = [place for place, name in enumerate(PLACES) if not one.device or name.startswith(f"{one.device}/")]
        x, wide = scale.x(one.from_s), max(scale.x(one.to_s) - scale.x(one.from_s), 3)
        top, bottom = LANES_TOP + LANE * min(lanes), LANES_TOP + LANE * (max(lanes) + 1)
        words = f"{one.blow}{f': {one.device}' if one.device else ''}, {clock(one.from_s)} to {clock(one.to_s)}"
        yield f'<rect x="{x}" y="{top}" width="{wide:.1f}" height="{bottom - top}" fill="url(#hatch)"><title>{escape(words)}</title></rect>'
        yield f'<path d="M{x} {top}V{bottom + 6 + 13 * (nth % 2)}" stroke="{RED}" stroke-opacity=".6"/>' if one.device else ""
        if one.blow is Blow.NETWORK_CUT or not one.device:
            yield _text(x, LANES_TOP - 12 - 13 * (nth % 2), str(one.blow), "small")
        else:
            yield _text(x + 3, bottom + 16 + 13 * (nth % 2), str(one.blow), "small")


def _lanes(scale: Scale, came: list[Came]) -> Iterator[str]:
    """Taps that stand close to each other are spread over the height of their lane."""
    for place, name in enumerate(PLACES):
        top = LANES_TOP + LANE * place
        yield f'<path d="M{LEFT} {top + LANE}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
        yield _text(LEFT - 12, top + LANE / 2 + 5, NAMES[name], "", "end")
        here = [one for one in came if f"{one.tap.device}/{one.tap.reader}" == name]
        for nth, one in enumerate(here):
            yield _mark(_kind(one), scale.x(one.tap.at_s), top + 8 + 7.5 * (nth % 5), _told(one))


def _kind(one: Came) -> Mark:
    if one.scan is None:
        return SPOILT if one.light == "again" else SAME
    if one.alone:
        return ALONE
    return CARE if one.light in {"look", "adult"} else HUB


def _told(one: Came) -> str:
    what = one.scan.code.value if one.scan else "nothing booked"
    return f"{clock(one.tap.at_s)} {one.tap.means}: {what}, light {one.light or 'none'} after {one.took_ms:.1f} ms"


def _mark(mark: Mark, x: float, y: float, words: str) -> str:
    shapes = {
        "dot": f'<circle cx="{x}" cy="{y}" r="3" fill="{mark.colour}" fill-opacity=".75">',
        "diamond": f'<path d="M{x} {y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z" fill="{mark.colour}">',
        "triangle": f'<path d="M{x} {y - 4.5}l4.5 8h-9z" fill="{mark.colour}">',
        "cross": f'<path d="M{x - 4} {y - 4}l8 8m0 -8l-8 8" stroke="{mark.colour}" stroke-width="2" fill="none">',
        "ring": f'<circle cx="{x}" cy="{y}" r="3.2" fill="none" stroke="{mark.colour}" stroke-width="1.3">',
    }
    drawn_shape = shapes[mark.shape]
    return f"{drawn_shape}<title>{escape(words)}</title></{drawn_shape[1 : drawn_shape.index(' ')]}>"


def inside(seen: Evidence) -> Iterator[tuple[str, list[tuple[float, int]]]]:
    """For each programme its name and (seconds after midnight, how many are in from then on)."""
    for programme in seen.school.programmes.values():
        moved = [fact for fact in seen.facts if isinstance(fact, f.StayOpened | f.StayClosed) and fact.programme == programme.id]
        # A stay that ended twice ended as was said last.
        last = {(fact.stay, isinstance(fact, f.StayOpened)): fact.at_ms for fact in moved}
        moves = [((at_ms - seen.midnight_ms) / 1000, 1 if opened else -1) for (_, opened), at_ms in last.items()]
        count, steps = 0, []
        for at_s, change in sorted(moves):
            count += change
            steps.append((at_s, count))
        if steps:
            yield programme.name, steps


def _curves(scale: Scale, inside: dict[str, list[tuple[float, int]]]) -> Iterator[str]:
    bottom = INSIDE_TOP + INSIDE_HIGH
    most = max((count for steps in inside.values() for _, count in steps), default=1)
    yield _text(LEFT, INSIDE_TOP - 8, "who is in", "head")
    x = LEFT + 90
    for share in (0, 0.5, 1):
        y = bottom - share * INSIDE_HIGH
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{GRID}"/>' + _text(LEFT - 12, y + 4, f"{round(most * share)}", "small", "end")
    for colour, dashes, (name, steps) in zip((BLUE, VIOLET, GREEN), ("none", "7 3", "2 3"), inside.items(), strict=False):
        path = f"M{LEFT} {bottom}"
        for at_s, count in steps:
            path += f"H{scale.x(at_s)}V{bottom - count * INSIDE_HIGH / most:.1f}"
        words = f"{name}: up to {max(count for _, count in steps)}"
        yield f'<path d="{path}H{WIDTH - RIGHT}V{bottom}z" fill="{colour}" fill-opacity=".12"/>'
        yield f'<path d="{path}H{WIDTH - RIGHT}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        yield f'<path d="M{x} {INSIDE_TOP - 12}h26" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        yield _text(x + 32, INSIDE_TOP - 8, words, "small")
        x += 60 + 7 * len(words)


def _took(scale: Scale, came: list[Came]) -> Iterator[str]:
    """Logarithmic: a light at once and a light that waited for a device to come back are on one picture."""
    yield _text(LEFT, TOOK_TOP - 6, "from the scanner's last byte to the light", "head")
    for ms in (1, 10, 100, 1000, 10_000):
        y = _took_y(ms)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{GRID}"/>' + _text(
            LEFT - 12, y + 4, f"{ms} ms" if ms < 1000 else f"{ms // 1000} s", "small", "end"
        )
    for one in came:
        if one.light and one.scan is not None:
            yield _mark(_kind(one), scale.x(one.tap.at_s), _took_y(one.took_ms), _told(one))


def _took_y(ms: float) -> float:
    share = math.log(min(max(ms, 1.0), TOOK_MOST_MS)) / math.log(TOOK_MOST_MS)
    return round(TOOK_TOP + TOOK_HIGH * (1 - share), 1)


def _legend() -> Iterator[str]:
    x = LEFT
    for mark in MARKS:
        yield _mark(mark, x, LEGEND_TOP, mark.words) + _text(x + 10, LEGEND_TOP + 4, mark.words, "small")
        x += 40 + round(6.2 * len(mark.words))
    yield f'<rect x="{LEFT - 6}" y="{LEGEND_TOP + 18}" width="14" height="12" fill="url(#hatch)"/>'
    yield _text(LEFT + 12, LEGEND_TOP + 28, "a program was dead, or the network cut, until it worked again", "small")
