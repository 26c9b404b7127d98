"""Notes that go with what staff do: read from a form, and kept under the number of the fact once it is booked. No route: several pages."""

from dataclasses import replace

from hub.core.facts import Refusal
from hub.core.papers import Note, remarked
from hub.web.session import Form, Visit


def remark_in(form: Form, pupil: int = 0, day: int = 0) -> Note | Refusal:
    """The note and the document of a form; of a pupil's day (YYYYMMDD), where it is about one."""
    return remarked(Note(0, form.text("note", 2000), form.text("document", 2000), pupil, day))


async def keep_remark(visit: Visit, note: Note | Refusal, number: int) -> None:
    """Keep what was written with an act under the number of its first fact; nothing where nothing was."""
    if not isinstance(note, Refusal) and (note.text or note.document):
        await visit.office.notes.write(replace(note, number=number))
