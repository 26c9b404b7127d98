"""The facts of presence: which scans count on a pupil's day, the stays they make, what staff say of it, when a day is over; class mornings.

A part of facts.py, where everybody takes them from; the same rules hold for them.
"""

from typing import Annotated

from msgspec import Meta, Struct

from hub.core.codes import Act, Excuse, Justification, Reason
from proto.messages import Direction

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Marked(Struct, frozen=True, array_like=True, gc=False, tag="mark"):
    """A scan counts for a pupil's presence on a day (YYYYMMDD) of a programme; the same mark again replaces it. `lit`: a yes was seen.

    `void`: it counts no more. By staff, it belongs to the `Corrected` of the same ask.
    """

    ask: Id
    mark: Id
    pupil: int
    site: int
    programme: int
    day: int
    at_ms: int
    direction: Direction
    lit: bool = True
    void: bool = False


class Corrected(Struct, frozen=True, array_like=True, gc=False, tag="corrected"):
    """Staff (`who`) correct a pupil's day at a programme; what it changes follows under the same ask.

    `undone`: the ask of what an UNDO undoes.
    """

    ask: Id
    act: Act
    pupil: int
    programme: int
    day: int
    who: int
    reason: Reason
    at_ms: int
    undone: int = 0


class StayVerified(Struct, frozen=True, array_like=True, gc=False, tag="verified"):
    """Staff say that a stay was as it is recorded (`verified`), or that this is open again."""

    ask: Id
    stay: Id
    pupil: int
    programme: int
    day: int
    verified: bool = True


class AbsenceMarked(Struct, frozen=True, array_like=True, gc=False, tag="absent"):
    """A planned pupil did not come: `absence` is the reason's id, 0 = not absent after all; it costs `percent` of the time, or `cents`."""

    ask: Id
    pupil: int
    site: int
    programme: int
    day: int
    absence: int
    percent: int
    cents: int


class StaySplit(Struct, frozen=True, array_like=True, gc=False, tag="split"):
    """Whether a day's stay is split into this inner programme: yes, no, or (None) as it is planned (requirement S44)."""

    ask: Id
    pupil: int
    programme: int
    day: int
    split: bool | None


class DayClosed(Struct, frozen=True, array_like=True, gc=False, tag="day_closed"):
    """A site's days up to this one are over: what was priced stands, what changes later is a correction (requirement Q3)."""

    ask: Id
    site: int
    day: int
    at_ms: int


class StayOpened(Struct, frozen=True, array_like=True, gc=False, tag="in"):
    ask: Id
    stay: Id
    pupil: int
    site: int
    programme: int
    at_ms: int
    day: int = 0


class StayClosed(Struct, frozen=True, array_like=True, gc=False, tag="out"):
    """`reason` NO_EXIT: closed at the scheduled end, to be verified, nothing charged (requirement Q6)."""

    ask: Id
    stay: Id
    pupil: int
    site: int
    programme: int
    from_ms: int
    at_ms: int
    reason: Reason = Reason.NONE
    day: int = 0


class StayVoided(Struct, frozen=True, array_like=True, gc=False, tag="stay_void"):
    """A stay turned out to be another one: a scan that came late, or staff, told more."""

    ask: Id
    stay: Id
    pupil: int
    site: int
    programme: int
    day: int


class EntrancePassed(Struct, frozen=True, array_like=True, gc=False, tag="pass"):
    """A pupil's badge at the entrance of a site, on its calendar day (YYYYMMDD)."""

    ask: Id
    pupil: int
    site: int
    day: int
    at_ms: int
    direction: Direction


class MorningNoted(Struct, frozen=True, array_like=True, gc=False, tag="morning"):
    """A pupil's class morning (requirement S46), as far as it is known; the same day again replaces it.

    Class begins; who comes after `late_ms` is late, who comes from `ends_ms` on has missed it. `arrived_ms` 0: has not come.
    `late_min`: started minutes since class began, 0 = in time after all.
    """

    ask: Id
    pupil: int
    site: int
    day: int
    begins_ms: int
    late_ms: int
    ends_ms: int
    arrived_ms: int
    late_min: int


class MorningJustified(Struct, frozen=True, array_like=True, gc=False, tag="justified"):
    """What staff (`who`) say of a pupil's late or missed morning; the last word counts (S47). `document`: its reference, 0 = none."""

    ask: Id
    pupil: int
    site: int
    day: int
    state: Justification
    excuse: Excuse
    document: int
    who: int
    at_ms: int


class RollTaken(Struct, frozen=True, array_like=True, gc=False, tag="roll"):
    """The absences of all classes of a site that should have come by an instant are noted; `absent` of them with this ask."""

    ask: Id
    site: int
    day: int
    through_ms: int
    absent: int
