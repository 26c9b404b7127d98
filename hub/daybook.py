"""`preau-hub day` and `preau-hub settle`: what staff correct in a pupil's day, and settlement runs, the hub stopped. Decides nothing.

Marks and stays of a day are named by their number in `day show`, oldest first; people, programmes and reasons by their names.
"""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hub.core import corrections, settlement
from hub.core.calendar import at, day_code, instant_ms
from hub.core.codes import Reason, Stage
from hub.core.corrections import Moment, Place, Staff
from hub.core.days import as_run_on
from hub.core.dues import Day, reading
from hub.core.facts import Refusal
from hub.core.money import write_cents
from hub.core.named import owner_name, pupil_name
from hub.core.school import Programme, Pupil, School
from hub.core.settlement import Run
from hub.core.sheets import Mark, Sheet, Stay
from hub.desk import Answer
from hub.errors import RefusedError
from hub.meant import act_of, add_instant, asked_ms, day_written, either, note_written, one_of, pupil_called, staff_called
from hub.notes import Notes
from hub.settings import Settings
from hub.settlement import settle
from proto.messages import Direction

if TYPE_CHECKING:
    from hub.memory import Memory

T = TypeVar("T")

REASONS = (Reason.FORGOTTEN, Reason.WRONG_TIME, Reason.WRONG_WAY, Reason.WRONG_PUPIL, Reason.TWICE, Reason.CONFIRMED, Reason.REQUESTED)
"""Why staff correct."""
SENTENCES = {
    "no_such_pupil": "there is no such pupil",
    "no_such_programme": "there is no such programme",
    "no_such_mark": "this mark does not count any more",
    "no_such_pair": "only an entry and an exit can be turned round: a reader for both has no direction",
    "no_such_absence": "there is no such reason of absence",
    "no_such_stay": "there is no such stay",
    "still_there": "the pupil is still there: add the departure instead",
    "already_verified": "this stay is verified already",
    "not_within": "this programme is within no other: there is nothing to split",
    "not_planned": "the pupil was not expected there on that day",
    "was_there": "the pupil was there on that day: take the scans away first",
    "not_yet": "that has not happened yet",
    "too_old": "that day is not kept any more: correct it by a refund or a charge",
    "too_late": "the last act is older than five minutes: correct it by another act",
    "nothing_to_undo": "there is no act of yours to undo",
    "would_be_already_in": "the pupil was in already at that time",
    "would_be_already_out": "the pupil had left already at that time",
    "would_be_closed": "the programme has no hours at that time",
    "would_be_no_entry": "the pupil had not come by then: add the arrival first",
    "day_not_closed": "that day is not over yet, or the hub has not run since",
    "to_verify": "some stays are still to be verified, and this site settles all or nothing",
}
"""Every refusal of corrections and settlement, for staff."""


def arguments(day: argparse.ArgumentParser, settling: argparse.ArgumentParser) -> None:
    """What `preau-hub day` and `preau-hub settle` understand."""
    acts = day.add_subparsers(dest="act", required=True)
    act_of(acts, "questions", "what waits for staff")
    show = act_of(acts, "show", "marks, stays and charges of a pupil's day, by their numbers")
    for word in ("pupil", "day"):
        show.add_argument(word, type=_TYPES.get(word, str), help=_WORDS[word])
    add_instant(show)
    for name, (words, _) in ACTS.items():
        act = act_of(acts, name, f"{name}: {', '.join(words) or 'your last act, within five minutes'}")
        for word in words:
            act.add_argument(word, type=_TYPES.get(word, str), help=_WORDS[word])
        act.add_argument("--by", required=True, help="the login of who corrects")
        act.add_argument("--reason", type=one_of(REASONS), choices=REASONS, default=Reason.FORGOTTEN)
        act.add_argument("--note", default="", help="in your own words; kept with the people's data, not in the journal")
        add_instant(act)
        if name == "move":
            act.add_argument("--to-pupil", help=_WORDS["pupil"])
            act.add_argument("--to-programme", help=_WORDS["programme"])
    runs = settling.add_subparsers(dest="act", required=True)
    for name, told in (("preview", "what a run would post, and what waits for staff"), ("run", "post what is gathered")):
        act = act_of(runs, name, told)
        act.add_argument("programme", help=_WORDS["programme"])
        act.add_argument("--through", type=day_written, help="the last day, 2025-01-31 (default: the last one that is closed)")
        add_instant(act)


async def run_day(settings: Settings, options: argparse.Namespace) -> int:
    """Look at a pupil's day, and correct it: show, questions, add, void, move, invert, absent, verify, split, undo."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        if options.act == "questions":
            _questions(stores.desk.school, stores)
        elif options.act == "show":
            _show(stores, _pupil(stores, options), options.day, asked_ms(options))
        else:
            await _correct(stores, options)
    return 0


async def run_settlement(settings: Settings, options: argparse.Namespace) -> int:
    """Post what a programme has gathered through a closed day, or show what that would be; stays to verify are named and left."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        desk = stores.desk
        programme = _programme(desk.school, options.programme)
        closed = desk.books.closed.get(programme.site, 0)
        run = Run(programme.id, day_code(options.through) if options.through else closed, asked_ms(options))
        if options.act == "preview":
            _preview(stores, run)
            return 0
        outcome = await settle(desk, stores.new_ask(), run, _progress)
        if isinstance(outcome, Refusal):
            raise RefusedError(SENTENCES[outcome.code])
        print(f"{programme.name}: {outcome.charges} charges, {write_cents(outcome.cents)}, from {outcome.wallets} wallets")
        print(f"{outcome.pending} questions left to staff: `preau-hub day questions`")
    return 0


def _progress(done: int, of: int) -> None:
    if done == of or done % 256 == 0:
        print(f"{done} of {of} wallets", flush=True)


def _preview(stores: "Memory", run: Run) -> None:
    """What a run would take from whom."""
    school, books = stores.desk.school, stores.desk.books
    wallets = settlement.start(school, books, run)
    if isinstance(wallets, Refusal):
        raise RefusedError(SENTENCES[wallets.code])
    dues = [due for wallet in wallets if (due := settlement.gathered(books, run, wallet)).charges]
    for due in dues:
        print(f"{owner_name(school, books.owners[due.wallet])}: {len(due.charges)} charges, {write_cents(due.cents)}")
    print(f"together {write_cents(sum(due.cents for due in dues))} from {len(dues)} wallets")
    for question in settlement.pending(school, books, run):
        print(f"left: {_question(school, question.pupil, question.site, question.at_ms, question.reason)}")


# --- a pupil's day --------------------------------------------------------------------------------


def _show(stores: "Memory", pupil: Pupil, day: date, now_ms: int) -> None:
    """Marks and stays by their numbers, and what each stay costs."""
    school, books = stores.desk.school, stores.desk.books
    then = as_run_on(school, day)
    for programme in then.programmes.values():
        sheet = books.sheet(pupil.id, programme.id, day_code(day))
        if sheet == Sheet():
            continue
        zone = school.sites[programme.site].zone
        print(f"{programme.name} ({school.sites[programme.site].name})")
        for number, mark in enumerate(_marks(sheet), 1):
            print(f"  mark {number}: {at(mark.at_ms, zone):%H:%M} {mark.direction}{'' if mark.lit else ', nothing was lit'}")
        for number, stay in enumerate(_stays(sheet), 1):
            until = f"{at(stay.until_ms, zone):%H:%M}" if stay.until_ms else "now"
            state = "verified" if stay.id in sheet.verified else stay.reason
            print(f"  stay {number}: {at(stay.from_ms, zone):%H:%M} to {until}{f', {state}' if state else ''}")
        for line in sheet.lines.values():
            stage = books.charges[line.charge].stage
            print(f"  charge {line.charge}: {write_cents(line.cents)}{'' if stage is Stage.POSTED else f' ({stage})'}")
        if sheet.absence:
            print(f"  absent: {school.absences[sheet.absence.reason].name if sheet.absence.reason in school.absences else ''}")
        for pair in _pairs(Day(then, books, 0, pupil, school.sites[programme.site], day_code(day), now_ms), programme, sheet):
            print(f"  marks {pair[0]} and {pair[1]} look turned round: `preau-hub day invert` changes that")


def _pairs(day: Day, programme: Programme, sheet: Sheet) -> list[tuple[int, int]]:
    """Pairs to offer for inversion, as the numbers of marks."""
    found = reading(day, programme)
    places = {mark.id: number for number, mark in enumerate(_marks(sheet), 1)}
    return [(places[one], places[other]) for one, other in corrections.wrong_ways(found, sheet)]


def _questions(school: School, stores: "Memory") -> None:
    """What waits for staff, oldest first."""
    for question in sorted(stores.desk.books.unresolved.values(), key=lambda one: one.at_ms):
        print(_question(school, question.pupil, question.site, question.at_ms, question.reason or question.code))


def _question(school: School, pupil: int, site: int, at_ms: int, reason: str) -> str:
    place = school.sites.get(site)
    when = f"{at(at_ms, place.zone):%d/%m/%Y %H:%M}" if place else ""
    return f"{when}  {place.name if place else ''}  {_name(school, pupil)}: {reason}"


async def _correct(stores: "Memory", options: argparse.Namespace) -> None:
    """One act, its note, and the day as it is now."""
    who = await staff_called(stores.register, options.by)
    staff = Staff(who.id, options.reason, asked_ms(options))
    of_day = () if options.act == "undo" else (_pupil(stores, options).id, day_code(options.day))
    note = note_written(options.note, *of_day)
    _, act = ACTS[options.act]
    answer = await act(stores, staff, options)
    if answer.refusal is not None:
        raise RefusedError(SENTENCES[answer.refusal.code])
    if note.text:
        await Notes(stores.register).write(replace(note, number=answer.number))
    if options.act == "undo":
        print("undone")
    else:
        _show(stores, _pupil(stores, options), options.day, asked_ms(options))


async def _add(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, programme = stores.new_ask(), _programme(stores.desk.school, options.programme)
    moment = Moment(_pupil(stores, options).id, programme.id, _instant(stores.desk.school, programme, options.day, options.clock))
    return await stores.desk.do(ask, corrections.add, ask, staff, moment, options.direction)


async def _void(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place = stores.new_ask(), _place(stores, options)
    return await stores.desk.do(ask, corrections.void, ask, staff, place, _mark(stores, place, options.mark))


async def _move(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place, school = stores.new_ask(), _place(stores, options), stores.desk.school
    programme = _programme(school, options.to_programme or options.programme)
    pupil = pupil_called(school, options.to_pupil) if options.to_pupil else _pupil(stores, options)
    to = Moment(pupil.id, programme.id, _instant(school, programme, options.day, options.clock))
    return await stores.desk.do(ask, corrections.move, ask, staff, place, _mark(stores, place, options.mark), to)


async def _invert(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place = stores.new_ask(), _place(stores, options)
    marks = (_mark(stores, place, options.mark), _mark(stores, place, options.other))
    return await stores.desk.do(ask, corrections.invert, ask, staff, place, marks)


async def _absent(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place = stores.new_ask(), _place(stores, options)
    known = {reason.name: reason.id for reason in stores.desk.school.absences.values()}
    if options.absence not in {*known, "none"}:
        raise RefusedError(f"`{options.absence}` is no reason of absence: say {either([*sorted(known), 'none'])}")
    return await stores.desk.do(ask, corrections.absent, ask, staff, place, known.get(options.absence, 0))


async def _verify(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place = stores.new_ask(), _place(stores, options)
    stays = _stays(stores.desk.books.sheet(place.pupil, place.programme, place.day))
    stay = _numbered(stays, options.stay, "stay").id
    return await stores.desk.do(ask, corrections.verify, ask, staff, place, stay)


async def _split(stores: "Memory", staff: Staff, options: argparse.Namespace) -> Answer:
    ask, place = stores.new_ask(), _place(stores, options)
    said = {"yes": True, "no": False, "planned": None}
    if options.through not in said:
        raise RefusedError(f"`{options.through}`: say yes, no or planned")
    return await stores.desk.do(ask, corrections.split, ask, staff, place, through=said[options.through])


async def _undo(stores: "Memory", staff: Staff, _options: argparse.Namespace) -> Answer:
    ask = stores.new_ask()
    return await stores.desk.do(ask, corrections.undo, ask, staff)


Correction = Callable[["Memory", Staff, argparse.Namespace], Awaitable[Answer]]
_DAY = ("pupil", "programme", "day")
ACTS: dict[str, tuple[tuple[str, ...], Correction]] = {
    "add": ((*_DAY, "clock", "direction"), _add),
    "void": ((*_DAY, "mark"), _void),
    "move": ((*_DAY, "mark", "clock"), _move),
    "invert": ((*_DAY, "mark", "other"), _invert),
    "absent": ((*_DAY, "absence"), _absent),
    "verify": ((*_DAY, "stay"), _verify),
    "split": ((*_DAY, "through"), _split),
    "undo": ((), _undo),
}
_WORDS = {
    "pupil": "first and last name, or the number",
    "programme": "its name, or `name@site` where two sites have it",
    "day": "2025-01-31",
    "clock": "16:05",
    "direction": "in or out",
    "mark": "its number in `day show`",
    "other": "the number of the other mark",
    "absence": "the reason's name, or none",
    "stay": "its number in `day show`",
    "through": "yes, no or planned",
}
_TYPES = {"day": day_written, "direction": one_of((Direction.IN, Direction.OUT))}
"""How words are read that are no names."""


# --- what was meant -------------------------------------------------------------------------------


def _pupil(stores: "Memory", options: argparse.Namespace) -> Pupil:
    return pupil_called(stores.desk.school, options.pupil)


def _place(stores: "Memory", options: argparse.Namespace) -> Place:
    return Place(_pupil(stores, options).id, _programme(stores.desk.school, options.programme).id, day_code(options.day))


def _programme(school: School, text: str) -> Programme:
    name, _, site = text.partition("@")
    found = [one for one in school.programmes.values() if one.name == name and (not site or school.sites[one.site].name == site)]
    if len(found) != 1:
        known = ", ".join(sorted(f"{one.name}@{school.sites[one.site].name}" for one in school.programmes.values()))
        raise RefusedError(f"`{text}` is {'several programmes' if found else 'no programme'}: it is one of {known}")
    return found[0]


def _instant(school: School, programme: Programme, day: date, clock: str) -> int:
    hour, colon, minute = clock.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise RefusedError(f"`{clock}` is no time: write it as 16:05")
    return instant_ms(day, int(hour) * 60 + int(minute), school.sites[programme.site].zone)


def _marks(sheet: Sheet) -> list[Mark]:
    """The marks that count, by the clock."""
    return sorted(mark for mark in sheet.marks.values() if not mark.void)


def _stays(sheet: Sheet) -> list[Stay]:
    return sorted(sheet.stays.values(), key=lambda stay: (stay.from_ms, stay.id))


def _mark(stores: "Memory", place: Place, number: str) -> int:
    return _numbered(_marks(stores.desk.books.sheet(place.pupil, place.programme, place.day)), number, "mark").id


def _numbered(things: Sequence[T], number: str, what: str) -> T:
    if not number.isdecimal() or not 0 < int(number) <= len(things):
        raise RefusedError(f"`{number}` is no {what} of that day: `preau-hub day show` numbers them")
    return things[int(number) - 1]


def _name(school: School, pupil: int) -> str:
    return pupil_name(school, pupil) if pupil in school.pupils else "an unknown badge"
