"""One small day in which whoever takes the k-th step dies at it: every single death, and pairs of deaths close to each other.

A death is a power cut or, below zero, a kill: the one loses what was not synced, the other leaves it to a start that has to settle it.

No fault of nemesis strikes: what is found here is found at one exact point between a write, a message and a light.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from tests import schools
from tests.sim.acts import Act, Kind
from tests.sim.faults import Plan
from tests.sim.people import LAST_WEEK
from tests.sim.reckoning import MEAL, SANDWICH
from tests.sim.runs import heard
from tests.sim.setting import CARE, TILLEULS
from tests.sim.world import Ending, Tell, World

if TYPE_CHECKING:
    from tests.sim.people import Person

SEED = 4
PLAN = Plan(faults=frozenset(), devices=("gate", "till"), storm_s=75.0, start_ms=schools.moment("15:40"), tap_s=60.0)
KINDS = (1, -1)
"""A power cut, a kill."""
PAIR_STEPS = 12
"""A second death comes within so many steps of the first: while what died is rising again."""
TAPS = (
    (8.0, "till", "drink-till", 0),
    (10.0, "till", "sandwich-till", 0),
    (12.0, "gate", "care-gate", 1),
    (21.0, "till", "meal-till", 2),
    (26.5, "gate", "care-gate", 3),
    (26.5, "till", "meal-till", 3),
    (40.0, "till", "drink-till", 4),
)
"""When (s), device, reader, whose badge. Around 20 s the hub is gone, and comes back: then an order is handed out by the till alone."""
HUB_GONE_S = (20.0, 24.0)
_WHO = schools.number("pupil 5")
_MEAL = Act(Kind.ORDER, _WHO, TILLEULS, schools.MONDAY, MEAL)
_FRIDAY = Act(Kind.ADD, who=801, key=(_WHO, CARE, 0), moment_ms=schools.moment("15:40", LAST_WEEK[1]), way="in")
SETTLED_S = (44.0, 62.0)
"""When runs post what Friday cost."""
ACTS = (
    (6.0, replace(_MEAL, kind=Kind.RESERVE, pupil=schools.number("pupil 2"))),
    (9.0, Act(Kind.OPEN, desk="till", who=901, cents=20_00)),
    (14.0, Act(Kind.SELL, schools.number("pupil 0"), desk="till", who=901, goods=((SANDWICH, 1),), cents=3_20)),
    (22.0, Act(Kind.PAY_IN, _WHO, desk="till", who=901, cents=10_00)),
    (23.0, _MEAL),
    (36.0, Act(Kind.HOLD, _WHO, TILLEULS, product=SANDWICH, for_ms=20_000)),
    (42.0, replace(_MEAL, kind=Kind.CANCEL)),
    (4.0, _FRIDAY),
    (5.0, replace(_FRIDAY, moment_ms=schools.moment("17:20", LAST_WEEK[1]), way="out")),
)
"""When (s) somebody asks something of the desk."""


def a_day(cuts: tuple[int, ...] = (), tell: Tell | None = None) -> Ending:
    """The day, with a death at each of these steps."""
    world = World(SEED, PLAN, tell, cuts)
    with heard(world):
        return world.live(_script)


def single_deaths(steps: int) -> Iterator[tuple[int, ...]]:
    """A power cut and a kill at every step of the day."""
    return ((kind * step,) for step in range(1, steps + 1) for kind in KINDS)


def double_deaths(steps: int, every: int = 1) -> Iterator[tuple[int, ...]]:
    """Two deaths of both kinds, the second at each of the next PAIR_STEPS steps; `every`: only each so many first deaths."""
    kinds = tuple(product(KINDS, KINDS))
    gaps = range(1, PAIR_STEPS + 1)
    return ((one * first, other * (first + gap)) for first in range(1, steps + 1, every) for gap in gaps for one, other in kinds)


def _script(world: World) -> None:
    for at_s, device, reader, who in TAPS:
        world.loop.after_s(at_s, _tap, world, device, reader, world.crowd.people[who])
    for at_s, act in ACTS:
        world.loop.after_s(at_s, world.forms.ask, act)
    for at_s in SETTLED_S:
        world.loop.after_s(at_s, world.carers.settle)
    world.loop.after_s(30.0, world.office.open_door)
    world.loop.after_s(33.0, world.office.change_badge, world.crowd.people[4])
    world.loop.after_s(HUB_GONE_S[0], _stop_hub, world)


def _tap(world: World, device: str, reader: str, who: "Person") -> None:
    world.crowd.tap(world.devices[device], who, reader)


def _stop_hub(world: World) -> None:
    if world.hub is not None:
        world.hub.task(world.hub.stop())
