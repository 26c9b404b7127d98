"""kill -9 of the real hub and of real devices while pupils tap, through a real mosquitto: nothing with a light is lost or doubled.

A kill does not test the disk: what was written survives it (reliability.md, 2.4; the power and the write log do that). It tests what a
process holds in memory: questions, answers, numbers, receipts. So most of them strike between a tap and its light.

Four kills of devices to one of the hub's: a device is the one that forgets (a new incarnation, an open question, a light not yet shown),
and is back in half a second; a hub takes longer, and while it is away all devices answer alone, so that nobody is asked.
"""

import asyncio
import contextlib
import enum
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hub.core import facts as f
from hub.core.codes import Code
from tests.demo.browser import Browser
from tests.demo.checks import AT_MOST, Evidence, verdicts
from tests.demo.living import left_behind, look
from tests.demo.pace import TooLateError, after, until
from tests.demo.report import outcomes
from tests.demo.town import DEVICES, Program, Town, town
from tests.faults.crowd import Crowd, Wish, pupils
from tests.faults.lamps import Lamps
from tests.faults.result import Order, Result
from tests.faults.wishes import scans_of, wrong

KILLS = 1_000
HUB_SHARE = 5
"""One kill in so many is the hub's."""
PUPILS = 420
"""As many as keep all readers busy for ever; a short run needs fewer, for nobody comes back within a minute."""
START_OF_DAY_S = 16.2 * 3600
"""Care and study are both open for an hour and a half."""
CALM_S = 3.0
"""The longest time in which a program that has found its other end is let alone: taps are answered by the hub, not only by devices."""
READY_S = 4.0
"""A kill waits so long for a device that has the hub; then it strikes one that has not."""
TOLD_EVERY = 50


class Moment(enum.Enum):
    """When a kill strikes, and within how many seconds."""

    TAP = 0.008
    """After a tap: most lights come within 8 ms."""
    ANSWER = 0.9
    """After a tap, the deadlines included: the device is answering alone."""
    START = 1.2
    """After its own start."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill that is to come: after so much calm, this long after the moment."""

    moment: Moment
    calm_s: float
    delay_s: float


@dataclass(slots=True)
class Struck:
    """What the kills met. `in_between`: kills while a pupil had tapped and seen no light yet."""

    kills: Counter[str] = field(default_factory=Counter)
    in_between: Counter[str] = field(default_factory=Counter)


def plan(who: str, count: int, seed: int) -> list[Strike]:
    """The kills of one program, always the same for a seed: six of ten right after a tap."""
    chance = random.Random(f"{seed} {who}")
    moments = chance.choices((Moment.TAP, Moment.ANSWER, Moment.START), weights=(6, 2, 2), k=count)
    return [Strike(moment, chance.uniform(0, CALM_S), chance.uniform(0, moment.value)) for moment in moments]


def inject(order: Order) -> Result:
    """`order.count` kills in all. Violations are those of `make day`, and wishes that were booked twice."""
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None:
        return Result("kills", {}, skipped="needs Debian's mosquitto: apt-get install mosquitto")
    struck, wishes, seen = asyncio.run(_lived(order, order.count or KILLS))
    complaints = [(sentence, found) for sentence, found in verdicts(seen) if found]
    complaints += wrong(scans_of(wishes, seen), seen.facts)
    violations = [f"{sentence}: {one}" for sentence, found in complaints for one in found[:AT_MOST]]
    return Result("kills", _injected(struck), _proved(wishes, seen), violations)


# --- the run ---


async def _lived(order: Order, count: int) -> tuple[Struck, Sequence[Wish], Evidence]:
    """A town under load, killed `count` times, then calm, drained, and read."""
    everyone = pupils(min(PUPILS, 100 + 5 * count), order.seed)
    async with town(order.folder, everyone, 1.0, "mosquitto", with_cables=False) as place:
        await place.start(START_OF_DAY_S)
        crowd, struck, enough = Crowd(place, everyone, order.seed), Struck(), asyncio.Event()
        async with Browser(place.url) as office:
            await office.sign_up(place.first_link())
            async with asyncio.TaskGroup() as everything:
                everything.create_task(crowd.play(enough))
                await _kill_all(Killers(place, crowd, struck, order), count)
                enough.set()
            order.told(f"{count} kills done, waiting for empty outboxes")
            await place.drained()
            live = await look(office, everyone)
        return struck, crowd.wishes, await left_behind(place, crowd.sent(), live)


@dataclass(frozen=True, slots=True)
class Killers:
    """Who kills what."""

    place: Town
    crowd: Crowd
    struck: Struck
    order: Order

    async def devices(self, device: str, strikes: Sequence[Strike]) -> None:
        """All kills of one device, each followed by a start at once."""
        program, lamps = self.place.devices[device].program, self.crowd.lamps[device]
        for strike in strikes:
            if strike.moment is not Moment.START:
                await self._ready([lamps])
                await after(strike.calm_s)
                await self.crowd.tapped(device)
            await after(strike.delay_s)
            await self._kill("device", program, self.crowd.waiting(device))

    async def hub(self, strikes: Sequence[Strike]) -> None:
        """All kills of the hub."""
        for strike in strikes:
            if strike.moment is not Moment.START:
                await self._ready(self.crowd.lamps.values())
                await after(strike.calm_s)
                await self.crowd.tapped()
            await after(strike.delay_s)
            await self._kill("hub", self.place.hub, sum(self.crowd.waiting(device) for device in DEVICES))

    async def _ready(self, any_of: Iterable[Lamps]) -> None:
        """Return when one of these devices has the hub, or after a while without."""
        with contextlib.suppress(TooLateError):
            await until(lambda: any(lamps.ready() for lamps in any_of), READY_S, "a device with the hub")

    async def _kill(self, who: str, program: Program, waiting: int) -> None:
        assert program.pid, await program.ended()
        await program.kill()
        self.struck.kills[who] += 1
        self.struck.in_between[who] += waiting > 0
        if self.struck.kills.total() % TOLD_EVERY == 0:
            self.order.told(f"{self.struck.kills.total()} kills, {len(self.crowd.wishes)} wishes")
        await program.start()


async def _kill_all(killers: Killers, count: int) -> None:
    """The hub's share and the devices', all at the same time."""
    hub, seed = max(1, count // HUB_SHARE), killers.order.seed
    shares = [(count - hub + number) // len(DEVICES) for number in range(len(DEVICES))]
    async with asyncio.TaskGroup() as all_of_them:
        all_of_them.create_task(killers.hub(plan("hub", hub, seed)))
        for device, share in zip(DEVICES, shares, strict=True):
            all_of_them.create_task(killers.devices(device, plan(device, share, seed)))


# --- what is told ---


def _injected(struck: Struck) -> dict[str, int]:
    return {
        "kills of the hub": struck.kills["hub"],
        "of devices": struck.kills["device"],
        "of both between a tap and its light": struck.in_between.total(),
    }


def _proved(wishes: Sequence[Wish], seen: Evidence) -> list[str]:
    came = outcomes(seen)
    scans = [fact for fact in seen.facts if isinstance(fact, f.ScanTaken)]
    lights = sum(bool(one.light) for one in came)
    sent_on = sum(bool(fact.shown) for fact in scans)
    unlit = sum(one.scan is not None and not one.light for one in came)
    again = sum(fact.code is Code.AGAIN for fact in scans)
    late = sum(isinstance(fact, f.ShownBooked) for fact in seen.facts)
    holes = sum(isinstance(fact, f.HoleDeclared) for fact in seen.facts)
    charges = sum(isinstance(fact, f.Charged) for fact in seen.facts)
    return [
        f"{len(came):,} taps for {len(wishes):,} wishes, {lights:,} lights, each in the books exactly once as it was shown",
        f"{sent_on:,} scans sent from a card, {late:,} more had been decided and are booked as they were lit, {holes} holes",
        f"{unlit:,} scans booked whose device died before the light; {again:,} times the pupil came back and was asked: again?",
        f"{charges:,} charges, all caused, none twice; the books sum to zero; replay equals live; nothing is left on a card",
    ]
