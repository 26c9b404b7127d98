"""Plays the script of a day: the children's taps and the machines' accidents, on real processes, at the day's speed.

It notes what was really sent and when; whether that was right is checks.py's to say.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.demo.dayplan import FRONT, READERS, Blow, Day, Incident, Means, PlannedTap
from tests.demo.pace import after, until
from tests.demo.scanners import boot_us
from tests.demo.town import DevicePlace, Town

GAP_S = 0.12
"""Between two badges at one scanner, in real seconds: no hand is faster."""
SAME_TAP_S = 3.4
"""Real seconds before a badge is used again at the same reader: within three it would be the same tap (edge/state.py)."""
PATIENCE_S = 1.6
"""A child who sees no light for so long holds the badge again; the slowest answer takes 0.7 s."""
DARK_S = 60.0
"""How long children wait at a dark device before the day counts as failed."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class SentTap:
    """One tap as its bytes left the scanner. `sent_us`: CLOCK_BOOTTIME of the last byte, in µs; `at_s`: school time after midnight."""

    device: str
    reader: str
    badge: str
    means: Means
    sent_us: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Outage:
    """What really happened to a machine, in seconds after the school's midnight."""

    blow: Blow
    device: str
    from_s: float
    to_s: float


@dataclass(slots=True)
class Player:
    """Plays one day in a town. `told` hears about accidents, one sentence each."""

    town: Town
    day: Day
    told: Callable[[str], None]
    sent: list[SentTap] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    _last_us: dict[tuple[str, str], int] = field(default_factory=dict)
    """(place, badge) -> when it was last sent."""
    _next_tap: dict[str, asyncio.Event] = field(default_factory=dict)
    """Device -> rung by its next tap."""

    async def play(self) -> None:
        """The whole day, to its last minute. Raises an ExceptionGroup when a machine does not come back."""
        async with asyncio.TaskGroup() as all_day:
            for place in (*READERS, FRONT):
                all_day.create_task(self._queue(all_day, place))
            for incident in self.day.incidents:
                all_day.create_task(self._suffer(incident))
        await self.town.time.until(self.day.to_s)

    # --- children ---

    async def _queue(self, all_day: asyncio.TaskGroup, place: str) -> None:
        """The children at one reader, one after the other."""
        waiting = deque(tap for tap in self.day.taps if tap.reader == place)
        while waiting:
            tap = waiting.popleft()
            await self.town.time.until(tap.at_s + tap.later_ms / 1000 * self.town.time.speed)
            await self._apart(tap)
            sent_us = await self._hold(tap)
            all_day.create_task(self._impatient(tap, sent_us))
            await after(GAP_S)

    async def _apart(self, tap: PlannedTap) -> None:
        """A day that runs fast must not make two taps of a child one; a double tap is meant to be one."""
        last_us = self._last_us.get((tap.reader, tap.badge))
        if last_us is not None and tap.means is not Means.DOUBLE:
            await after(max(SAME_TAP_S - (boot_us() - last_us) / 1e6, 0))

    async def _hold(self, tap: PlannedTap) -> int:
        """Hold the badge, and wait in front of a device that is dark; when the bytes were sent."""
        device, reader = tap.reader.split("/")
        scanner = self.town.scanner(tap.reader)
        sent_us = scanner.scan(tap.badge)
        if sent_us is None:
            await until(scanner.is_listened_to, DARK_S, f"a device at {tap.reader}")
            return await self._hold(tap)
        self._last_us[tap.reader, tap.badge] = sent_us
        self.sent.append(SentTap(device, reader, tap.badge, tap.means, sent_us, self.town.time.now_s()))
        self._next_tap.pop(device, asyncio.Event()).set()
        return sent_us

    async def _impatient(self, tap: PlannedTap, sent_us: int) -> None:
        """Nothing lit? Once more."""
        device, reader = tap.reader.split("/")
        for _ in range(TRIES):
            await after(PATIENCE_S)
            if lit_since(self.town.devices[device], reader, sent_us):
                return
            sent_us = await self._hold(tap)

    # --- machines ---

    async def _suffer(self, incident: Incident) -> None:
        """One accident and its end."""
        acts: dict[Blow, Callable[[Incident], Awaitable[None]]] = {
            Blow.BROKER_RESTARTS: self._restart_broker,
            Blow.HUB_KILLED: self._kill_hub,
            Blow.DEVICE_KILLED: self._kill_device,
            Blow.NETWORK_CUT: self._cut,
            Blow.NETWORK_STALLS: self._stall,
        }
        await self.town.time.until(incident.at_s)
        from_s = self.town.time.now_s()
        await acts[incident.blow](incident)
        self.outages.append(Outage(incident.blow, incident.device, from_s, self.town.time.now_s()))
        self.told(f"{incident.blow}{f': {incident.device}' if incident.device else ''}, and back")

    async def _restart_broker(self, _incident: Incident) -> None:
        """Over when every device has found it again."""
        await self.town.kill_broker()
        await until(lambda: not any(one.is_ready() for one in self.town.devices.values()), DARK_S, "devices that notice")
        await self.town.ready()

    async def _kill_hub(self, incident: Incident) -> None:
        await self.town.hub.kill()
        await self.town.time.until(incident.until_s)
        await self.town.hub.start()
        await self.town.ready([one for one in self.town.devices.values() if not _is_cut(one)])

    async def _kill_device(self, incident: Incident) -> None:
        """In the middle of a tap, if one comes: the child gets no light, and holds the badge again when the device is back."""
        device = self.town.devices[incident.device]
        tap = self._next_tap.setdefault(incident.device, asyncio.Event())
        left_s = (incident.until_s - self.town.time.now_s()) / self.town.time.speed
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tap.wait(), left_s)
        await device.program.kill()
        await self.town.time.until(incident.until_s)
        await device.program.start()

    async def _cut(self, incident: Incident) -> None:
        """First no byte passes and nobody knows; in the second half every connection is reset."""
        cable = self.town.devices[incident.device].cable
        assert cable is not None, "a town with accidents has cables"
        cable.pull()
        await self.town.time.until((incident.at_s + incident.until_s) / 2)
        cable.cut()
        await self.town.time.until(incident.until_s)
        cable.plug()

    async def _stall(self, incident: Incident) -> None:
        """No byte passes for a while, and none is lost."""
        cable = self.town.devices[incident.device].cable
        assert cable is not None, "a town with accidents has cables"
        cable.pull()
        await self.town.time.until(incident.until_s)
        cable.plug()


def lit_since(device: DevicePlace, reader: str, since_us: int) -> bool:
    """Whether the device has answered anything at this reader since then, a bare "I have read something" not counted."""
    return any(line["reader"] == reader and line["pattern"] != "reading" and int(line["mono_us"]) >= since_us for line in device.lit())


def _is_cut(device: DevicePlace) -> bool:
    return device.cable is not None and device.cable.is_pulled
