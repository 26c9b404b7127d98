"""A pupil's day at a programme, as the books keep it: the scans that count, the stays they make, what each was charged."""

from msgspec import Struct

from hub.core.codes import Reason
from proto.messages import Direction


class Mark(Struct, frozen=True, gc=False, order=True):
    """A scan that counts, or what staff put in its place. `id`: its ask. Marks sort by when they happened."""

    at_ms: int
    id: int
    direction: Direction
    lit: bool = True
    void: bool = False


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


class Absence(Struct, frozen=True, gc=False):
    """What staff said of a planned pupil who did not come, and what that costs."""

    reason: int
    percent: int
    cents: int


class Sheet(Struct, gc=False):
    """A pupil's day at a programme: the scans that count, the stays they make, and what each was charged; by id.

    `verified` stays; `split`: whether it is cut out of the stays of the programme around it, None = as planned.
    """

    marks: dict[int, Mark] = {}
    stays: dict[int, Stay] = {}
    lines: dict[int, Line] = {}
    verified: frozenset[int] = frozenset()
    absence: Absence | None = None
    split: bool | None = None

    def with_marks(self, marks: dict[int, Mark]) -> "Sheet":
        """The same sheet with other marks; the rest is shared."""
        return Sheet(marks, self.stays, self.lines, self.verified, self.absence, self.split)


class Said(Struct, gc=False):
    """What an act of staff changed of what is said of a sheet, as it was before; what it left alone is not here, and empty.

    `verified`: of each stay; `absence` and `split`: one at most.
    """

    verified: dict[int, bool] = {}
    absence: tuple[Absence | None, ...] = ()
    split: tuple[bool | None, ...] = ()


class StaffAct(Struct, frozen=True, gc=False):
    """The last correction of a member of staff, and what each thing it changed was before: for an undo.

    `marks`: None = there was none.
    """

    ask: int
    at_ms: int
    marks: dict["MarkKey", Mark | None]
    sheets: dict["SheetKey", Said]


SheetKey = tuple[int, int, int]
"""Pupil, programme, day as YYYYMMDD."""
MarkKey = tuple[SheetKey, int]
"""Which sheet, which mark."""
