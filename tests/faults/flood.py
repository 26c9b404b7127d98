"""One device gone mad sends 1,000 messages a second while pupils tap at the others: their lights come, and come in time.

Quiet and flood take turns, so that both meet the same machine. The mad device is `hall`; the others are real, on a real mosquitto.
"""

import asyncio
import shutil
import sys
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest

from hub.core.facts import ScanTaken
from hub.keys import badge_key, load_master
from proto.badge import badge_hash
from tests.bench.report import percentile
from tests.demo import checks
from tests.demo.browser import Browser
from tests.demo.checks import AT_MOST, Check, Evidence
from tests.demo.dayplan import DOOR, MEALS, SNACKS
from tests.demo.living import left_behind, look
from tests.demo.pace import after
from tests.demo.report import Came
from tests.demo.scanners import boot_us
from tests.demo.school import MOULIN, Child
from tests.demo.town import DIES_WITH_US, Town, town
from tests.faults.crowd import Crowd, Pace, pupils
from tests.faults.flooder import PER_S
from tests.faults.kills import START_OF_DAY_S
from tests.faults.result import Order, Result

MESSAGES = 15_000
"""Of each kind: a quarter of a minute, in which pupils tap some 300 times."""
LIMIT_MS = 2_000.0
"""Reliability.md, threat 23: the others' 99th percentile."""
PUPILS = 120
"""Nobody taps twice at a reader within ten seconds; a short run needs fewer."""
MAD = "hall"
KINDS = {"scan": "a scan in each", "scans": "100 scans in each", "rubbish": "rubbish", "huge": "33 KB of rubbish"}
"""What the flooder calls it, and what it is."""
PACE = Pace((DOOR, MEALS, SNACKS), (0.0, 0.05), apart_s=10.0)
CHECKS: tuple[Check, ...] = (
    checks.every_yes_is_booked_once,
    checks.shown_lights_are_the_booked_ones,
    checks.nothing_happens_twice,
    checks.money_sums_to_zero,
    checks.replay_equals_live,
    checks.nothing_waits,
    checks.all_ended_orderly,
)
"""Those of `make day` that a device which scans without a tap does not break by itself."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of time, CLOCK_BOOTTIME in µs, in which this kind came in; none in a quiet one."""

    kind: str
    from_us: int
    to_us: int
    took_s: float = 0.0


def inject(order: Order) -> Result:
    """`order.count` messages of each kind."""
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None:
        return Result("flood", {}, skipped="needs Debian's mosquitto: apt-get install mosquitto")
    messages = order.count or MESSAGES
    spells, seen = asyncio.run(_lived(order, messages))
    came = lights(seen)
    injected = {f"messages: {what}": messages for what in KINDS.values()}
    return Result("flood", injected, _proved(spells, came, seen, messages), [*too_late(spells, came), *_wrong(seen)])


# --- the run ---


async def _lived(order: Order, messages: int) -> tuple[list[Spell], Evidence]:
    """Quiet, flood, quiet, flood, …; then calm, drained, and read."""
    everyone = pupils(min(PUPILS, 40 + messages // 50), order.seed)
    async with town(order.folder, everyone, 1.0, "mosquitto", with_cables=False) as place:
        await place.start(START_OF_DAY_S)
        await place.devices[MAD].program.stop()
        crowd, enough, spells = Crowd(place, everyone, order.seed, PACE), asyncio.Event(), list[Spell]()
        async with Browser(place.url) as office, flooder(place, everyone) as mad:
            await office.sign_up(place.first_link())
            async with asyncio.TaskGroup() as everything:
                everything.create_task(crowd.play(enough))
                for kind, what in KINDS.items():
                    order.told(what)
                    spells += [await _quiet(messages), await _flood(mad, kind, messages)]
                enough.set()
            await place.drained([device for name, device in place.devices.items() if name != MAD])
            live = await look(office, everyone)
        return spells, await left_behind(place, crowd.sent(), live)


@asynccontextmanager
async def flooder(place: Town, everyone: Sequence[Child]) -> AsyncIterator[Process]:
    """The mad device in place of the real one, connected and born."""
    password = tomllib.loads((place.folder / f"{MAD}.toml").read_text())["broker"]["password"]
    badge = next(child.badge for child in everyone if child.site == MOULIN)
    key = badge_key(load_master(place.hub_folder / "master.key"))
    words = [str(place.broker_port), MAD, password, "tags", badge_hash(key, badge)]
    command = [*DIES_WITH_US, sys.executable, "-m", "tests.faults.flooder", *words]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        assert await _line(process) == "ready", "the flooder did not start"
        yield process
    finally:
        process.kill()
        await process.communicate()


async def _quiet(messages: int) -> Spell:
    """As long as the flood that follows should take."""
    since_us = boot_us()
    await after(messages / PER_S)
    return Spell("", since_us, boot_us())


async def _flood(mad: Process, kind: str, messages: int) -> Spell:
    assert mad.stdin is not None, "opened with a pipe"
    since_us = boot_us()
    mad.stdin.write(f"{kind} {messages}\n".encode())
    took_s = float(await _line(mad))
    return Spell(kind, since_us, boot_us(), took_s)


async def _line(process: Process) -> str:
    assert process.stdout is not None, "opened with a pipe"
    return (await process.stdout.readline()).decode().strip()


# --- what must hold ---


def lights(seen: Evidence) -> list[Came]:
    """Each tap with its scan and its light. No device died, so the nth tap at a reader is its nth scan.

    Not by time, as `make day` tells them apart: a scan that waited in a flooded hub's socket is booked for when it was read there.
    """
    scans = {(fact.device, fact.inc, fact.n): fact for fact in seen.facts if isinstance(fact, ScanTaken)}
    came = []
    for device, reader in {(tap.device, tap.reader): None for tap in seen.sent}:
        taps = sorted((tap for tap in seen.sent if (tap.device, tap.reader) == (device, reader)), key=lambda tap: tap.sent_us)
        lit = sorted((line for line in seen.lit[device] if "n" in line and line["reader"] == reader), key=lambda line: int(line["n"]))
        for tap, line in zip_longest(taps, lit):
            assert tap is not None, f"{device}/{reader} lit more scans than there were taps"
            scan = scans.get((device, str(line["inc"]), int(line["n"]))) if line else None
            assert scan is None or scan.badge == seen.hashes[tap.badge], f"{device}/{reader}: taps and lights do not fit"
            took_ms = (int(line["mono_us"]) - tap.sent_us) / 1000 if line else 0.0
            came.append(Came(tap, scan, str(line["pattern"]) if line else "", took_ms))
    return came


def too_late(spells: Sequence[Spell], came: Sequence[Came]) -> list[str]:
    """The others' 99th percentile in each flood, and every tap with its light."""
    late = [f"{KINDS[kind]}: the others' 99th percentile is {p99:.0f} ms" for kind, p99 in _p99s(spells, came) if p99 >= LIMIT_MS]
    dark = sum(not one.light for one in came)
    return late + ([f"{dark} taps at the others saw no light"] if dark else [])


def _p99s(spells: Sequence[Spell], came: Sequence[Came]) -> Iterator[tuple[str, float]]:
    for spell in spells:
        if spell.kind:
            yield spell.kind, percentile([one.took_ms for one in _during(spell, came)], 0.99)


def _during(spell: Spell, came: Sequence[Came]) -> list[Came]:
    return [one for one in came if spell.from_us <= one.tap.sent_us < spell.to_us]


def _wrong(seen: Evidence) -> list[str]:
    return [complaint for check in CHECKS for complaint in check(seen)[:AT_MOST]]


# --- what is told ---


def _proved(spells: Sequence[Spell], came: Sequence[Came], seen: Evidence, messages: int) -> list[str]:
    """Each flood beside the quiet before it."""
    lines = []
    for quiet, flood in zip(spells[::2], spells[1::2], strict=True):
        pace = f"{messages / flood.took_s:.0f} messages a second"
        lines.append(f"{KINDS[flood.kind]:18} {pace}: others {_took(_during(flood, came))}; without it {_took(_during(quiet, came))}")
    taken = sum(isinstance(fact, ScanTaken) and fact.device == MAD for fact in seen.facts)
    return [*lines, f"{len(came):,} taps at the others, each with its light and in the books once; {taken:,} scans of the mad device taken"]


def _took(came: Sequence[Came]) -> str:
    took_ms = [one.took_ms for one in came]
    alone = sum(one.alone for one in came)
    return f"p50 {percentile(took_ms, 0.5):.0f} ms, p99 {percentile(took_ms, 0.99):.0f} ms, {alone} of {len(came)} by the device alone"
