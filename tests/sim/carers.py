"""Carers at the page of a pupil's day: they add, void, move and invert marks, verify stays, undo; and the office runs settlements.

They see the day as the page shows it. A run that was cut off is asked again, under its own ask or a new one.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.core.facts import Refusal, derived
from hub.core.settlement import Run
from hub.desk import Answer, Desk
from hub.settlement import settle
from tests import schools
from tests.sim.acts import Act, Kind
from tests.sim.daysheet import Key
from tests.sim.setting import ABSENCES, CARE, STUDY, TILLEULS, Study, code

if TYPE_CHECKING:
    from tests.sim.world import World

CARERS = (801, 801, 801, 802, 802, 803)
"""The last one comes seldom: what she did last is often too old to be undone."""
REGULARS = 10
CORRECTIONS = (
    (Kind.ADD, 36),
    (Kind.STRIKE, 10),
    (Kind.MOVE, 12),
    (Kind.INVERT, 8),
    (Kind.VERIFY, 16),
    (Kind.ABSENT, 12),
    (Kind.SPLIT, 5),
    (Kind.TAKE_BACK, 18),
)
SHIFTS_MS = (-3_600_000, -1_200_000, -60_000, 120_000, 900_000, 3_600_000)
CLOCKS = (("15:35", "in"), ("16:20", "out"), ("16:41", "toggle"), ("17:10", "in"), ("17:52", "out"), ("07:20", "in"), ("08:05", "out"))
LAST_WEEK = (0, 3, 4)
"""Days back that are corrected: today, and two days of the week before a Monday."""


class Carers:
    """All of them, at the pace of the world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance

    def begin(self) -> None:
        """From now on they correct."""
        pace_s = 8 + self._world.plan.tap_s * 0.8
        self._world.often(pace_s, self.correct)
        self._world.often(pace_s * 6, self.settle)
        if self._world.plan.setting.lesson:
            self._world.often(pace_s * 3, self.justify)

    def correct(self, kind: Kind | None = None) -> None:
        """Something about a pupil's day."""
        kind = kind or self._chance.choices([kind for kind, _ in CORRECTIONS], [weight for _, weight in CORRECTIONS])[0]
        who = self._chance.choice(CARERS)
        if kind is Kind.ADD:
            act = self._added(who)
        elif kind is Kind.TAKE_BACK:
            act = Act(kind, who=who)
        elif kind in {Kind.ABSENT, Kind.SPLIT}:
            act = self._said(kind, who)
        else:
            act = self._about(kind, who)
        self._world.saw(kind.value)
        self._world.forms.ask(act)

    def settle(self) -> None:
        """A run through the last closed day; whoever is told that it is not closed tries again later."""

        async def run(ask: int, desk: Desk) -> Answer:
            now_ms = self._world.hub_wall_ms()
            done = await settle(desk, ask, Run(CARE, desk.books.closed.get(TILLEULS, 0), now_ms))
            return Answer(refusal=done) if isinstance(done, Refusal) else Answer()

        self._world.saw("settlement")
        self._world.forms.send(run, kept=lambda ask, _answer: derived(ask, "done"))

    def _added(self, who: int) -> Act:
        today = schools.MONDAY  # the worlds' own day
        day = today - timedelta(days=self._chance.choice(LAST_WEEK))
        clock, way = self._chance.choice(CLOCKS)
        moment_ms = schools.moment(clock, day) + self._chance.randrange(600_000)
        key = (self._regular(), self._chance.choice((CARE, CARE, CARE, STUDY)), 0)
        return Act(Kind.ADD, who=who, key=key, moment_ms=moment_ms, way=way)

    def _said(self, kind: Kind, who: int) -> Act:
        """About somebody who may be expected at study."""
        day = schools.MONDAY - timedelta(days=self._chance.choice(LAST_WEEK))
        key = (self._regular(), CARE if self._chance.random() < 0.05 else STUDY, code(day))
        if kind is Kind.SPLIT:
            key = self._of_somebody_at_care() or key
            return Act(kind, who=who, key=key, way=self._chance.choice(("yes", "no", "")))
        return Act(kind, who=who, key=key, act=self._chance.choice((0, *ABSENCES, *ABSENCES, 99)))

    def justify(self) -> None:
        """What a family says of a morning: today's, yesterday's, tomorrow's."""
        day = schools.MONDAY + timedelta(days=self._chance.choice((0, 0, 0, 0, -3, 1)))
        way, excuse = self._chance.choice(("justified", "justified", "not_justified", "open")), self._chance.choice(("", "ill", "doctor"))
        self._world.saw(Kind.JUSTIFY.value)
        self._world.forms.ask(
            Act(Kind.JUSTIFY, self._regular(), day=day, way=way, excuse=excuse, act=self._chance.choice((0, 41)), who=801)
        )

    def _regular(self) -> int:
        return schools.number(f"pupil {self._chance.randrange(REGULARS)}")

    def _of_somebody_at_care(self) -> Key | None:
        """The day at study of somebody who was at care, where the one is within the other; mostly."""
        if self._world.plan.setting.study is not Study.WITHIN or self._chance.random() < 0.2:
            return None
        (pupil, _, day), _, _ = self._a_day()
        return pupil, STUDY, day

    def _about(self, kind: Kind, who: int) -> Act:
        """About a mark or a stay that is there, as far as the page knows."""
        key, marks, stays = self._a_day()
        if kind is Kind.VERIFY:
            return Act(kind, who=who, key=key, act=self._chance.choice(stays) if stays else 99)
        first, second = (self._chance.choices(list(marks), k=2)) if marks else (99, 99)
        moment_ms = marks.get(first, 0) + self._chance.choice(SHIFTS_MS) if kind is Kind.MOVE else 0
        return Act(kind, who=who, key=key, act=first, other=second if kind is Kind.INVERT else 0, moment_ms=max(moment_ms, 0))

    def _a_day(self) -> tuple[Key, dict[int, int], list[int]]:
        """Somebody's day: its marks with their instants, its stays."""
        hub = self._world.hub
        days = hub.desk.books.days if hub is not None else {}
        if not days:
            return (schools.number("pupil 1"), CARE, 20250106), {}, []
        day = self._chance.choice(list(days))
        pupil, sheets = self._chance.choice(list(days[day].items()))
        programme, sheet = self._chance.choice(list(sheets.items()))
        return (pupil, programme, day), {mark.id: mark.at_ms for mark in sheet.marks.values()}, list(sheet.stays)
