"""What the books keep of the entrance and of class mornings: who went through, who was late or missing, what staff say of it.

Folds facts only; what is late is decided in mornings.py, who is in the building in inside.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from hub.core.codes import Excuse, Justification
from hub.core.presence import EntrancePassed, MorningJustified, MorningNoted, RollTaken
from proto.messages import Direction


class Pass(Struct, frozen=True, gc=False, order=True):
    """One scan at an entrance. Passes sort by when they happened."""

    at_ms: int
    id: int
    direction: Direction
    site: int


class Morning(Struct, frozen=True, gc=False):
    """What is noted of a pupil's class morning, with the hours it was held against. `arrived_ms` 0: has not come."""

    site: int
    begins_ms: int
    late_ms: int
    ends_ms: int
    arrived_ms: int
    late_min: int

    @property
    def missed(self) -> bool:
        return not self.arrived_ms

    @property
    def counts(self) -> bool:
        """Late or missed: a morning that was noted and turned out to be in time does not."""
        return self.missed or self.late_min > 0


class Said(Struct, frozen=True, gc=False):
    """What staff say of a morning."""

    state: Justification = Justification.OPEN
    excuse: Excuse = Excuse.NONE
    document: int = 0


NOT_SAID = Said()


@dataclass(slots=True)
class Entrance:
    """Of the last days only, but for `rolls`. Days are YYYYMMDD."""

    passes: dict[int, dict[int, tuple[Pass, ...]]] = field(default_factory=dict)
    """Day -> pupil -> scans at all sites, in the order in which they came in."""
    mornings: dict[int, dict[int, Morning]] = field(default_factory=dict)
    """Day -> pupil -> what was noted last; who came in time has none."""
    said: dict[int, dict[int, Said]] = field(default_factory=dict)
    """Day -> pupil -> what staff said last."""
    rolls: dict[int, int] = field(default_factory=dict)
    """Site -> the instant up to which absences are noted."""

    def take(self, fact: EntrancePassed | MorningNoted | MorningJustified | RollTaken) -> None:
        """Take one fact in."""
        _TAKE[type(fact)](self, fact)

    def morning(self, pupil: int, day: int) -> Morning | None:
        """What is noted of a pupil's morning."""
        return self.mornings.get(day, {}).get(pupil)

    def said_of(self, pupil: int, day: int) -> Said:
        """What staff said of a pupil's morning, or that it is open."""
        return self.said.get(day, {}).get(pupil, NOT_SAID)

    def forget(self, day: int) -> None:
        """Let go of a day and what was before."""
        for days in (self.passes, self.mornings, self.said):
            for old in [each for each in days if each <= day]:
                del days[old]


def _passed(entrance: Entrance, fact: EntrancePassed) -> None:
    day = entrance.passes.setdefault(fact.day, {})
    day[fact.pupil] = (*day.get(fact.pupil, ()), Pass(fact.at_ms, fact.ask, fact.direction, fact.site))


def _noted(entrance: Entrance, fact: MorningNoted) -> None:
    morning = Morning(fact.site, fact.begins_ms, fact.late_ms, fact.ends_ms, fact.arrived_ms, fact.late_min)
    entrance.mornings.setdefault(fact.day, {})[fact.pupil] = morning


def _justified(entrance: Entrance, fact: MorningJustified) -> None:
    entrance.said.setdefault(fact.day, {})[fact.pupil] = Said(fact.state, fact.excuse, fact.document)


def _rolled(entrance: Entrance, fact: RollTaken) -> None:
    entrance.rolls[fact.site] = fact.through_ms


_TAKE: dict[type, Callable[[Entrance, Any], None]] = {
    EntrancePassed: _passed,
    MorningNoted: _noted,
    MorningJustified: _justified,
    RollTaken: _rolled,
}
