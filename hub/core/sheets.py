"""A pupil's day at a programme, as the books keep it: the scans that count, the stays they make, what each was charged."""

from dataclasses import dataclass, field

from msgspec import Struct

from hub.core.codes import Reason
from proto.messages import Direction


class Mark(Struct, frozen=True, gc=False, order=True):
    """A scan that counts, or what staff put in its place. `id`: its ask. Marks sort by when they happened."""

    at_ms: int
    id: int
    direction: Direction
    lit: bool = True


class Stay(Struct, frozen=True, gc=False):
    """`until_ms` 0: still there."""

    id: int
    pupil: int
    site: int
    programme: int
    from_ms: int
    day: int
    until_ms: int = 0
    reason: Reason = Reason.NONE


class Line(Struct, frozen=True, gc=False):
    """What was charged for a stay: the charge, and for which time."""

    charge: int
    cents: int
    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Sheet:
    """A pupil's day at a programme: the scans that count, the stays they make, and what each was charged; by id."""

    marks: dict[int, Mark] = field(default_factory=dict)
    stays: dict[int, Stay] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
