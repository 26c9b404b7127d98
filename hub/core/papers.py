"""What may be kept of a pupil beside the school's rows: who may fetch the child, and notes. Kept by hub/papers.py; no fact knows of it."""

from dataclasses import dataclass
from datetime import date

from hub.core.facts import Refusal

MAX_NAME = 80
MAX_NOTE = 2000
"""Characters: half a page. Longer is a file of its own, elsewhere."""


@dataclass(frozen=True, slots=True)
class Pickup:
    """Somebody who may fetch a pupil on the days [from_day, until_day), None = open."""

    id: int
    pupil: int
    name: str
    phone: str
    relation: str
    from_day: date
    until_day: date | None = None


def authorise(pickup: Pickup) -> Pickup | Refusal:
    """Somebody more who may fetch a pupil: needs a name."""
    if not any(letter.isalpha() for letter in pickup.name):
        return Refusal("no_name")
    if max(map(len, (pickup.name, pickup.phone, pickup.relation))) > MAX_NAME:
        return Refusal("too_long", {"most": MAX_NAME})
    if pickup.until_day is not None and pickup.until_day <= pickup.from_day:
        return Refusal("ends_before_it_begins")
    return pickup


def written(note: str) -> str | Refusal:
    """A note with its lines, without space around it."""
    kept = "\n".join(line.rstrip() for line in note.replace("\r\n", "\n").split("\n")).strip()
    return Refusal("too_long", {"most": MAX_NOTE}) if len(kept) > MAX_NOTE else kept
