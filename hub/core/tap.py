"""What a slice is asked and what it answers: one identified tap, and its outcome."""

from msgspec import Struct

from hub.core.codes import Code
from hub.core.facts import Facts
from hub.core.school import Pupil, Reader, Site


class Tap(Struct, frozen=True):
    """A pupil at a reader at an instant. `unlit`: no yes was shown to the pupil."""

    ask: int
    pupil: Pupil
    reader: Reader
    site: Site
    at_ms: int
    taken_ms: int
    """When the hub took it in hand; a scan may be days old by then."""
    unlit: bool = False


class Outcome(Struct, frozen=True):
    """What came of it, and the facts beside the scan itself."""

    code: Code
    facts: Facts = ()
