"""One simulated world: a hub, its broker, a few devices, people, the office, and whatever goes wrong, under one seeded clock."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random
from typing import Any, NoReturn, Protocol

from hub.core.books import Books, replay
from hub.core.calendar import at
from hub.core.facts import Fact
from hub.core.school import School
from tests import schools
from tests.sim.broker import Broker
from tests.sim.carers import Carers
from tests.sim.counter import Counters
from tests.sim.device import Device
from tests.sim.disk import HubDisk
from tests.sim.faults import CALM_S, Fault, Plan
from tests.sim.features import features
from tests.sim.forms import Forms
from tests.sim.hub import UPKEEP_S, HubLife
from tests.sim.late import Late
from tests.sim.ledgers import twice
from tests.sim.nemesis import Nemesis
from tests.sim.oracle import Oracle
from tests.sim.people import Crowd, Office, a_school
from tests.sim.rules import Lunch
from tests.sim.turns import CutError, DeadlockError, Turns, ViolationError
from tests.sim.witness import Witness

Tell = Callable[[str], None]
RESALE_MIN, LAST_MIN = 15, 24 * 60 - 1
"""For how long portions are resold after orders have closed; the last minute of a day."""


class Process(Protocol):
    """Whatever can die in the middle of its work."""

    name: str
    fuse: int

    def die(self, *, cut: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a run. `violation` is empty when every promise was kept."""

    seed: int
    violation: str
    at_s: float
    """Virtual seconds until its end."""
    digest: str
    struck: Counter[str]
    seen: Counter[str]
    steps: int
    cuts: tuple[int, ...] = ()
    """The steps at which somebody lost its power; below zero: was killed."""


def lunch_of(plan: Plan) -> Lunch:
    """Orders close in the middle of the storm, whatever the hour; a day has no more than its minutes."""
    begun = at(plan.start_ms, schools.ZONE)
    cut_off_min = min(begun.hour * 60 + begun.minute + int(plan.lunch_s // 60), LAST_MIN)
    return Lunch(begun.date(), cut_off_min, min(cut_off_min + RESALE_MIN, LAST_MIN))


def _witness(school: School, lunch: Lunch, plan: Plan) -> Witness:
    witness = Witness({each.id: each.daily_limit_cents for each in school.pupils.values()}, lunch, plan.setting)
    witness.honest_clock = Fault.HUB_CLOCK not in plan.faults
    return witness


class World:
    """`tell` gets a line for everything that is seen; `cuts`: at which steps (from 1) whoever takes them loses its power.

    A cut below zero is a kill: what was written stays in the page cache. `until_s`: the storm ends then, and is the same until then,
    for what is drawn by the length of a storm is drawn by that of the plan.
    """

    def __init__(self, seed: int, plan: Plan, tell: Tell | None = None, cuts: Collection[int] = (), until_s: float | None = None) -> None:
        self.seed = seed
        self.plan = plan
        self.storm_s = plan.storm_s if until_s is None else min(until_s, plan.storm_s)
        self.chance = Random(seed)
        self.loop = Turns(Random(f"order {seed}"))
        self.calm = False
        self.violation = ""
        self.counts: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.hub_offset_ms = 0
        self.steps = 0
        self._settled = False
        self._cuts = frozenset(cuts)
        self._tell = tell
        self._digest = hashlib.blake2b(digest_size=16)
        lunch = lunch_of(plan)
        self.disk = HubDisk(a_school(lunch, plan.setting))
        self.oracle = Oracle(self, _witness(self.disk.school, lunch, plan))
        self.broker = Broker(self)
        self.hub: HubLife | None = None
        self.devices = {name: Device(self, name) for name in plan.devices}
        self.crowd = Crowd(self)
        self.forms = Forms(self)
        self.office = Office(self, self.crowd)
        self.counters = Counters(self)
        self.late = Late(self)
        self.carers = Carers(self)
        self.nemesis = Nemesis(self)

    # --- the run ---

    def live(self, script: Callable[["World"], None] | None = None) -> Ending:
        """Storm, calm, judgement. `script` takes the place of people and nemesis."""
        self.loop.set_exception_handler(self._raised)
        self.loop.call_soon(self._begin, script)
        try:
            self.loop.run_forever()
        except DeadlockError as error:
            self.violation = self.violation or str(error)
        finally:
            self._end()
        self._digest.update(self.disk.rows[-1].hash)
        return Ending(
            self.seed,
            self.violation,
            self.loop.now_s,
            self._digest.hexdigest(),
            self.counts,
            self.seen,
            self.steps,
            tuple(sorted(self._cuts, key=abs)),
        )

    def often(self, pause_s: float, act: Callable[[], object]) -> None:
        """Again and again, about every `pause_s`, until it is calm."""

        def again() -> None:
            if not self.calm:
                act()
                self.often(pause_s, act)

        self.loop.after_s(min(self.chance.expovariate(1 / pause_s), 10 * pause_s), again)

    def _begin(self, script: Callable[["World"], None] | None) -> None:
        self.start_hub()
        forgotten = self._forgotten_device()
        for device in self.devices.values():
            if device is not forgotten:
                device.start()
        self.office.set_up()
        self.loop.after_s(self.storm_s, self._mend)
        if script:
            script(self)
            return
        for device in self.devices.values():
            self.often(self.plan.tap_s, lambda device=device: self.crowd.come(device))  # type: ignore[misc]
        self.counters.begin()
        self.carers.begin()
        self.often(600, self.office.change_badge)
        self.late.begin()
        self.often(100 / self.plan.rate, self.office.open_door)
        self.often(1_800, self._restart_device)
        self.often(2_400, self._restart_hub)
        self.nemesis.begin()

    def _forgotten_device(self) -> Device | None:
        """One that still has scans of the week before; somebody switches it on in the middle of the storm."""
        doors = [device for device in self.devices.values() if device.name != "till"]
        if Fault.FORGOTTEN not in self.plan.faults or not doors:
            return None
        device = self.chance.choice(doors)
        self.crowd.last_week(device)
        self.loop.after_s(self.chance.uniform(0.1, 0.8) * self.plan.storm_s, device.start)
        return device

    def _mend(self) -> None:
        self.saw("calm")
        self.calm = True
        self.nemesis.mend()
        for device in self.devices.values():
            device.start()
        if self.hub is None:
            self.start_hub()
        self.loop.after_s(CALM_S[0], self._look, self.loop.now_s + CALM_S[1])

    def _look(self, until_s: float) -> None:
        """Wait until everything has drained: liveness is a promise too."""
        left = {name: left for name, device in self.devices.items() if (left := device.drained())}
        if self.forms.waiting():
            left["office"] = f"{self.forms.waiting()} forms without an answer"
        if not left and not self._settled and self.hub is not None:
            self._settled = True
            self.carers.settle()
            self.late.again()
            self.loop.after_s(UPKEEP_S + 5 if self.plan.setting.afterwards else 1.0, self._look, until_s)
        elif not left and self.hub is not None and not self.late.busy:
            self.hub.desk.when_seen(self._judge)
        elif self.loop.now_s >= until_s:
            self.fail(f"not drained after {CALM_S[1]:.0f} s of calm: {left}")
        else:
            self.loop.after_s(1.0, self._look, until_s)

    def _judge(self) -> None:
        assert self.hub is not None
        facts, books = self.disk.facts(), self.hub.desk.books
        self.check_books(facts, books)
        self.check_promises()
        holes = bool({Fault.LYING_CARD, Fault.ROTTEN_CARD, Fault.OLD_IMAGE, Fault.FULL_CARD} & self.plan.faults)
        self.oracle.judge(facts, holes)
        witness = self.oracle.witness
        witness.filed = frozenset(self.disk.school.files)
        for complaint in witness.complaints(facts, books, self.hub_wall_ms()):
            self.fail(complaint)
        self.seen.update(features(facts, self.plan.setting))
        self.seen.update(witness.done())
        if not self.clocks_lie and Fault.RESTORED not in self.plan.faults:
            for complaint in twice(self.oracle.taps, facts):
                self.fail(complaint)
        self.loop.stop()

    def _end(self) -> None:
        """Leave no task behind that would complain."""
        self._tell = None
        for task in (self.hub._tasks | self.hub.desk._running) if self.hub else ():
            task.cancel()
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self.loop.stop()
        self.loop.run_forever()
        self.loop.close()

    def _raised(self, _loop: object, context: dict[str, Any]) -> None:
        """An exception left a callback: a process that died, or a defect."""
        error = context.get("exception")
        if isinstance(error, CutError | ViolationError):
            return
        self.violation = self.violation or f"{context.get('message')}: {error!r}"
        self.loop.stop()

    # --- processes ---

    def start_hub(self) -> None:
        """Another life of the hub, unless there is one."""
        if self.hub is None:
            self.saw("hub starts")
            self.hub = HubLife(self, self.disk)
            self.forms.again()

    def hub_died(self, *, cut: bool) -> None:
        self.saw("hub dies", cut)
        self.hub = None
        self._rise(self.start_hub, 40.0 if cut else 4.0)

    def device_died(self, device: Device, *, cut: bool) -> None:
        self.saw("device dies", device.name, cut)
        if cut:
            device.power_on()
        self._rise(device.start, 90.0 if cut else 4.0)

    def _rise(self, start: Callable[[], None], most_s: float) -> None:
        """What died starts again; in the calm somebody switches it on at once."""
        self.loop.after_s(self.chance.uniform(0.5, 4.0 if self.calm else most_s), start)

    def step(self, process: Process) -> None:
        """A point at which a process may die: before and after each write, at each message and light."""
        self.steps += 1
        cut = self.steps in self._cuts
        if cut or -self.steps in self._cuts:
            self.saw("cut" if cut else "kill", self.steps, process.name)
        elif process.fuse == 0:
            return
        else:
            process.fuse -= 1
            if process.fuse:
                return
            self.struck(Fault.HUB_AT_WRITE if process.name == "hub" else Fault.EDGE_AT_WRITE)
            cut = self.chance.random() < 0.5
        process.die(cut=cut)
        raise CutError

    def _restart_device(self) -> None:
        life = self.chance.choice(list(self.devices.values())).life
        if life is not None:
            life.stop()

    def _restart_hub(self) -> None:
        if self.hub is not None:
            self.hub.task(self.hub.stop())

    # --- what everybody may ask ---

    @property
    def clocks_lie(self) -> bool:
        return bool({Fault.EDGE_CLOCK, Fault.HUB_CLOCK} & self.plan.faults)

    def true_ms(self) -> int:
        """The school's time, Unix ms."""
        return self.plan.start_ms + int(self.loop.now_s * 1000)

    def hub_wall_ms(self) -> int:
        return self.true_ms() + self.hub_offset_ms

    def random16(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    def random63(self) -> int:
        return self.chance.getrandbits(62) + 1

    # --- what is seen ---

    def struck(self, fault: Fault) -> None:
        self.counts[fault.value] += 1

    def saw(self, what: str, *words: object) -> None:
        """For the digest, the counters and the trace."""
        self.seen[what] += 1
        line = f"{self.loop.now_s:.6f} {what} {' '.join(map(str, words))}"
        self._digest.update(line.encode())
        if self._tell:
            self._tell(line)

    def check_books(self, facts: list[Fact], live: Books) -> Books:
        """Replay equals live; what was replayed."""
        replayed = replay(facts)
        if replayed != live:
            self.fail("replay is not what lives")
        return replayed

    def check_promises(self) -> None:
        """Whatever the office was answered yes to is on the disk: as facts, or as an edit."""
        missing = self.oracle.promised - self.disk.asks
        missing -= {fact.ask for fact in self.disk.facts()} if missing else set()
        if missing:
            self.fail(f"the office was answered yes, and nothing is booked: {sorted(missing)}")

    def fail(self, what: str) -> NoReturn:
        """A promise is broken."""
        self.violation = self.violation or what
        if self._tell:
            self._tell(f"{self.loop.now_s:.6f} VIOLATION {what}")
        self.loop.stop()
        raise ViolationError
