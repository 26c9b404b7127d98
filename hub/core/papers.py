"""What may be kept beside the school's rows and the facts: who may fetch a child, notes of a pupil, notes of what staff did.

Kept by hub/papers.py and hub/notes.py; no fact knows of it.
"""

from dataclasses import dataclass, replace
from datetime import date

from hub.core.facts import Refusal
from hub.core.lists import MAX_NAME, national

MAX_REMARK = 500
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


@dataclass(frozen=True, slots=True)
class Note:
    """What staff wrote of something they did: the fact with this `number`. `document`: where the proof is kept, such as `mail of 3/9`.

    `pupil` and `day` (YYYYMMDD): whose day it corrects; 0 = it is no matter of a day.
    """

    number: int
    text: str
    document: str = ""
    pupil: int = 0
    day: int = 0


def remarked(note: Note) -> Note | Refusal:
    """The same without space around it."""
    text, document = " ".join(note.text.split()), " ".join(note.document.split())
    if len(text) > MAX_REMARK or len(document) > MAX_NAME:
        return Refusal("note_long", {"most": MAX_REMARK})
    return Refusal("national") if national(text) or national(document) else replace(note, text=text, document=document)
