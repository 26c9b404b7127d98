"""Who is in, now: room by room, who is expected and not there, and the list to read out when a house is left (requirement M8).

Asked for each time, from the books alone, so it is right within one scan. In doubt a child is on the list: care and study until somebody
scans the exit or nobody waits for it any more, class until the pupil goes out by the entrance, goes to care, or class is over where the
way out is not scanned. What the entrance tells ends at midnight; who sleeps at school is at a programme with hours for it.
"""

import enum
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import date
from typing import TypeVar

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of, window_of
from hub.core.codes import Justification
from hub.core.days import class_on
from hub.core.dues import counts_as_present
from hub.core.lists import by_name, fold
from hub.core.payers import payers
from hub.core.school import Adult, Programme, Pupil, School, Site
from hub.core.sheets import Stay
from hub.core.stays import REACH_MS, RETAP_MS, care_day, hours_end_ms
from proto.messages import Direction, Use

T = TypeVar("T")


class Present(Struct, frozen=True):
    """A child that may be in the building since `since_ms`. `room` empty: came in by the entrance, and has no class there.

    `also`: other sites where it may be as well.
    """

    pupil: Pupil
    room: str
    since_ms: int
    also: tuple[int, ...]


class Missing(Struct, frozen=True):
    """A child that is expected and not there. `seen`: the room of this site where it is instead; empty: nowhere."""

    pupil: Pupil
    seen: str


class Room(Struct, frozen=True):
    """Who is in a room, and who should be."""

    name: str
    present: tuple[Present, ...]
    missing: tuple[Missing, ...]


Child = TypeVar("Child", Present, Missing)


class _View(Struct, frozen=True):
    """A site at an instant; `today` is its own, `on` the same day as facts have it.

    `ends`: programme -> an arrival and the end (ms) of the hours it was in, for all who came in the same ones.
    """

    school: School
    books: Books
    site: Site
    now_ms: int
    today: date
    on: int
    ends: dict[int, tuple[int, int]]


def evacuation(school: School, books: Books, site: int, now_ms: int) -> tuple[Present, ...]:
    """Every child that may be in the building of a site, by class and name."""
    found = _whole(_present(school, books, _views(school, books, now_ms)))[site]
    return tuple(sorted(found, key=lambda one: (fold(one.pupil.group), *by_name(one.pupil))))


def rooms(school: School, books: Books, site: int, now_ms: int) -> tuple[Room, ...]:
    """The rooms of a site in which somebody is, or should be."""
    return _whole(looking_round(school, books, now_ms))[site]


def looking_round(school: School, books: Books, now_ms: int) -> Generator[None, None, dict[int, tuple[Room, ...]]]:
    """The same of all sites, child by child, for who must not be long at a time; each child is where it is when its turn comes."""
    views = _views(school, books, now_ms)
    found: dict[int, dict[str, tuple[list[Present], list[Missing]]]] = {site: {} for site in views}
    for site, children in (yield from _present(school, books, views)).items():
        for one in children:
            found[site].setdefault(one.room, ([], []))[0].append(one)
    for lost in _expected(school, views):
        yield
        if lost:
            site, pupil, room = lost
            place = _place(views[site], pupil)
            found[site].setdefault(room, ([], []))[1].append(Missing(pupil, place[0] if place else ""))
    told: dict[int, tuple[Room, ...]] = {}
    for site, there in found.items():
        yield
        told[site] = tuple(Room(name, _sorted(there[name][0]), _sorted(there[name][1])) for name in sorted(there, key=fold))
    return told


def grown_ups(school: School, pupils: Iterable[Pupil]) -> dict[int, tuple[Adult, ...]]:
    """Pupil -> the grown-ups of the households that may pay for it, its own first."""
    adults: dict[int, list[Adult]] = {}
    for adult in school.adults.values():
        adults.setdefault(adult.household, []).append(adult)
    return {one.id: tuple(adult for home in _homes(school, one) for adult in adults.get(home, ())) for one in pupils}


def _whole(steps: Generator[object, None, T]) -> T:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: T = done.value
            return found


def _views(school: School, books: Books, now_ms: int) -> dict[int, _View]:
    """Every site at an instant."""
    days = {site: day_of(now_ms, school.sites[site].zone) for site in school.sites}
    return {site: _View(school, books, school.sites[site], now_ms, day, day_code(day), {}) for site, day in days.items()}


def _present(school: School, books: Books, views: Mapping[int, _View]) -> Generator[None, None, dict[int, list[Present]]]:
    """Site -> the children that may be in its building."""
    found: dict[int, list[Present]] = {site: [] for site in views}
    touched: dict[int, set[int]] = {}
    for one in _touched(books, {view.on for view in views.values()}):
        yield
        if one and one[0] in school.pupils:
            touched.setdefault(school.pupils[one[0]].id, set()).add(one[1])
    for number, sites in touched.items():
        yield
        pupil = school.pupils[number]
        places = {site: place for site in sites if site in views and (place := _place(views[site], pupil))}
        for site, place in places.items():
            found[site].append(Present(pupil, *place, tuple(other for other in views if other != site and other in places)))
    return found


def _touched(books: Books, days: Iterable[int]) -> Iterator[tuple[int, int] | None]:
    """Who may be at which site at all: where a stay is open or was today, or a badge was held at the entrance; None now and then."""
    for number, stays in tuple(books.inside.items()):
        yield from ((number, stay.site) for stay in tuple(stays.values()))
    for on in days:
        for number, sheets in tuple(books.days.get(on, {}).items()):
            yield None
            yield from ((number, stay.site) for sheet in tuple(sheets.values()) for stay in tuple(sheet.stays.values()))
        for number, passes in tuple(books.entrance.passes.get(on, {}).items()):
            yield from ((number, each.site) for each in tuple(passes))


def _sorted(found: Iterable[Child]) -> tuple[Child, ...]:
    return tuple(sorted(found, key=lambda one: by_name(one.pupil)))


def _homes(school: School, pupil: Pupil) -> list[int]:
    return sorted(payers(school, pupil), key=lambda home: (home != pupil.household, home))


# --- where a child is -----------------------------------------------------------------------------


def _place(view: _View, pupil: Pupil) -> tuple[str, int] | None:
    """In which room of the site a pupil is, and since when."""
    stays = [stay for stay in view.books.inside.get(pupil.id, {}).values() if stay.site == view.site.id and not _is_over(view, stay)]
    if stays:
        last = max(stays, key=lambda stay: (stay.from_ms, stay.id))
        programme = _gone_to(view, view.school.programmes[last.programme], pupil, last.day or view.on)
        return _room(programme), last.from_ms
    since_ms = _in_class_since(view, pupil)
    return (pupil.group if pupil.site == view.site.id else "", since_ms) if since_ms else None


def _is_over(view: _View, stay: Stay) -> bool:
    """Whether nobody waits for an exit any more; while the hub runs, such a stay is ended within a minute."""
    from_ms, end_ms = view.ends.get(stay.programme, (0, 0))
    if not from_ms <= stay.from_ms < end_ms:
        end_ms = hours_end_ms(view.school.programmes[stay.programme], view.site.zone, stay.from_ms)
        view.ends[stay.programme] = stay.from_ms, end_ms
    return view.now_ms >= end_ms + REACH_MS


def _gone_to(view: _View, programme: Programme, pupil: Pupil, on: int) -> Programme:
    """Where a pupil at a programme is now: at the one within it whose hours these are, if it goes there (requirement S44)."""
    for number in view.school.inner.get(programme.id, ()):
        inner, said = view.school.programmes[number], view.books.sheet(pupil.id, number, on).split
        goes = view.school.is_planned(pupil.id, number, day_coded(on)) if said is None else said
        if goes and window_of(inner.windows, view.now_ms, view.site.zone):
            return inner
    return programme


def _room(programme: Programme) -> str:
    return programme.room or programme.name


class _Step(enum.IntEnum):
    """What changes where a pupil is; of two at one instant, the one that says it is in comes last."""

    CARE = 0
    """Came to care or study."""
    HOME = 1
    """Left care or study, to go home."""
    OUT = 2
    TOGGLE = 3
    CLASS = 4
    """Left care, to go to class."""
    IN = 5


_PASSES = {Direction.IN: _Step.IN, Direction.OUT: _Step.OUT, Direction.TOGGLE: _Step.TOGGLE}


def _in_class_since(view: _View, pupil: Pupil) -> int:
    """Since when a pupil is in the building and at no programme, as today's scans tell; 0 = it is not."""
    steps, since_ms, passed_ms = sorted(_steps(view, pupil)), 0, 0
    for at_ms, step in steps:
        if step is _Step.TOGGLE:
            if passed_ms and at_ms - passed_ms < RETAP_MS:
                continue
            step = _Step.OUT if passed_ms and since_ms else _Step.IN  # noqa: PLW2901 - the first one of a day is an arrival
        if step in (_Step.IN, _Step.OUT):
            passed_ms = at_ms
        since_ms = since_ms or at_ms if step in (_Step.IN, _Step.CLASS) else 0
    return since_ms if since_ms and not _let_go(view, pupil, since_ms) else 0


def _steps(view: _View, pupil: Pupil) -> Iterator[tuple[int, _Step]]:
    """Today's scans at the entrance, and when the pupil came to programmes and left them."""
    for each in view.books.entrance.passes.get(view.on, {}).get(pupil.id, ()):
        if each.site == view.site.id:
            yield each.at_ms, _PASSES[each.direction]
    for sheet in view.books.sheets(pupil.id, view.on).values():
        for stay in sheet.stays.values():
            if stay.site == view.site.id and stay.until_ms:
                times = class_on(view.school, pupil, view.today) if pupil.site == view.site.id else None
                yield stay.from_ms, _Step.CARE
                yield stay.until_ms, _Step.CLASS if times and stay.until_ms < times.missed_ms else _Step.HOME


def _let_go(view: _View, pupil: Pupil, since_ms: int) -> bool:
    """Where the way out is not scanned, a pupil is in until class is over."""
    times = class_on(view.school, pupil, view.today) if pupil.site == view.site.id else None
    if times is None or not since_ms < times.ends_ms <= view.now_ms:
        return False
    return not any(reader is not Direction.IN for reader in _entrance(view))


def _entrance(view: _View) -> Iterator[Direction]:
    """The directions of the readers at the entrance."""
    readers = (reader for reader in view.school.readers.values() if reader.use is Use.ENTRANCE)
    return (reader.direction for reader in readers if view.school.devices[reader.device].site == view.site.id)


# --- who should be there --------------------------------------------------------------------------


def _expected(school: School, views: Mapping[int, _View]) -> Iterator[tuple[int, Pupil, str] | None]:
    """Who should be at which site now and is not in its room, with the room; None for each other child that was looked at."""
    yield from _not_at_programme(school, views)
    yield from _not_in_class(
        school, {site: view for site, view in views.items() if any(way is not Direction.OUT for way in _entrance(view))}
    )


def _not_at_programme(school: School, views: Mapping[int, _View]) -> Iterator[tuple[int, Pupil, str] | None]:
    """Those who are planned, have not come in these hours, and are not marked absent; nobody on a day without school."""
    running = {
        programme.id: (programme, span, care_day(programme, view.site.zone, view.now_ms))
        for programme in school.programmes.values()
        if (view := views[programme.site]) and (span := window_of(programme.windows, view.now_ms, view.site.zone))
    }
    for number, plans in school.plans.items() if running else ():
        yield None
        pupil, wanted = school.pupils[number], {}
        for item in running.keys() & {plan.programme for plan in plans}:
            programme, span, day = running[item]
            view = views[programme.site]
            if counts_as_present(school, number, programme, day) and not _came(view, pupil, programme, span[0], day_code(day)):
                wanted[view.site.id, _room(_gone_to(view, programme, pupil, day_code(day)))] = pupil
        yield from ((site, pupil, room) for site, room in wanted)


def _came(view: _View, pupil: Pupil, programme: Programme, from_ms: int, on: int) -> bool:
    """Whether a pupil is, or has been in these hours, at a programme or at one that goes with it; or will not come."""
    together = {programme.id, programme.within, *view.school.inner.get(programme.id, ()), *view.school.inner.get(programme.within, ())}
    sheets = view.books.sheets(pupil.id, on)
    stays = (stay for number in together & sheets.keys() for stay in sheets[number].stays.values())
    return view.books.sheet(pupil.id, programme.id, on).absence is not None or any(
        not stay.until_ms or stay.until_ms > from_ms for stay in stays
    )


def _not_in_class(school: School, views: Mapping[int, _View]) -> Iterator[tuple[int, Pupil, str] | None]:
    """Those whom nobody has seen at their site today, while class is on; not those whose absence is justified."""
    for pupil in school.everyone if views else ():
        yield None
        view = views.get(pupil.site)
        times = class_on(school, pupil, view.today) if view else None
        if view is None or times is None or not times.begins_ms <= view.now_ms < times.ends_ms:
            continue
        passes, sheets = view.books.entrance.passes.get(view.on, {}).get(pupil.id, ()), view.books.sheets(pupil.id, view.on)
        came = any(each.site == pupil.site for each in passes)
        came = came or any(stay.site == pupil.site for sheet in sheets.values() for stay in sheet.stays.values())
        if not came and view.books.entrance.said_of(pupil.id, view.on).state is not Justification.JUSTIFIED:
            yield view.site.id, pupil, pupil.group
