"""Children, grown-ups and households as staff write them down, and who pays when: what may be said of them, one edit each.

Every change is of a row as it was shown: `same` says whether it still is that; where somebody was quicker, nothing is overwritten.
A national register number is refused wherever one could be typed (law of 8 August 1983).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from hub.core.facts import Refusal
from hub.core.families import regularise
from hub.core.formulas import MAX_BRACKET
from hub.core.lists import MAX_NAME, fold, national
from hub.core.menus import Diet
from hub.core.money import read_cents
from hub.core.school import Adult, Custody, FamilyFile, Household, PayerOverride, Pupil, Rows, School, Weeks

MAX_LIMIT_CENTS = 1_000_00
OLDEST = date(1900, 1, 1)
LANGUAGES = ("fr", "nl", "de", "en")
R = TypeVar("R", Pupil, Household, Adult, Custody, PayerOverride, FamilyFile)
H = TypeVar("H", Pupil, Adult, Custody, PayerOverride, FamilyFile)
Same = Callable[[object], bool]
"""Whether a row is still as the form was made from it."""


def put_pupil(school: School, pupil: Pupil, same: Same, today: date, household: str = "") -> Rows | Refusal:
    """A pupil who is new, or as he is from now on. `household`: the name of one that is made for him, under his household's id."""
    wrong = _names(pupil.first_name, pupil.last_name) or _text(pupil.group, pupil.child_type)
    if wrong:
        return wrong
    if pupil.site not in school.sites:
        return Refusal("no_such_site")
    if pupil.born is not None and not OLDEST <= pupil.born <= today:
        return Refusal("no_birth_date")
    if not 0 <= pupil.daily_limit_cents <= MAX_LIMIT_CENTS:
        return Refusal("no_limit")
    if not household:
        known = pupil.household in school.households
        return _kept(school.pupils.get(pupil.id), _at_home(school, pupil), same) if known else Refusal("no_household")
    home = put_household(school, Household(pupil.household, household), same)
    return home if isinstance(home, Refusal) else (*home, pupil)


def twins_of(school: School, pupil: Pupil) -> tuple[Pupil, ...]:
    """Pupils with the same name, and no other birth date: maybe the same child."""
    name = (fold(pupil.last_name), fold(pupil.first_name))
    others = (each for each in school.everyone if each.id != pupil.id and (fold(each.last_name), fold(each.first_name)) == name)
    return tuple(each for each in others if not (each.born and pupil.born and each.born != pupil.born))


def put_household(school: School, household: Household, same: Same) -> Rows | Refusal:
    """A household that is new, or as it is from now on."""
    wrong = _names(household.name) or _text(household.address, household.key)
    return wrong or _kept(school.households.get(household.id), household, same)


def put_adult(school: School, adult: Adult, same: Same, is_address: Callable[[str], bool]) -> Rows | Refusal:
    """A grown-up of a household."""
    wrong = _names(adult.first_name, adult.last_name) or _text(adult.phone, adult.email)
    if wrong:
        return wrong
    if adult.email and not is_address(adult.email):
        return Refusal("no_email")
    if adult.household not in school.households:
        return Refusal("no_household")
    return _kept(school.adults.get(adult.id), _at_home(school, adult), same) if adult.language in LANGUAGES else Refusal("no_language")


def language_of(school: School, household: int) -> str:
    """In which language a household is written to: its first grown-up who gets letters decides, else its first; empty without any."""
    grown = [adult for adult in school.adults.values() if adult.household == household]
    return min(grown, key=lambda adult: (not adult.email, adult.id)).language if grown else ""


def put_diet(school: School, diet: Diet, same: Same) -> Rows | Refusal:
    """What a pupil does not eat, and must not."""
    wrong = _text(diet.code)
    if wrong:
        return wrong
    before = school.diets.get(diet.pupil, Diet(diet.pupil))
    return (diet,) if same(before) else Refusal("changed_meanwhile")


# --- who pays -------------------------------------------------------------------------------------


def put_custody(school: School, turn: Custody, same: Same) -> Rows | Refusal:
    """On which days another household pays for a pupil. Two households never share a day."""
    wrong = _payer(school, turn)
    if wrong:
        return wrong
    if not turn.weekdays:
        return Refusal("no_weekdays")
    others = school.custody.get(turn.pupil, ())
    taken = next((other for other in others if other.id != turn.id and clash(turn, other)), None)
    if taken is not None:
        return Refusal("days_of_another", {"household": taken.household})
    return _kept(_by_id(others, turn.id), _at_home(school, turn), same)


def clash(one: Custody, other: Custody) -> bool:
    """Whether two households have some day of the same pupil: they share weeks and weekdays while both hold."""
    together = (one.until_day is None or other.from_day < one.until_day) and (other.until_day is None or one.from_day < other.until_day)
    empty = any(each.until_day == each.from_day for each in (one, other))
    weeks = one.weeks is other.weeks or Weeks.EVERY in (one.weeks, other.weeks)
    apart = one.pupil != other.pupil or one.household == other.household
    return not apart and together and not empty and weeks and bool(one.weekdays & other.weekdays)


def put_override(school: School, row: PayerOverride, same: Same) -> Rows | Refusal:
    """Who pays for a pupil on some days, whatever the custody says."""
    if row.item and row.item not in school.programmes and row.item not in school.products:
        return Refusal("no_such_item")
    return _payer(school, row) or _kept(_by_id(school.overrides.get(row.pupil, ()), row.id), _at_home(school, row), same)


def put_file(school: School, site: int, file: FamilyFile, same: Same, chosen_day: date | None = None) -> Rows | Refusal:
    """A household's income file, as it counts by the deadline of a site, or from the day that staff choose."""
    if file.until_day is not None and file.until_day <= (chosen_day or file.from_day):
        return Refusal("ends_before_it_begins")
    file = _at_home(school, file)
    made = regularise(school, site, file, chosen_day)
    if isinstance(made, Refusal):
        return made
    before = _by_id(school.files.get(file.household, ()), file.id)
    return made if before is None or same(before) else Refusal("changed_meanwhile")


def income(bracket: str, quotient: str) -> tuple[int, int] | Refusal:
    """What was typed of an income: a bracket from 1 to 10 (0: go by the quotient), and the quotient in cents (-1: not stated)."""
    qf_cents = read_cents(quotient) if quotient else -1
    number = int(bracket) if bracket.isascii() and bracket.isdecimal() and len(bracket) <= len(str(MAX_BRACKET)) else 0
    if qf_cents is None or (quotient and qf_cents < 0) or (bracket and not 1 <= number <= MAX_BRACKET) or not (bracket or quotient):
        return Refusal("no_bracket")
    return number, qf_cents


def ended(row: Custody | PayerOverride, day: date) -> Custody | PayerOverride:
    """The same, over from a day on; what had not begun never will."""
    return replace(row, until_day=max(row.from_day, day))


def _payer(school: School, row: Custody | PayerOverride) -> Refusal | None:
    if row.pupil not in school.pupils or row.household not in school.households:
        return Refusal("no_household")
    if row.until_day is not None and row.until_day < row.from_day:
        return Refusal("ends_before_it_begins")
    return None


# --- what may be said -----------------------------------------------------------------------------


def _at_home(school: School, row: H) -> H:
    """The same; of a household that was made another while its form was open, it is that one's."""
    return replace(row, household=school.home(row.household))


def _kept(before: R | None, row: R, same: Same) -> Rows | Refusal:
    return (row,) if before is None or same(before) else Refusal("changed_meanwhile")


def _by_id(rows: tuple[R, ...], number: int) -> R | None:
    return next((row for row in rows if row.id == number), None)


def _names(*names: str) -> Refusal | None:
    """Names have a letter in them."""
    if not all(any(letter.isalpha() for letter in name) for name in names):
        return Refusal("no_name")
    return _text(*names)


def _text(*texts: str) -> Refusal | None:
    if any(len(text) > MAX_NAME for text in texts):
        return Refusal("too_long", {"most": MAX_NAME})
    return Refusal("national") if any(map(national, texts)) else None
