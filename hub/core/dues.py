"""What a pupil's day costs: from the stays that count to charges, made equal to what was charged before by further facts.

What is priced together is worked out together, in the order of the clock: a programme with those within it, all programmes of a tariff
group, and the days of brothers and sisters where the price asks who was there. So it changes nothing in which order scans arrive.
A price once made stands for the same times; what is not right any more is taken back whole, and made again (requirement M3).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from hub.core.books import Books
from hub.core.calendar import DayKind, Span, day_code, day_coded, day_of, spans_around
from hub.core.codes import Reason, Stage
from hub.core.days import day_kind
from hub.core.facts import Charged, Facts, Refusal, Reversed, derived
from hub.core.formulas import Line as PricedBy
from hub.core.formulas import Session
from hub.core.payers import payers
from hub.core.school import Policy, Programme, Pupil, Scans, School, Site, Tariff, by_presence
from hub.core.sheets import Line, Sheet
from hub.core.stays import Reading, Visit, read
from hub.core.tariffs import Filling, Occasion, cents_of, is_by_income, line_on, price, price_of_absence, tariff_on
from hub.core.timetable import Attendance
from hub.core.wallets import Sale, charge, reverse, told_of_whole
from hub.core.whys import Rule, Why


class Day(Struct, frozen=True):
    """A pupil's day at a site, on whose behalf and when it is booked. `sheets` of programmes that are about to change.

    `who`: the member of staff who corrects it, 0 = nobody does. `bought`: facts of the same ask, by which products were bought or
    given back.
    """

    school: School
    books: Books
    ask: int
    pupil: Pupil
    site: Site
    day: int
    now_ms: int
    sheets: Mapping[int, Sheet] = {}
    who: int = 0
    bought: Facts = ()

    def sheet(self, programme: int) -> Sheet:
        return self.sheets.get(programme) or self.books.sheet(self.pupil.id, programme, self.day)


class Part(Struct, frozen=True):
    """A piece of a stay at the price of one programme. `id`: of its line; `stay`: whose piece; `Absence` is priced by its sheet."""

    id: int
    stay: int
    programme: int
    from_ms: int
    to_ms: int
    absent: bool = False


_Wanted = tuple[Part, int, Why | None]
"""What a part costs; no derivation where the charge that was made stands."""


Told = tuple[Day, Mapping[int, Reading]]
"""A pupil's day, and what the sheets of it that change say, by programme."""


def due(day: Day, programme: Programme, found: Reading, earlier: Facts = ()) -> Facts:
    """The facts that make the charges right once a programme's day reads like this. `earlier`: of the same ask."""
    return due_together(((day, {programme.id: found}),), earlier)


def due_together(told: Sequence[Told], earlier: Facts = ()) -> Facts:
    """The same where one ask changes several sheets of one day: what hangs together is priced once. Each pupil stands once in `told`."""
    school = told[0][0].school
    here = {day.pupil.id: _is_here(day, readings) for day, readings in told} if school.by_presence else {}
    is_news = bool(here) and any(_was_there(day.books, day.pupil.id, day.day) is not here[day.pupil.id] for day, _ in told)
    facts: Facts = ()
    for day, readings in told:
        programmes = [school.programmes[programme] for programme in readings]
        programmes += _depending(day) if is_news and len(told) > 1 else []
        facts += _evened(day, _together(day, *programmes), readings, here, (*earlier, *facts))
    if is_news:
        day = told[0][0]
        siblings = {sibling.id: sibling for each, _ in told for sibling in _siblings(each) if sibling.id not in here}
        for sibling in siblings.values():
            if day.books.sheets(sibling.id, day.day):
                facts += _of_sibling(day, sibling, here, (*earlier, *facts))
    return told_of_whole(school, told[0][0].books, facts, earlier)


def refilled(day: Day) -> Facts:
    """The facts that make the charges of a day's stays right once products of their tariff groups were `bought` or given back."""
    seen = seen_at(day.books, day.school, day.pupil.id, day.day)
    groups = {tariff.group for item in _bought(day) if (tariff := tariff_on(day.school, item, day_coded(day.day)))} if seen else ()
    beside = [each for each in seen if not _groups(day, root_of(day.school, each)).isdisjoint(groups)] if any(groups) else []
    return _evened(day, _together(day, *beside), {}, {}, day.bought) if beside else ()


def _bought(day: Day) -> Iterator[int]:
    """The pupil's products that were bought or given back."""
    for fact in day.bought:
        one = fact if isinstance(fact, Charged) else day.books.charges[fact.charge] if isinstance(fact, Reversed) else None
        if one is not None and one.pupil == day.pupil.id:
            yield one.item


def _evened(day: Day, roots: Iterable[Programme], readings: Mapping[int, Reading], present: Mapping[int, bool], earlier: Facts) -> Facts:
    """Charges that are not right any more are taken back whole, those that are missing are made."""
    known: dict[int, Line] = {}
    for root in roots:
        for programme in _family(day.school, root):
            known |= day.sheet(programme.id).lines
    wanted = _priced(day, roots, readings, known, present)
    facts = _taken_back(day, known, wanted, readings) if known else ()
    taken = [day.books.charges[fact.charge] for fact in facts if type(fact) is Reversed]
    replaced = {one.item for one in taken if one.stage is _POSTED}  # also what was posted as 0,00 and moved nothing
    for part, cents, why in wanted:
        if why is not None:
            facts += _charged(day, part, cents, why, replaced=part.programme in replaced, earlier=(*earlier, *facts))
    return facts


def _taken_back(day: Day, known: Mapping[int, Line], wanted: list[_Wanted], readings: Mapping[int, Reading]) -> Facts:
    """The lines that nothing, or something else, is wanted for."""
    right = {part.id: why for part, _, why in wanted}
    facts: Facts = ()
    for line_id, line in known.items():
        if right.get(line_id, _GONE) is not None:
            dark = {derived(visit.id, "stay") for found in readings.values() for visit in found.visits if not visit.lit}
            reason = Reason.NOT_LIT if line_id in dark and line_id not in right else Reason.CORRECTED
            facts += reverse(day.ask, day.books.charges[line.charge], day.now_ms, reason, day.who)
    return facts


_ENTRY, _AUTO, _SERVED = Scans.ENTRY, Attendance.AUTO, Policy.MUST_SERVE
_GATHERED, _POSTED = Stage.GATHERED, Stage.POSTED
"""Members of an enum are looked up slowly, and these are for every tap."""
_GONE = Why(Rule.UNPRICED)


def _charged(day: Day, part: Part, cents: int, why: Why, *, replaced: bool, earlier: Facts) -> Facts:
    on, programme = day_coded(day.day), day.school.programmes[part.programme]
    site = day.school.sites[programme.site]
    stage = _GATHERED if programme.post_days and not replaced else _POSTED  # a correction of what is posted is posted (Q3)
    sale = Sale(day.pupil, site, part.programme, cents, why, _SERVED, day.now_ms, day=on, stay=part.id, stage=stage, who=day.who)
    booked = charge(day.school, day.books, day.ask, sale, earlier)
    assert not isinstance(booked, Refusal), "care is always served"
    return booked


# --- which prices hang together -------------------------------------------------------------------


def _family(school: School, root: Programme) -> tuple[Programme, ...]:
    """A programme and those within it."""
    inner = school.inner.get(root.id)
    return (root, *[school.programmes[each] for each in inner]) if inner else (root,)


def root_of(school: School, programme: Programme) -> Programme:
    """The programme whose stays this one takes its hours out of; itself where there is none."""
    return school.programmes.get(programme.within, programme) if programme.within else programme


def _together(day: Day, *programmes: Programme) -> tuple[Programme, ...]:
    """The programmes whose prices of this day hang together with those of these, by a group of theirs or of what is within them."""
    roots = {root.id: root for root in [root_of(day.school, programme) for programme in programmes]}
    seen = seen_at(day.books, day.school, day.pupil.id, day.day) if day.school.groups else []
    others = {root.id: root for root in [root_of(day.school, programme) for programme in seen] if root.id not in roots}
    groups = {group for root in roots.values() for group in _groups(day, root)} if others else set()
    while groups:
        beside = {root.id: root for root in others.values() if root.id not in roots and not groups.isdisjoint(_groups(day, root))}
        if not beside:
            break
        roots |= beside
        groups |= {group for root in beside.values() for group in _groups(day, root)}
    return tuple(roots.values())


def _groups(day: Day, root: Programme) -> set[int]:
    """The tariff groups of a programme and of those within it."""
    return {tariff.group for tariff in _tariffs(day, root) if tariff is not None and tariff.group}


def _tariffs(day: Day, root: Programme) -> Iterator[Tariff | None]:
    """The tariffs of a programme and of those within it."""
    return (tariff_on(day.school, each.id, day_coded(day.day)) for each in _family(day.school, root))


def seen_at(books: Books, school: School, pupil: int, day: int) -> list[Programme]:
    """The programmes where a pupil has a sheet that day."""
    return [school.programmes[programme] for programme in books.sheets(pupil, day) if programme in school.programmes]


def _was_there(books: Books, pupil: int, day: int, but: Collection[int] = ()) -> bool:
    sheets = books.sheets(pupil, day)
    return bool(sheets) and any(sheet.stays for programme, sheet in sheets.items() if programme not in but)


def _is_here(day: Day, readings: Mapping[int, Reading]) -> bool:
    """Whether the pupil was there that day, as far as these readings and the other sheets tell."""
    return any(found.visits for found in readings.values()) or _was_there(day.books, day.pupil.id, day.day, but=readings.keys())


def _siblings(day: Day) -> tuple[Pupil, ...]:
    """The other children of those who may pay for this one."""
    school, pupil = day.school, day.pupil
    found = school.siblings.get(pupil.id)
    if found is None:
        children = {child for household in payers(school, pupil) for child in school.kin.get(household, ())}
        found = school.siblings[pupil.id] = tuple(school.pupils[child] for child in sorted(children - {pupil.id}))
    return found


def _of_sibling(day: Day, sibling: Pupil, present: Mapping[int, bool], earlier: Facts) -> Facts:
    """A brother's or sister's day once more, with this pupil there or not."""
    other = Day(day.school, day.books, day.ask, sibling, day.site, day.day, day.now_ms, who=day.who)
    depend = _depending(other)
    return _evened(other, _together(other, *depend), {}, present, earlier) if depend else ()


def _depending(day: Day) -> list[Programme]:
    """The programmes where the pupil was seen, and whose price asks who else was there."""
    seen = seen_at(day.books, day.school, day.pupil.id, day.day)
    return [each for each in seen if any(by_presence(tariff) for tariff in _tariffs(day, root_of(day.school, each)))]


# --- what is charged ------------------------------------------------------------------------------


def _priced(
    day: Day, roots: Iterable[Programme], readings: Mapping[int, Reading], known: Mapping[int, Line], present: Mapping[int, bool]
) -> list[_Wanted]:
    """Every part with what it costs, in the order of the clock; a session once a day."""
    found: list[_Wanted] = []
    filling = Filling()
    paid: set[int] = set()
    depends = bool(day.school.groups) or day.school.by_presence
    for part in sorted([part for root in roots for part in _parts(day, root, readings)], key=_by_clock):
        line = known.get(part.id)
        stands = line is not None and line.from_ms == part.from_ms and line.to_ms == part.to_ms and not _reason_changes(day, part)
        session = _session(day, part)
        again = session is not None and part.programme in paid
        if line is not None and stands and not (depends and _may_change(day, part)) and not (session and session.late):
            cents, why = 0 if again else line.cents, None
        else:
            cents, why = _price(day, part, present, filling, again=again)
            if line is not None and stands and line.cents == cents:
                why = None
        if cents or (_stands_free(day, part) and not again):
            paid.add(part.programme)
            found.append((part, cents, why))
    return found


def _reason_changes(day: Day, part: Part) -> bool:
    """Whether staff give another reason for an absence now, and with it another price."""
    before = day.books.sheet(day.pupil.id, part.programme, day.day).absence
    return part.absent and before != day.sheet(part.programme).absence


def _stands_free(day: Day, part: Part) -> bool:
    """What is free by income or because a group's day is full stands as 0,00: it may be priced again (rerating.py)."""
    tariff = tariff_on(day.school, part.programme, day_coded(day.day))
    return not part.absent and tariff is not None and (tariff.group > 0 or is_by_income(tariff))


def _session(day: Day, part: Part) -> PricedBy | None:
    """The line of the tariff by which a part is a session, paid once a day, but for being fetched late; None where it is none."""
    on = day_coded(day.day)
    tariff = tariff_on(day.school, part.programme, on)
    line = line_on(day.school, day.pupil, day.school.programmes[part.programme].site, tariff, on)[1] if tariff else None
    return line if line is not None and isinstance(line.formula, Session) else None


def _may_change(day: Day, part: Part) -> bool:
    """Whether a price for the same times may come out different: by who else was there, or what else was bought."""
    tariff = tariff_on(day.school, part.programme, day_coded(day.day))
    return tariff is not None and (tariff.group > 0 or by_presence(tariff))


def _by_clock(part: Part) -> tuple[int, int, int]:
    return part.from_ms, part.programme, part.id


def _price(day: Day, part: Part, present: Mapping[int, bool], filling: Filling, *, again: bool) -> tuple[int, Why]:
    """What a part costs after what its tariff group has cost before (`filling`, which it adds to); `again`: its session is paid."""
    tariff = tariff_on(day.school, part.programme, day_coded(day.day)) if day.school.groups or day.school.by_presence else None
    there = _present(day, present) if by_presence(tariff) else frozenset()
    group = tariff.group if tariff else 0
    if group and group not in filling.spent:
        filling.spent[group] = _articles_cents(day, group)
    site = day.school.sites[day.school.programmes[part.programme].site]
    before_cents = filling.before_cents(group, absent=part.absent) if group else 0
    occasion = Occasion(day.pupil, site, part.programme, part.from_ms, part.to_ms, there, before_cents)
    cents, why = _of_absence(day, part, occasion) if part.absent else price(day.school, occasion)
    if again:
        why = structs.replace(why, units=0)
        cents = cents_of(why)
    if group:
        filling.add(group, cents, why)
    return cents, why


def _of_absence(day: Day, part: Part, occasion: Occasion) -> tuple[int, Why]:
    """What staff's reason says an absence costs: an amount, or a percentage of what this piece would have cost."""
    absence = day.sheet(part.programme).absence
    assert absence is not None, "a part of an absence has one"
    if not absence.percent:
        return absence.cents, Why(Rule.ABSENCE, part.from_ms, part.to_ms, unit_tenths=absence.cents * 10)
    return price_of_absence(day.school, occasion, absence.percent)


def _present(day: Day, present: Mapping[int, bool]) -> frozenset[int]:
    """The children of the same families who came that day."""
    others = (child for child in (day.pupil, *_siblings(day)) if child.id not in present)
    there = {child.id for child in others if _was_there(day.books, child.id, day.day)}
    return frozenset(there | {child for child, is_there in present.items() if is_there})


def _articles_cents(day: Day, group: int) -> int:
    """What products of the tariff group have cost the pupil that day; what was taken back does not count."""
    zone, pupil = day.site.zone, day.pupil.id
    back = {fact.charge for fact in day.bought if isinstance(fact, Reversed)}
    same_day = (one for one in day.books.grouped.get((pupil, group), ()) if day_code(day_of(one.from_ms, zone)) == day.day)
    charges = (day.books.charges[one.charge] for one in same_day if one.charge not in back)
    now = (fact for fact in day.bought if isinstance(fact, Charged) and (fact.pupil, fact.day) == (pupil, day.day))
    return sum(one.cents for one in charges if not one.reversed and one.item in day.school.products) + sum(
        fact.cents for fact in now if fact.why.terms is not None and fact.why.terms.group == group
    )


# --- stays in parts -------------------------------------------------------------------------------


def _parts(day: Day, root: Programme, readings: Mapping[int, Reading]) -> Iterator[Part]:
    """The stays that count at a programme and those within it; who is planned within goes there for its hours (requirement S44)."""
    cuts: list[Cut] = []
    for inner in day.school.inner.get(root.id, ()):
        programme = day.school.programmes[inner]
        scanned = tuple(_counted(day, programme, readings))
        yield from scanned
        cuts += [(part.from_ms, part.to_ms if programme.scans is not _ENTRY else _ends(day, part), 0) for part in scanned]
        if not scanned and _is_split(day, programme):
            cuts += [(start_ms, end_ms, inner) for start_ms, end_ms in hours_of(day, programme)]
    for part in _counted(day, root, readings):
        yield from cut(part, sorted(cuts)) if cuts else (part,)
    yield from _absences(day, root, readings)


Cut = tuple[int, int, int]
"""From, to (ms), the programme within; 0 where its stay was scanned there, and is a part already."""


def cut(part: Part, cuts: Iterable[Cut]) -> Iterator[Part]:
    """A stay without the hours spent within, which are parts of their own."""
    from_ms, number = part.from_ms, 0
    for start, end, inner in cuts:
        start_ms, end_ms = max(start, from_ms), min(end, part.to_ms)
        if start_ms >= end_ms:
            continue
        if start_ms > from_ms:
            yield Part(_part_id(part, number), part.stay, part.programme, from_ms, start_ms)
        if inner:
            yield Part(derived(part.stay, f"within|{inner}"), part.stay, inner, start_ms, end_ms)
        from_ms, number = end_ms, number + 1
    if from_ms < part.to_ms or not number:
        yield Part(_part_id(part, number), part.stay, part.programme, from_ms, part.to_ms)


def _part_id(part: Part, number: int) -> int:
    return derived(part.stay, f"part|{number}") if number else part.id


def _counted(day: Day, programme: Programme, readings: Mapping[int, Reading]) -> Iterator[Part]:
    """The stays that are charged: complete and lit, or verified by staff; where only the entry counts, from it on."""
    sheet = day.sheet(programme.id)
    found = readings.get(programme.id) or reading(day, programme)
    for visit in found.visits:
        stay = derived(visit.id, "stay")
        to_ms = _until_ms(programme, visit, verified=stay in sheet.verified)
        if to_ms is not None:
            yield Part(stay, stay, programme.id, visit.from_ms, to_ms)


def reading(day: Day, programme: Programme) -> Reading:
    """What the sheet of a programme says; where those who are planned count as present, also without a scan, for the hours so far."""
    sheet = day.sheet(programme.id)
    auto = programme.attendance is _AUTO and sheet.absence is None
    if auto and counts_as_present(day.school, day.pupil.id, programme, day_coded(day.day)):
        return _with_the_hours(day, programme, sheet)
    return read(programme, day.site.zone, day.day, sheet.marks.values()) if sheet.marks else _EMPTY


_EMPTY = Reading((), present=False, codes={})


def counts_as_present(school: School, pupil: int, programme: Programme, on: date) -> bool:
    """Whether a pupil is expected where that is enough; never on a day without school."""
    return school.is_planned(pupil, programme.id, on) and day_kind(school, programme.site, on) not in _NO_SCHOOL


_NO_SCHOOL = frozenset({DayKind.PUBLIC, DayKind.HOLIDAY, DayKind.PEDAGOGIC})


def _with_the_hours(day: Day, programme: Programme, sheet: Sheet) -> Reading:
    """Scans say when the pupil came and left; what they do not say is as the hours are."""
    found = read(replace(programme, scans=Scans.EXIT), day.site.zone, day.day, sheet.marks.values()) if sheet.marks else _EMPTY
    begun = [span for span in hours_of(day, programme) if span[0] <= day.now_ms]
    seen = {visit.span for visit in found.visits}
    visits = [*found.visits, *(_as_planned(day, programme, span) for span in begun if span not in seen)]
    visits = sorted((_over(visit, day.now_ms) for visit in visits), key=lambda visit: visit.from_ms)
    return Reading(tuple(visits), bool(visits) and not visits[-1].until_ms, found.codes)


def _as_planned(day: Day, programme: Programme, span: Span) -> Visit:
    return Visit(derived(day.pupil.id, f"planned|{programme.id}|{span[0]}"), span[0], 0, span)


def _over(visit: Visit, now_ms: int) -> Visit:
    """A visit that nobody ended, ended with its hours."""
    if visit.until_ms or now_ms < visit.span[1]:
        return visit
    return Visit(visit.id, visit.from_ms, max(visit.span[1], visit.from_ms), visit.span, visit.lit)


def _until_ms(programme: Programme, visit: Visit, *, verified: bool) -> int | None:
    """Until when a visit is charged; None while nobody has seen or said it."""
    if not (visit.lit or verified):
        return None
    if programme.scans is _ENTRY:
        return visit.from_ms
    return visit.until_ms or (max(visit.span[1], visit.from_ms) if verified else None)


def _is_split(day: Day, inner: Programme) -> bool:
    """Whether the pupil's stay goes through this programme; never for who is marked absent there."""
    return day.sheet(inner.id).absence is None and _is_meant(day, inner)


def _is_meant(day: Day, inner: Programme) -> bool:
    """Whether the pupil belongs there in these hours: as staff said, else as planned."""
    said = day.sheet(inner.id).split
    return day.school.is_planned(day.pupil.id, inner.id, day_coded(day.day)) if said is None else said


def _absences(day: Day, root: Programme, readings: Mapping[int, Reading]) -> Iterator[Part]:
    """Who is marked absent is charged what the reason says: an amount once, or a percentage of each piece of the planned day."""
    for programme in _family(day.school, root):
        absence = day.sheet(programme.id).absence
        if absence is None or (readings.get(programme.id) or reading(day, programme)).visits:
            continue
        name = f"absent|{programme.id}|{day.day}"
        for number, (start_ms, end_ms) in enumerate(hours_of(day, programme)[: None if absence.percent else 1]):
            stay = derived(day.pupil.id, f"{name}|{number}" if number else name)
            planned = Part(stay, stay, programme.id, start_ms, end_ms, absent=True)
            yield from _as_it_was_planned(day, planned) if absence.percent else (planned,)


def _as_it_was_planned(day: Day, planned: Part) -> Iterator[Part]:
    """The pieces of planned hours that would have been charged here: those spent within have their own price, and their own absence."""
    within = (day.school.programmes[inner] for inner in day.school.inner.get(planned.programme, ()))
    cuts = sorted((*span, 0) for inner in within if _is_meant(day, inner) for span in hours_of(day, inner))
    return (structs.replace(part, absent=True) for part in cut(planned, cuts))


def hours_of(day: Day, programme: Programme) -> list[Span]:
    """A programme's hours of the day."""
    return spans_of(programme, day_coded(day.day), day.site.zone)


def spans_of(programme: Programme, on: date, zone: ZoneInfo) -> list[Span]:
    """A programme's hours that begin on a day."""
    return [span for span in spans_around(programme.windows, on, zone) if day_of(span[0], zone) == on]


def _ends(day: Day, part: Part) -> int:
    """When the hours are over that a pupil came for, maybe some time before they began."""
    programme = day.school.programmes[part.programme]
    return next((end_ms for _, end_ms in hours_of(day, programme) if part.from_ms < end_ms), part.from_ms)
