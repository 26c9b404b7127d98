"""The rules of presence told anew: what a scan or a correction does to the marks of a day, what the day costs, and what a run may post."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hub.core import facts as f
from hub.core.facts import Facts, derived
from proto.messages import YES
from tests.sim.acts import Act, Kind
from tests.sim.daysheet import READERS, Key, Mark, Prices, costs, read
from tests.sim.reckoning import Paid, Reckoning
from tests.sim.setting import ABSENCES, CARE, STUDY, Pricing, Study, kin

Effect = tuple[object, ...]

UNDO_MS = 300_000
FOREVER_MS = 2**62
_THROUGH = {"yes": True, "no": False, "": None}
GATHERED = frozenset({CARE})
"""Programmes whose charges wait for a settlement run."""


def expected(books: Reckoning, ask: int, act: Act, at_ms: int, day_of: int) -> list[Effect] | str:
    """What a correction has to come to. `day_of`: the day of its moment, as YYYYMMDD."""
    marks = books.marks.get(act.key, {})
    mark, other = _counted(marks, act.act), _counted(marks, act.other)
    match act.kind:
        case Kind.ADD:
            return _added(books, act, at_ms, (*act.key[:2], day_of), Mark(act.moment_ms, derived(ask, "mark"), act.way))
        case Kind.STRIKE:
            return [_marked(act.key, mark, void=True)] if mark else "no_such_mark"
        case Kind.MOVE:
            return _moved(books, ask, act, at_ms, day_of)
        case Kind.INVERT:
            turned = [each for each in (mark, other) if each is not None and each.way != "toggle"]
            return [_marked(act.key, _turned(each)) for each in turned] if len(turned) == 2 else "no_such_pair"
        case Kind.VERIFY:
            if act.act not in books.stays:
                return "no_such_stay"
            if not books.stays[act.act]:
                return "still_there"
            return "already_verified" if act.act in books.verified.get(act.key, ()) else [("verified", *act.key, act.act, True)]
        case Kind.ABSENT:
            return _absent(books, act)
        case Kind.SPLIT:
            within = books.setting.study is Study.WITHIN and act.key[1] == STUDY
            return [("split", *act.key, _THROUGH[act.way])] if within else "not_within"
        case _:
            return _undone(books, act.who, at_ms)


def scanned(books: Reckoning, scan: f.ScanTaken, day: int) -> tuple[str, list[Effect]]:
    """What a scan that was identified does, and its mark."""
    programme, way = READERS[scan.reader]
    key = (scan.pupil, programme, day)
    mark = Mark(scan.at_ms, scan.ask, way, not scan.shown or scan.shown in YES)
    _, codes = read(books.pupils_day(scan.pupil, day, scan.taken_ms, {key: mark}), programme)
    return codes[mark.id], [_marked(key, mark)]


def unlit(books: Reckoning, scan: f.ScanTaken, day: int) -> list[Effect]:
    """A scan whose yes nobody saw: its mark stays, wherever staff have moved it that day, and is not lit."""
    key = (scan.pupil, READERS[scan.reader][0], day)
    mark = books.marks.get(key, {}).get(scan.ask)
    return [_marked(key, replace(mark, lit=False))] if mark else []


def effects_of(group: Facts) -> list[Effect]:
    """What the facts of one ask say of marks and stays."""
    marks = [
        _marked((fact.pupil, fact.programme, fact.day), Mark(fact.at_ms, fact.mark, fact.direction.value, fact.lit, fact.void))
        for fact in group
        if isinstance(fact, f.Marked)
    ]
    return [*marks, *(said for fact in group if (said := _said(fact)))]


def _said(fact: f.Fact) -> Effect:
    """What staff said of a day, beside its marks."""
    match fact:
        case f.StayVerified():
            return "verified", fact.pupil, fact.programme, fact.day, fact.stay, fact.verified
        case f.AbsenceMarked():
            return "absent", fact.pupil, fact.programme, fact.day, fact.absence, fact.percent, fact.cents
        case f.StaySplit():
            return "split", fact.pupil, fact.programme, fact.day, fact.split
    return ()


def wrong_money(books: Reckoning, group: Facts, before: dict[int, Paid]) -> Iterator[str]:
    """After an ask: each day it touched costs what its marks come to; what a run posts was gathered, once, of a closed day."""
    for key in dict.fromkeys((*_touched(books, group), *_of_kin(books, group))):
        wrong = [wrong_day(books, key, now_ms) for now_ms in _moments(group)]
        if all(wrong):
            yield f"{wrong[0]}, after {group[0]}"
    corrected = {_of_day(before[fact.charge]) for fact in group if isinstance(fact, f.Reversed) and before[fact.charge].stage == "posted"}
    moved = ""
    for fact in group:
        if isinstance(fact, f.Reversed):
            moved = before[fact.charge].stage if fact.reason.value == "other_payer" else ""
        elif isinstance(fact, f.Charged) and fact.day:
            waits = fact.item in GATHERED and (fact.pupil, fact.item, fact.day) not in corrected
            stage = moved or ("pilot" if books.setting.in_pilot(fact.site, fact.day) else "gathered" if waits else "posted")
            if fact.stage.name.lower() != stage:
                yield f"{fact.stage.name}, and should be {stage}: {fact}"
        elif isinstance(fact, f.ChargesPosted):
            yield from _wrongly_posted(books, fact, before)


def wrong_day(books: Reckoning, key: Key, now_ms: int, filed: frozenset[int] | None = None) -> str:
    """What is wrong with the charges of a pupil's day at a programme, and what is within it; as it is known at an instant."""
    pupil, seen, day = key
    hang_together = books.setting.study is Study.WITHIN or books.setting.prices is Pricing.TOGETHER
    whose = replace(books.pupils_day(pupil, day, now_ms), filed=filed, elders=books.elders(pupil, day, now_ms))
    for programme, right in costs(whose).items():
        if programme != seen and not hang_together:
            continue
        stands = [books.paid[charge].cents for charge in sorted(books.charged.get((pupil, programme, day), ()))]
        if not _fits(stands, right):
            return f"{(pupil, programme, day)} costs {stands}, not {[sorted(prices) for prices in right]}"
    return ""


def _fits(stands: list[int], right: list[Prices]) -> bool:
    """Whether each charge has a price of its own."""
    left = sorted(right, key=len)
    for cents in stands:
        found = next((prices for prices in left if cents in prices), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _moments(group: Facts) -> list[int]:
    """When a day was worked out anew; where no fact says it, or a price alone was made again, it may have been at any time."""
    if all(isinstance(fact, f.Charged | f.Reversed | f.LowBalance) for fact in group):
        return [0, FOREVER_MS]
    told = [fact.at_ms for fact in group if isinstance(fact, f.Charged | f.Reversed | f.Corrected)]
    told += [fact.taken_ms for fact in group if isinstance(fact, f.ScanTaken)]
    return [max(told)] if told else [0, FOREVER_MS]


def paid_before(books: Reckoning, group: Facts) -> dict[int, Paid]:
    """The charges that the facts of an ask are about, as they are now."""
    back = (fact.charge for fact in group if isinstance(fact, f.Reversed))
    posted = (charge for fact in group if isinstance(fact, f.ChargesPosted) for charge in fact.charges)
    return {charge: books.paid.get(charge, Paid((0, 0, ""), 0, 0, 0)) for charge in (*back, *posted)}


def left_behind(books: Reckoning) -> Iterator[str]:
    """After a run over all closed days nothing of them waits any more."""
    for charge, paid in books.paid.items():
        if paid.stage == "gathered" and not paid.back and paid.service <= books.closed.get(paid.place[0], 0):
            yield f"gathered, and no run posts it: {charge} {paid}"


def not_priced_again(books: Reckoning, filed: frozenset[int]) -> Iterator[str]:
    """In the end each session has the price of the family's file, or the highest where there is none."""
    for key in [key for key, charges in books.charged.items() if charges and key[1] == STUDY]:
        wrong = [wrong_day(books, key, now_ms, filed) for now_ms in (0, FOREVER_MS)]
        yield from wrong[:1] if all(wrong) else []


def _wrongly_posted(books: Reckoning, fact: f.ChargesPosted, before: dict[int, Paid]) -> Iterator[str]:
    charges = [before[charge] for charge in fact.charges]
    if any(paid.stage != "gathered" or paid.back for paid in charges) or len(set(fact.charges)) != len(charges):
        yield f"posted twice, or what was taken back: {fact}"
    if any(paid.service > books.closed.get(fact.site, 0) for paid in charges):
        yield f"posted before its day was closed: {fact}"
    if sum(paid.cents for paid in charges) != fact.cents or any(paid.place != books.places[fact.wallet] for paid in charges):
        yield f"not the sum of what is posted, or another wallet's: {fact}"


def _touched(books: Reckoning, group: Iterable[f.Fact]) -> Iterator[Key]:
    for fact in group:
        if isinstance(fact, f.Marked | f.StayVerified | f.AbsenceMarked | f.StaySplit):
            yield fact.pupil, fact.programme, fact.day
        elif isinstance(fact, f.Charged) and fact.day:
            yield fact.pupil, fact.item, fact.day
        elif isinstance(fact, f.Reversed) and (paid := books.paid.get(fact.charge)) and paid.service:
            yield _of_day(paid)


def _of_kin(books: Reckoning, group: Iterable[f.Fact]) -> Iterator[Key]:
    """Brothers and sisters in care on the days that are touched, where the price asks who was there."""
    for pupil, _, day in dict.fromkeys(_touched(books, group)) if books.setting.prices is Pricing.SIBLINGS else ():
        yield from ((other, CARE, day) for other in kin(pupil) if (other, CARE, day) in books.marks)


def _of_day(paid: Paid) -> Key:
    return paid.pupil, paid.item, paid.service


def _added(books: Reckoning, act: Act, at_ms: int, key: Key, mark: Mark, gone: int = 0) -> list[Effect] | str:
    """A mark that would do nothing is refused. `gone`: a mark that has just been voided."""
    if act.moment_ms > at_ms:
        return "not_yet"
    whose = books.pupils_day(key[0], key[2], at_ms, {key: mark}, gone)
    _, codes = read(whose, key[1])
    return [_marked(key, mark)] if codes[mark.id] in {"in", "out"} else f"would_be_{codes[mark.id]}"


def _moved(books: Reckoning, ask: int, act: Act, at_ms: int, day_of: int) -> list[Effect] | str:
    mark, there = _counted(books.marks.get(act.key, {}), act.act), (*act.key[:2], day_of)
    if act.moment_ms > at_ms or mark is None:
        return "not_yet" if act.moment_ms > at_ms else "no_such_mark"
    if there == act.key:
        return _added(books, act, at_ms, there, Mark(act.moment_ms, mark.id, mark.way, mark.lit))
    moved = _added(books, act, at_ms, there, Mark(act.moment_ms, derived(ask, "mark"), mark.way, mark.lit))
    return moved if isinstance(moved, str) else [_marked(act.key, mark, void=True), *moved]


def _undone(books: Reckoning, who: int, at_ms: int) -> list[Effect] | str:
    act = books.corrections.get(who)
    if act is None or at_ms - act.at_ms > UNDO_MS:
        return "too_late" if act else "nothing_to_undo"
    effects: list[Effect] = []
    for (key, number), was in act.marks.items():
        effects.append(_marked(key, was) if was else _marked(key, books.marks[key][number], void=True))
    for (key, stay), before in act.verified.items():
        effects += [("verified", *key, stay, before)] if before is not (stay in books.verified[key]) else []
    for key, absence in act.absences.items():
        if absence != books.absences.get(key, 0):
            effects.append(("absent", *key, absence, *ABSENCES.get(absence, (0, 0))))
    effects += [("split", *key, through) for key, through in act.splits.items() if through is not books.splits.get(key)]
    return effects


def _absent(books: Reckoning, act: Act) -> list[Effect] | str:
    """Only who was expected, and did not come. Reason 0 takes it back."""
    if act.act and act.act not in ABSENCES:
        return "no_such_absence"
    if act.act and not (act.key[1] == STUDY and books.setting.is_expected(act.key[0], act.key[2])):
        return "not_planned"
    if act.act and any(not mark.void for mark in books.marks.get(act.key, {}).values()):
        return "was_there"
    return [("absent", *act.key, act.act, *ABSENCES.get(act.act, (0, 0)))]


def _counted(marks: dict[int, Mark], number: int) -> Mark | None:
    mark = marks.get(number)
    return mark if mark is not None and not mark.void else None


def _turned(mark: Mark) -> Mark:
    return Mark(mark.at_ms, mark.id, "out" if mark.way == "in" else "in", mark.lit)


def _marked(key: Key, mark: Mark, *, void: bool = False) -> Effect:
    return "mark", *key, mark.id, mark.at_ms, mark.way, mark.lit, void or mark.void
