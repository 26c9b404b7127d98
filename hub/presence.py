"""`preau-hub presence`: who is in now, the list for paper when the house is left, class mornings and what staff say of them.

It decides nothing (core/inside.py, core/mornings.py). The hub is stopped meanwhile, so the lists say until when they know; a note is kept
with the people's data, under the number of its fact.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core.calendar import at, day_code, day_coded
from hub.core.codes import Excuse, Justification
from hub.core.facts import MorningJustified
from hub.core.inside import Present, evacuation, grown_ups, rooms
from hub.core.mornings import Word, justify
from hub.core.school import Adult, Pupil, School, Site
from hub.errors import RefusedError
from hub.meant import (
    act_of,
    add_instant,
    asked_ms,
    day_written,
    in_order,
    note_written,
    one_of,
    pupil_called,
    site_called,
    staff_called,
    whole_written,
)
from hub.notes import Notes
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.history import Noted
    from hub.memory import Memory

STOPPED = "The hub is stopped while this is made: what is scanned meanwhile waits at the devices and is not on it."
SENTENCES = {
    "no_such_pupil": "there is no such pupil",
    "day_over": "that day is not kept any more",
    "nothing_to_justify": "the pupil was neither late nor absent on that day, and has no class that is still to come",
    "no_document": "the reference of a document is a number from 1",
    "no_excuse": "what is justified needs a reason: --reason",
    "said_already": "that is what was said already",
}
"""Every refusal of a justification, for staff."""
_STATES = {Justification.OPEN: "open", Justification.JUSTIFIED: "justified", Justification.NOT_JUSTIFIED: "not justified"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `preau-hub presence` understands."""
    acts = parser.add_subparsers(dest="act", required=True)
    inside = _act(acts, "inside", "who is in now, room by room, and who is expected and not there")
    inside.add_argument("site", nargs="?", help="its name (default: all)")
    _act(acts, "evacuation", "every child that may be in the building of a site, to read out").add_argument("site", help="its name")
    mornings = _act(acts, "mornings", "late and missed mornings, and what was said of them")
    mornings.add_argument("--from", dest="since", type=day_written, required=True, help="first day, YYYY-MM-DD")
    mornings.add_argument("--to", dest="until", type=day_written, required=True, help="last day, included")
    mornings.add_argument("--group", help="of this class only")
    mornings.add_argument("--pupil", help="of this pupil only: number, or first and last name")
    excuses = [excuse for excuse in Excuse if excuse]
    said = _act(acts, "justify", "say of a late or missed morning whether it is justified; another state undoes it")
    said.add_argument("pupil", help="number, or first and last name")
    said.add_argument("day", type=day_written, help="2025-01-31")
    said.add_argument("state", type=one_of(Justification), choices=list(Justification))
    said.add_argument("--reason", type=one_of(excuses), choices=excuses)
    said.add_argument("--document", type=whole_written, default=0, help="the reference number of what the family brought")
    said.add_argument("--note", default="", help="in your own words; kept with the people's data, not in the journal")
    said.add_argument("--by", required=True, help="the login of who says it")


def _act(acts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str) -> argparse.ArgumentParser:
    act = act_of(acts, name, words)
    add_instant(act)
    return act


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Who is in, the evacuation list, late and missed mornings, and their justification: inside, evacuation, mornings, justify."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        now_ms = asked_ms(options)
        match options.act:
            case "inside":
                sites = [site_called(stores.desk.school, options.site)] if options.site else list(stores.desk.school.sites.values())
                _print(line for site in sites for line in _rooms(stores, site, now_ms))
            case "evacuation":
                _print(_evacuation(stores, site_called(stores.desk.school, options.site), now_ms))
            case "mornings":
                await _mornings(stores, options)
            case _:
                await _justify(stores, options, now_ms)
    return 0


def _print(lines: Iterator[str]) -> None:
    print("\n".join(lines))


# --- who is in ------------------------------------------------------------------------------------


def _rooms(stores: "Memory", site: Site, now_ms: int) -> Iterator[str]:
    """A site's rooms, who is in them, and who is expected."""
    found = rooms(stores.desk.school, stores.desk.books, site.id, now_ms)
    yield f"{site.name}, {at(now_ms, site.zone):%d/%m/%Y %H:%M}: {sum(len(room.present) for room in found)} in"
    for room in found:
        yield f"  {room.name or 'by the entrance'}: {len(room.present)}"
        for one in room.present:
            yield f"    {_name(one.pupil)} {_since(one, site, now_ms)}{_also(stores.desk.school, one)}"
        for lost in room.missing:
            yield f"    expected: {_name(lost.pupil)}{f', is in {lost.seen}' if lost.seen else ''}"


def _evacuation(stores: "Memory", site: Site, now_ms: int) -> Iterator[str]:
    """For paper: a box to tick for each child, class by class."""
    school, books = stores.desk.school, stores.desk.books
    listed = evacuation(school, books, site.id, now_ms)
    yield f"EVACUATION LIST   {site.name}   {at(now_ms, site.zone):%d/%m/%Y %H:%M:%S}"
    yield f"{len(listed)} children may be in the building. {STOPPED}"
    adults = grown_ups(school, (one.pupil for one in listed))
    rows = [_row(school, one, adults[one.pupil.id], site, now_ms) for one in listed]
    wide = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for group, those in groupby(zip(listed, rows, strict=True), key=lambda one: one[0].pupil.group):
        yield from ("", f"Class {group or '-'}")
        for _, row in those:
            yield f"  [ ] {row[0]:{wide[0]}}  {row[1]:{wide[1]}}  {row[2]:{wide[2]}}  {row[3]}".rstrip()
    lost = [one.pupil for room in rooms(school, books, site.id, now_ms) for one in room.missing if not one.seen]
    if lost:
        yield from ("", f"Expected, and not seen at this site: {len(lost)}")
        yield from (f"  [ ] {_name(pupil)}" for pupil in lost)


def _row(school: School, one: Present, adults: Iterable[Adult], site: Site, now_ms: int) -> Sequence[str]:
    """Name, room, since when, and who belongs to the child."""
    people = ", ".join(f"{adult.first_name} {adult.last_name}" for adult in adults)
    name = f"{one.pupil.last_name} {one.pupil.first_name}"
    return name, one.room or "by the entrance", _since(one, site, now_ms), f"{people}{_also(school, one)}"


def _since(one: Present, site: Site, now_ms: int) -> str:
    came, now = at(one.since_ms, site.zone), at(now_ms, site.zone)
    return f"since {came:%H:%M}" if came.date() == now.date() else f"since {came:%d/%m %H:%M}"


def _also(school: School, one: Present) -> str:
    return f"  ALSO AT {', '.join(school.sites[site].name for site in one.also)}" if one.also else ""


def _name(pupil: Pupil) -> str:
    return f"{pupil.first_name} {pupil.last_name}{f' ({pupil.group})' if pupil.group else ''}"


# --- class mornings -------------------------------------------------------------------------------


async def _mornings(stores: "Memory", options: argparse.Namespace) -> None:
    """Day by day, with the note of what was said last."""
    school = stores.desk.school
    first, last = in_order(options.since, options.until)
    pupil = pupil_called(school, options.pupil).id if options.pupil else 0
    await stores.history.caught_up(stores.journal.durable)
    found = await stores.history.mornings(day_code(first), day_code(last), pupil)
    notes = await Notes(stores.register).noted([each.number for each in found if each.number])
    for each in found:
        who = school.pupils.get(each.morning.pupil)
        if options.group is None or (who is not None and who.group == options.group):
            print(_morning(school, each, notes[each.number].text if each.number in notes else ""))


def _morning(school: School, each: "Noted", note: str) -> str:
    noted = each.morning
    pupil = school.pupils.get(noted.pupil)
    zone = school.sites[noted.site].zone
    what = f"late {noted.late_min} min, came at {at(noted.arrived_ms, zone):%H:%M}" if noted.arrived_ms else "absent"
    words = [f"{day_coded(noted.day):%d/%m/%Y}", _name(pupil) if pupil else str(noted.pupil), what, _said(each.said)]
    return "  ".join([*words, *([f"“{note}”"] if note else [])])


def _said(said: MorningJustified | None) -> str:
    """What staff said, in a word: `justified, doctor, document 117`."""
    if said is None:
        return _STATES[Justification.OPEN]
    return ", ".join(
        [_STATES[said.state], *([said.excuse] if said.excuse else []), *([f"document {said.document}"] if said.document else [])]
    )


async def _justify(stores: "Memory", options: argparse.Namespace, now_ms: int) -> None:
    desk, ask = stores.desk, stores.new_ask()
    pupil = pupil_called(desk.school, options.pupil)
    staff = await staff_called(stores.register, options.by)
    word = Word(pupil.id, options.day, options.state, options.reason or Excuse.NONE, options.document, staff.id)
    note = note_written(options.note, pupil.id, day_code(options.day))
    answer = await desk.do(ask, justify, ask, word, now_ms)
    if answer.refusal is not None:
        raise RefusedError(SENTENCES[answer.refusal.code])
    if note.text:
        await Notes(stores.register).write(replace(note, number=answer.number))
    (said,) = (fact for fact in answer.facts if isinstance(fact, MorningJustified))
    print(f"{options.day:%d/%m/%Y}  {_name(pupil)}  {_said(said)}")
