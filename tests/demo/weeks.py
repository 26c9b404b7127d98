"""The days of the two weeks, written down: who taps when, what breaks, what the office does. Pure: the same seed, the same weeks."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from proto.badge import CODE_BYTES, code
from tests.demo import dayplan
from tests.demo.dayplan import DOOR, FRONT, MEALS, MINUTE_S, SNACKS, TAGS, Blow, Day, Incident, Means, PlannedTap, clock, spread
from tests.demo.fortnight import LOGIN, Act, Fortnight, Part, cast_of, days_of, file_words, list_name, poor, qf_cents_of
from tests.demo.rules import (
    CARE,
    DRINK,
    HOMEWORK,
    HOT,
    ILL,
    LIGHT,
    PACKED,
    SANDWICH,
    UNEXCUSED,
    WEDNESDAY,
    WORKSHOP,
    other_purse,
    wallet_name,
)
from tests.demo.school import CENTRE, MOULIN, Child


def two_weeks(everyone: Sequence[Child], monday: date, seed: int = 1) -> Fortnight:
    """Ten school days but one, Wednesdays at noon over."""
    cast = cast_of(everyone)
    weeks = Fortnight(monday, tuple(everyone), cast, qf_cents_of(cast, 3))
    chance, acts = random.Random(seed), _Acts(weeks)
    parts: list[Part] = []
    waiting: tuple[Act, ...] = ()
    for number, day in enumerate(days_of(monday)):
        if day == weeks.day_off:
            continue
        for nth, script in enumerate(_scripts(weeks, chance, day, number)):
            parts.append(Part(day, script, (*waiting, *acts.of(number, nth))))
            waiting = ()
        waiting = acts.of(number, 9)
    return replace(weeks, parts=tuple(parts), after=waiting)


def two_short_days(everyone: Sequence[Child], monday: date) -> Fortnight:
    """An afternoon with a dead hub and a pulled cable, a night with the office at work, and a noon."""
    cast = cast_of(everyone)
    weeks = Fortnight(monday, tuple(everyone), cast, qf_cents_of(cast, 2))
    acts, tuesday, eaters = _Acts(weeks), monday + timedelta(days=1), cast.eaters
    from_s = clock(12, 0)
    taps = [PlannedTap(from_s + 20 + 30 * place, MEALS, child.badge, Means.EATS) for place, child in enumerate(eaters[:6])]
    taps += [PlannedTap(from_s + 35 + 30 * place, SNACKS, child.badge, Means.SHOWS) for place, child in enumerate(eaters[:3])]
    noon = Day(from_s, from_s + 4 * MINUTE_S, dayplan.in_order(taps))
    some = (*acts.of(0, 2)[:4], *acts.of(0, 9)[:1], *acts.of(0, 9)[3:5], *acts.of(1, 1)[:1])
    parts = (Part(monday, dayplan.short_day(everyone)), Part(tuesday, noon, some))
    return replace(weeks, parts=parts)


# --- taps and accidents ---------------------------------------------------------------------------------


def _scripts(weeks: Fortnight, chance: random.Random, day: date, number: int) -> Iterator[Day]:
    """The parts of a day: care before school; the meal; care and study after school."""
    cast, wednesday = weeks.cast, day.weekday() == WEDNESDAY
    care = [child.badge for child in chance.sample(cast.care, 12)]
    early = [*_care(chance, care, (7, 5, 7, 30), (8, 24, 8, 42), stay=number == 1), *_mishaps(chance, weeks, number)]
    yield _script(weeks, number, [*early, *_to_class(chance, weeks, number)])
    if not wednesday:
        came = [child.badge for child in cast.eaters if (day, child.name) in weeks.reserved()]
        eats = [*came[1:], *(child.badge for child in cast.walk_ups[: 1 + number % 3])]
        eats += [cast.eaters[12].badge] if day >= weeks.later else []
        noon = [*spread(chance, eats, MEALS, Means.EATS, clock(12, 0), clock(12, 40))]
        known = [child.badge for child in dict.fromkeys((*cast.buyers, poor(weeks), cast.shared))]
        noon += spread(chance, known, SNACKS, Means.SHOWS, clock(12, 10), clock(12, 40))
        yield _script(weeks, number, noon)
    first = [cast.care[place] for place in FORGET.get(number, ())]
    evening = [child.badge for child in (*first, *chance.sample([child for child in cast.care if child not in first], 14 - len(first)))]
    if wednesday:
        yield _script(weeks, number, [*_care(chance, evening, (12, 2, 12, 40), (13, 40, 14, 40), stay=1)])
        return
    taps = [*_care(chance, evening, (15, 32, 16, 5), (17, 5, 17, 58), stay=1 + number % 2)]
    if number == 4:
        taps.append(PlannedTap(clock(17, 56), DOOR, evening[0], Means.LEAVES))
    students = [child.badge for child in (*cast.students[:3], *chance.sample(cast.students[3:], 9))]
    taps += spread(chance, students, TAGS, Means.STUDIES, clock(16, 6), clock(16, 40))
    yield _script(weeks, number, taps)


FORGET: Mapping[int, tuple[int, ...]] = {1: (0,), 3: (3, 6), 4: (1,)}
"""By the number of the day: who of those in care forgets to tap in the evening; on the Friday it is done late."""
Clocked = tuple[int, int, int, int]
"""From and to, each as hour and minute."""


def _care(chance: random.Random, badges: Sequence[str], came: Clocked, left: Clocked, stay: int) -> Iterator[PlannedTap]:
    """All come; all but the first `stay` are seen leaving."""
    yield from dayplan.care(chance, badges, clock(*came[:2]), clock(*came[2:]), clock(*left[:2]), clock(*left[2:]), stay)


def _to_class(chance: random.Random, weeks: Fortnight, number: int) -> Iterator[PlannedTap]:
    """One class at the entrance: each day somebody else does not come, and somebody else comes late."""
    children = [child.badge for child in weeks.cast.classmates]
    _, late, *in_time = children[number % len(children) :] + children[: number % len(children)]
    yield from spread(chance, in_time, FRONT, Means.COMES, clock(8, 15), clock(8, 40))
    yield from spread(chance, [late], FRONT, Means.COMES, clock(8, 47), clock(9, 0))


def _mishaps(chance: random.Random, weeks: Fortnight, number: int) -> Iterator[PlannedTap]:
    """A badge nobody knows, one that was blocked, and a read of which half is missing; not all on one day."""
    stranger = code(chance.randbytes(CODE_BYTES))
    mishaps = (
        PlannedTap(clock(7, 40), DOOR, stranger, Means.STRANGER),
        PlannedTap(clock(7, 41), DOOR, weeks.cast.lost.badge, Means.BLOCKED),
        PlannedTap(clock(7, 42), DOOR, stranger[:9], Means.TORN),
    )
    yield mishaps[number % 3]


def _script(weeks: Fortnight, number: int, taps: list[PlannedTap]) -> Day:
    taps = dayplan.with_siblings(taps, weeks.everyone)
    double = [tap for tap in taps if tap.means is Means.EATS][:1]
    taps += [PlannedTap(tap.at_s, tap.reader, tap.badge, Means.DOUBLE, tap.later_ms + dayplan.DOUBLE_MS) for tap in double]
    ordered = dayplan.in_order(taps)
    from_s, to_s = ordered[0].at_s - 5 * MINUTE_S, ordered[-1].at_s + 5 * MINUTE_S
    struck = tuple(incident for incident in ACCIDENTS.get(number, ()) if from_s < incident.at_s < to_s)
    to_s = max(to_s, *(incident.until_s for incident in struck), 0)
    return Day(from_s, to_s, ordered, struck, weeks.cast.lost.badge)


def _incident(hour: int, minute: int, minutes: int, blow: Blow, device: str = "") -> Incident:
    return Incident(clock(hour, minute), clock(hour, minute) + minutes * MINUTE_S, blow, device)


ACCIDENTS: Mapping[int, tuple[Incident, ...]] = {
    0: (_incident(7, 20, 0, Blow.BROKER_RESTARTS),),
    1: (_incident(12, 8, 24, Blow.HUB_KILLED), _incident(12, 20, 8, Blow.DEVICE_KILLED, "till")),
    3: (_incident(15, 58, 60, Blow.NETWORK_CUT, "hall"),),
    4: (_incident(17, 50, 170, Blow.NETWORK_CUT, "care-door"),),
    5: (_incident(17, 12, 26, Blow.NETWORK_STALLS, "care-door"),),
    7: (_incident(12, 20, 30, Blow.HUB_KILLED),),
    8: (_incident(16, 20, 10, Blow.DEVICE_KILLED, "hall"),),
}
"""By the number of the day: the till dies while the hub is away, with scans in its outbox; the hall is alone for the hour of its study.

On the first Friday the door's last scans stay on its card until the week is settled.
"""


# --- what the office does -------------------------------------------------------------------------------


class _Acts:
    """The office's acts by day and by when: before the noon part (1), before the afternoon part (2), in the evening (9)."""

    def __init__(self, weeks: Fortnight) -> None:
        self._weeks = weeks
        self._days = days_of(weeks.monday)
        self._cast = weeks.cast
        self._table: dict[tuple[int, int], tuple[Act, ...]] = {
            (0, 1): self._orders_of_the_first_day(),
            (0, 2): self._till_of_the_first_day(),
            (0, 9): self._first_evening(),
            (1, 1): self._second_day(),
            (1, 2): (*self._forgotten_badges(), *self._till_of_the_second_day()),
            (1, 9): self._absent(1, WORKSHOP, self._cast.makers[1], ILL),
            (2, 1): (*self._correction(1, 0, 2, "17:42"), *self._excused()),
            (3, 9): (*self._correction(3, 3, 3, "17:31"), self._at(3, 18, 34, "day", "undo", "--by", LOGIN)),
            (3, 2): self._till_of_the_fourth_day(),
            (4, 9): self._weekend(),
            (5, 1): (*self._orders_of_the_second_week(), *self._correction(3, 6, 5, "17:20")),
            (5, 2): self._before_a_day_off(),
            (5, 9): (*self._absent(5, HOMEWORK, self._cast.helped[0], ILL), *self._absent(5, HOMEWORK, self._cast.helped[1], UNEXCUSED)),
            (7, 9): self._absent(7, WORKSHOP, self._cast.makers[0], UNEXCUSED),
            (8, 2): self._till_of_the_ninth_day(),
            (8, 9): self._not_at_homework(),
            (9, 9): self._last_evening(),
        }

    def of(self, number: int, part: int) -> tuple[Act, ...]:
        return self._table.get((number, part), ())

    def _at(self, number: int, hour: int, minute: int, *words: str, second: int = 0, no: str = "", label: str = "") -> Act:
        return Act(self._days[number], clock(hour, minute) + second, words, no, label)

    def _meal(self, number: int, at: tuple[int, int, int], act: str, child: Child, day: int, product: str = "", no: str = "") -> Act:
        words = ("meals", act, child.name, self._days[day].isoformat(), *([product] if product else []))
        return self._at(number, at[0], at[1], *words, "--by", LOGIN if act == "collect" else "parent", second=at[2], no=no)

    def _till(self, number: int, minute: int, *words: str, no: str = "", label: str = "") -> Act:
        return self._at(number, 13, minute, "till", words[0], "till", *words[1:], "--by", LOGIN, no=no, label=label)

    def _orders_of_the_first_day(self) -> tuple[Act, ...]:
        """In time to the second, and late by none; a late one is bought by who asks for it, another stays paid."""
        eaters, (waits, *_) = self._cast.eaters, self._cast.walk_ups[::-1]
        return (
            self._meal(0, (8, 59, 59), "cancel", eaters[1], 0),
            self._meal(0, (9, 0, 0), "cancel", eaters[2], 0),
            self._meal(0, (9, 20, 0), "wait", waits, 0, HOT),
            self._meal(0, (9, 40, 0), "cancel", eaters[3], 0),
        )

    def _till_of_the_first_day(self) -> tuple[Act, ...]:
        """Sales, one of them refused for want of money, one taken back, and cash for a wallet."""
        buyers, owes = self._cast.buyers, poor(self._weeks)
        return (
            self._till(0, 0, "open", "50,00"),
            self._till(0, 1, "sell", buyers[0].name, "6,40", f"2x{SANDWICH}"),
            self._till(0, 2, "sell", buyers[1].name, "4,35", SANDWICH, DRINK, label="wrong"),
            self._till(0, 4, "undo", "#wrong"),
            self._till(0, 5, "sell", owes.name, "1,15", DRINK, no="not enough money"),
            self._till(0, 6, "pay-in", buyers[1].name, "20,00"),
            self._till(0, 30, "close", "69,50"),
        )

    def _first_evening(self) -> tuple[Act, ...]:
        """Money comes in, a meal is ordered and changed, a sandwich too, a pupil puts some aside."""
        child, pupil = self._cast.walk_ups[0], self._cast.students[0]
        return (
            self._at(0, 18, 30, "wallet", "top-up", f"@{CENTRE}/{child.household}", "40,00"),
            self._at(0, 18, 31, "wallet", "top-up", f"@{wallet_name(MOULIN, list_name(pupil))}", "30,00"),
            self._at(0, 18, 32, "wallet", "transfer", f"@{wallet_name(MOULIN, list_name(pupil))}", "12,00", "--by", "parent"),
            self._meal(0, (18, 40, 0), "order", child, 3, HOT),
            self._meal(0, (18, 41, 0), "change", child, 3, LIGHT),
            self._meal(0, (18, 42, 0), "order", self._cast.students[1], 1, PACKED, no="too late"),
            self._meal(0, (18, 43, 0), "order", self._cast.students[1], 3, PACKED),
            self._meal(0, (18, 44, 0), "order", self._cast.buyers[0], 3, SANDWICH),
        )

    def _second_day(self) -> tuple[Act, ...]:
        """Changed for something cheaper; who waits gets what is cancelled late."""
        eaters, waits = self._cast.eaters, self._cast.walk_ups[2]
        return (
            self._meal(1, (8, 30, 0), "change", eaters[4], 1, LIGHT),
            self._meal(1, (8, 50, 0), "wait", waits, 1, HOT),
            self._meal(1, (10, 0, 0), "cancel", eaters[5], 1),
            self._meal(1, (10, 30, 0), "cancel", eaters[5], 1, no="no order to cancel"),
        )

    def _forgotten_badges(self) -> tuple[Act, ...]:
        """Handed out by name, one of them without an order."""
        return (self._meal(1, (12, 50, 0), "collect", self._cast.students[2], 1, PACKED),)

    def _till_of_the_second_day(self) -> tuple[Act, ...]:
        """Some of those whom the till has known while the hub was away."""
        first, second, *_ = self._cast.buyers
        return (
            self._till(1, 0, "open", "69,50"),
            self._till(1, 1, "sell", first.name, "4,35", SANDWICH, DRINK),
            self._till(1, 2, "sell", second.name, "3,20", SANDWICH),
            self._till(1, 30, "close", "69,50"),
        )

    def _correction(self, number: int, who: int, on: int, left: str) -> tuple[Act, ...]:
        """A departure that was not seen on a day is written down on another."""
        child, day = self._cast.care[who], self._days[number].isoformat()
        hour = 18 if on == number else 9
        return (self._at(on, hour, 30, "day", "add", child.name, CARE, day, left, "out", "--by", LOGIN),)

    def _absent(self, number: int, programme: str, child: Child, reason: str) -> tuple[Act, ...]:
        """Somebody who is registered did not come."""
        return (self._at(number, 18, 50, "day", "absent", child.name, programme, self._days[number].isoformat(), reason, "--by", LOGIN),)

    def _not_at_homework(self) -> tuple[Act, ...]:
        """Somebody who is registered stayed in care instead."""
        child, day = self._cast.helped[2], self._days[8].isoformat()
        return (self._at(8, 18, 50, "day", "split", child.name, HOMEWORK, day, "no", "--by", LOGIN),)

    def _excused(self) -> tuple[Act, ...]:
        """Who missed the first day brings a note."""
        child, day = self._cast.classmates[0], self._days[0].isoformat()
        return (self._at(2, 9, 40, "presence", "justify", child.name, day, "justified", "--reason", "ill", "--by", LOGIN),)

    def _till_of_the_fourth_day(self) -> tuple[Act, ...]:
        """An ordered meal handed out by name; a sale taken back for a reason; a refund."""
        buyers = self._cast.buyers
        return (
            self._meal(3, (12, 45, 0), "collect", self._cast.students[1], 3, PACKED),
            self._till(3, 0, "open", "69,50"),
            self._till(3, 1, "sell", buyers[2].name, "3,20", SANDWICH, label="other"),
            self._till(3, 2, "sell", buyers[3].name, "2,30", f"2x{DRINK}"),
            self._till(3, 20, "void", "#other", "wrong_pupil"),
            self._till(3, 30, "close", "69,50"),
            self._at(3, 13, 40, "wallet", "refund", f"@{CENTRE}/{self._cast.walk_ups[0].household}", "7,50"),
        )

    def _weekend(self) -> tuple[Act, ...]:
        """A leaver is paid out; some comes back from a reserve; the tariff of the second week is tried, then decided."""
        first = self._cast.students[0]
        monday, friday = self._days[0].isoformat(), self._days[4].isoformat()
        return (
            self._at(4, 19, 30, "wallet", "payout", f"@{wallet_name(MOULIN, list_name(self._leaver()))}"),
            self._at(4, 19, 31, "wallet", "transfer", f"@{other_purse(wallet_name(MOULIN, list_name(first)))}", "4,50", "--by", "staff"),
            self._at(4, 19, 40, "tariff", "try", "draft.toml", "--from", monday, "--to", friday),
            self._at(4, 19, 50, "setup", "later.toml"),
        )

    def _orders_of_the_second_week(self) -> tuple[Act, ...]:
        eaters = self._cast.eaters
        return (
            self._meal(5, (8, 15, 0), "order", eaters[12], 5, HOT),
            self._meal(5, (8, 16, 0), "order", eaters[12], 8, LIGHT),
            self._meal(5, (8, 17, 0), "order", eaters[13], 9, HOT),
            self._meal(5, (8, 18, 0), "cancel", eaters[0], 9),
        )

    def _before_a_day_off(self) -> tuple[Act, ...]:
        """Moulin's orders close a working day before at 15:00: Monday, for the Wednesday after a public holiday. A family file is late."""
        first, second = self._cast.students[3:5]
        monday, today = self._days[0].isoformat(), self._days[5].isoformat()
        return (
            self._meal(5, (14, 58, 0), "order", first, 7, PACKED),
            self._meal(5, (14, 59, 58), "order", second, 7, PACKED),
            self._meal(5, (14, 59, 59), "cancel", second, 7),
            self._meal(5, (15, 0, 0), "order", second, 7, PACKED, no="too late"),
            self._meal(5, (15, 0, 1), "cancel", first, 7),
            self._at(5, 15, 1, *file_words(*list(qf_cents_of(self._cast, 3).items())[2], self._days[0]), label="late file"),
            self._at(5, 15, 2, "files", "regularise", "#late file", "--since", monday, "--validated", today, "--yes"),
        )

    def _till_of_the_ninth_day(self) -> tuple[Act, ...]:
        child = self._cast.shared
        return (
            self._till(8, 0, "open", "69,50"),
            self._till(8, 1, "sell", child.name, "3,20", SANDWICH),
            self._till(8, 2, "pay-in", child.name, "15,00"),
            self._till(8, 30, "close", "84,50"),
        )

    def _last_evening(self) -> tuple[Act, ...]:
        return (self._at(9, 19, 30, "wallet", "top-up", f"@{CENTRE}/{self._cast.lost.household}", "5,00"), self._at(9, 19, 31, "check"))

    def _leaver(self) -> Child:
        """Somebody of Moulin who has some money."""
        opening = self._weeks.opening_cents()
        return next(child for child in reversed(self._cast.students) if opening[MOULIN, list_name(child)] > 20_00)
