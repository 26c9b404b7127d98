"""A charge that is taken back whole, and at once what the pupil's day costs without it: care that was free beside a meal, say.

What a stay costs is never taken back here: it follows its day (corrections.py).
"""

from hub.core.books import Books
from hub.core.calendar import day_coded
from hub.core.codes import Reason, Stage
from hub.core.days import as_run_on
from hub.core.dues import Day, refilled
from hub.core.facts import Facts, Refusal
from hub.core.kept import Charge
from hub.core.school import School
from hub.core.wallets import reverse, told_of_whole


def take_back(school: School, books: Books, ask: int, charge: int, at_ms: int, reason: Reason, who: int = 0) -> Facts | Refusal:
    """Staff take a charge back. What a stay costs follows its day, so a day that is kept has to be corrected itself (S39 to S47)."""
    taken = books.charges.get(charge)
    if taken is None or taken.stage is Stage.PILOT:
        return Refusal("no_such_charge")
    if taken.reversed:
        return Refusal("already_taken_back")
    if taken.stay and taken.day > books.forgotten:
        return Refusal("correct_the_day", {"pupil": taken.pupil, "day": taken.day})
    return given_back(school, books, ask, taken, at_ms, reason, who)


def given_back(school: School, books: Books, ask: int, taken: Charge, at_ms: int, reason: Reason, who: int = 0) -> Facts:
    """The facts that take a charge back, and those that make the stays right which had a maximum for the day together with it."""
    back = reverse(ask, taken, at_ms, reason, who)
    pupil, site = school.as_entered(taken.pupil), school.sites.get(taken.site)
    if taken.stay or not (back and taken.day) or pupil is None or site is None:
        return back
    care = refilled(Day(as_run_on(school, day_coded(taken.day)), books, ask, pupil, site, taken.day, at_ms, who=who, bought=back))
    return told_of_whole(school, books, (*back, *care)) if care else back
