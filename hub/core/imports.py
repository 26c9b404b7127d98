"""What an import would do: a list and the school in, a plan out. Nothing is written here.

A list adds and changes, and never erases: an empty cell changes nothing, who is not in it stays. What is known is found again
(matching.py), so the same list once more changes nothing. A badge is hashed at once; its code is in no plan.
"""

import enum
import re
from dataclasses import replace

from hub.core.books import Books
from hub.core.codes import Compartment
from hub.core.expected import expected
from hub.core.facts import derived
from hub.core.kept import Place
from hub.core.lists import Column, Said, Table, Wrong, fold, read_amount, understood
from hub.core.matching import Child, Home
from hub.core.money import write_cents
from hub.core.plans import Act, Change, Draft, Plan, Stamp, Thing, born_of, found_pupil, known_household, known_pupil, name_of, site_of
from hub.core.school import Adult, Badge, BadgeState, Household, Pupil, School, WalletScope, edited
from hub.core.timetable import Plan as Expected
from hub.core.wallets import place_of
from proto.badge import badge_hash, read_code, tag

C = Column
_EM = re.compile(r"EM:([0-9A-Fa-f]{10})", re.ASCII)


class Kind(enum.StrEnum):
    """What a list is of."""

    PUPILS = "pupils"
    FAMILIES = "families"
    BADGES = "badges"
    BALANCES = "balances"
    PLANS = "plans"


_WHO = (C.KEY, C.LAST_NAME, C.FIRST_NAME, C.BORN)
_WHOSE = (C.HOUSEHOLD_KEY, C.HOUSEHOLD, C.ADDRESS)
WANTED: dict[Kind, tuple[Column, ...]] = {
    Kind.PUPILS: (*_WHO, C.SITE, C.GROUP, *_WHOSE, C.CHILD_TYPE, C.BADGE),
    Kind.FAMILIES: (*_WHOSE, C.LAST_NAME, C.FIRST_NAME, C.EMAIL, C.LANGUAGE),
    Kind.BADGES: (C.BADGE, *_WHO, *_WHOSE),
    Kind.BALANCES: (C.BALANCE, C.SITE, *_WHOSE, *_WHO),
    Kind.PLANS: (C.PROGRAMME, C.SITE, C.WEEKDAYS, C.FROM, C.UNTIL, C.EXCLUDED, *_WHO, *_WHOSE),
}
"""The columns that a list may have. Of two that may have the same header, the first one has it."""
NEEDED: dict[Kind, tuple[tuple[Column, ...], ...]] = {
    Kind.PUPILS: ((C.LAST_NAME, C.KEY), (C.FIRST_NAME, C.KEY)),
    Kind.FAMILIES: (_WHOSE, (C.LAST_NAME,), (C.FIRST_NAME,)),
    Kind.BADGES: ((C.BADGE,), (C.LAST_NAME, C.KEY), (C.FIRST_NAME, C.KEY)),
    Kind.BALANCES: ((C.BALANCE,), (C.HOUSEHOLD, C.HOUSEHOLD_KEY, C.KEY, C.LAST_NAME)),
    Kind.PLANS: ((C.PROGRAMME,), (C.WEEKDAYS,), (C.FROM,), (C.LAST_NAME, C.KEY), (C.FIRST_NAME, C.KEY)),
}
"""Of each tuple a list has to have one."""


def plan(kind: Kind, table: Table, school: School, books: Books, stamp: Stamp) -> Plan:
    """What a list of this kind would do to this school, and everything that is wrong with it."""
    listed = understood(table, WANTED[kind], NEEDED[kind])
    draft = Draft(school, listed, stamp)
    if kind is Kind.BALANCES:
        return _balances(draft, listed.lines, books)
    if kind is Kind.PLANS:
        return expected(draft, listed.lines)
    take = {Kind.PUPILS: _pupil, Kind.FAMILIES: _adult, Kind.BADGES: _badge_of}[kind]
    for line in listed.lines:
        take(draft, line)
    return draft.plan()


# --- households -----------------------------------------------------------------------------------


def _household(draft: Draft, line: Said) -> int | None:
    """The household a line speaks of, made if it is not there; 0 when it speaks of none, None when something is wrong with it."""
    said = Home(line[C.HOUSEHOLD_KEY], line[C.HOUSEHOLD], line[C.ADDRESS])
    if said == Home():
        return 0
    column = C.HOUSEHOLD if said.name else C.HOUSEHOLD_KEY if said.key else C.ADDRESS
    named = replace(said, name=said.name or line[C.LAST_NAME])
    found = draft.people.home(named)
    if isinstance(found, Wrong):
        draft.wrong(line, found, column)
        return None
    if found is None:
        return _new_household(draft, line, named)
    if said.key in draft.people.second_homes:  # what is said there of a family goes by its first entry
        return found.id
    earlier = draft.people.homes.line_of.setdefault(found.id, line.number)
    if earlier != line.number and _contradicts(found, said):
        draft.wrong(line, Wrong.HOUSEHOLD_DIFFERS, column, earlier)
        return None
    return _settled(draft, line, found, said, first=earlier == line.number)


def _new_household(draft: Draft, line: Said, said: Home) -> int | None:
    if not said.name:
        draft.missing(line, C.HOUSEHOLD)
        return None
    made = Household(draft.new_id(line, Thing.HOUSEHOLD), said.name, said.key, said.address)
    draft.people.homes.put(made)
    draft.people.homes.line_of[made.id] = line.number
    draft.add(line, Thing.HOUSEHOLD, made, made.name)
    return made.id


def _contradicts(found: Household, said: Home) -> bool:
    """Whether two lines of one list say different things of a household; another way to write the same is none."""
    pairs = ((found.key, said.key), (found.name, said.name), (found.address, said.address))
    return any(old and new and fold(old) != fold(new) for old, new in pairs)


def _settled(draft: Draft, line: Said, found: Household, said: Home, *, first: bool) -> int:
    """The household with what the first line says of it, and what later ones say besides."""

    def now(old: str, new: str) -> str:
        return new if new and (first or not old) else old

    merged = replace(found, name=now(found.name, said.name), key=now(found.key, said.key), address=now(found.address, said.address))
    draft.people.homes.put(merged)
    draft.turn(line, Thing.HOUSEHOLD, found, merged)
    return merged.id


# --- pupils ---------------------------------------------------------------------------------------


def _pupil(draft: Draft, line: Said) -> None:
    """A line of a list of pupils: a household and a pupil, each new, changed or as it says already, and maybe a badge."""
    before = len(draft.complaints)
    _names(draft, line)
    site = site_of(draft, line)
    born = born_of(draft, line)
    household = _household(draft, line)
    if len(draft.complaints) > before or household is None:
        return
    said = Child(line[C.KEY], line[C.LAST_NAME], line[C.FIRST_NAME], born, household)
    found = found_pupil(draft, line, said)
    if found is not None and draft.people.second_pupil(said.key):  # what is said there of a child goes by its first entry
        pupil = found
    elif found is not None and _first_line(draft, line, draft.people.pupils.line_of, found.id):
        pupil = _changed_pupil(draft, line, found, said, site)
    elif found is None and len(draft.complaints) == before:
        made = _new_pupil(draft, line, said, site)
        if made is None:
            return
        pupil = made
    else:
        return
    if line[C.BADGE]:
        _badge(draft, line, pupil)


def _new_pupil(draft: Draft, line: Said, said: Child, site: int) -> Pupil | None:
    """A pupil who was not there; None when something is not said that has to be."""
    site = site or draft.only_site
    needed = {C.LAST_NAME: said.last_name, C.FIRST_NAME: said.first_name, C.SITE: site, C.HOUSEHOLD: said.household}
    for column in (column for column, value in needed.items() if not value):
        draft.missing(line, column)
    if not all(needed.values()):
        return None
    pupil = Pupil(
        draft.new_id(line, Thing.PUPIL),
        said.household,
        site,
        said.first_name,
        said.last_name,
        line[C.GROUP],
        born=said.born,
        key=said.key,
        child_type=line[C.CHILD_TYPE],
    )
    draft.people.pupils.put(pupil)
    draft.people.pupils.line_of[pupil.id] = line.number
    draft.add(line, Thing.PUPIL, pupil, name_of(pupil))
    return pupil


def _changed_pupil(draft: Draft, line: Said, found: Pupil, said: Child, site: int) -> Pupil:
    """A pupil as he is with what the line says."""
    merged = replace(
        found,
        household=said.household or found.household,
        site=site or found.site,
        first_name=said.first_name or found.first_name,
        last_name=said.last_name or found.last_name,
        group=line[C.GROUP] or found.group,
        born=said.born or found.born,
        key=said.key or found.key,
        child_type=line[C.CHILD_TYPE] or found.child_type,
    )
    draft.people.pupils.put(merged)
    draft.turn(line, Thing.PUPIL, found, merged)
    return merged


def _first_line(draft: Draft, line: Said, line_of: dict[int, int], person: int) -> bool:
    """Whether no earlier line spoke of this person."""
    earlier = line_of.setdefault(person, line.number)
    if earlier != line.number:
        draft.wrong(line, Wrong.SAME_PERSON, C.KEY if line[C.KEY] else C.LAST_NAME, earlier)
    return earlier == line.number


def _names(draft: Draft, line: Said) -> None:
    for column in (C.LAST_NAME, C.FIRST_NAME, C.HOUSEHOLD):
        if line[column] and not any(letter.isalpha() for letter in line[column]):
            draft.wrong(line, Wrong.NO_NAME, column)


# --- families -------------------------------------------------------------------------------------

LANGUAGES = {
    **dict.fromkeys("fr f francais french frans franzosisch".split(), "fr"),
    **dict.fromkeys("nl n neerlandais nederlands dutch niederlandisch".split(), "nl"),
    **dict.fromkeys("de d allemand german duits deutsch".split(), "de"),
    **dict.fromkeys("en e anglais english engels englisch".split(), "en"),
}
"""How lists write the languages of letters, folded."""


def _adult(draft: Draft, line: Said) -> None:
    """A line of a list of families: a household and a grown-up of it."""
    before = len(draft.complaints)
    _names(draft, line)
    for column in (column for column in (C.LAST_NAME, C.FIRST_NAME) if not line[column]):
        draft.missing(line, column)
    language = LANGUAGES.get(fold(line[C.LANGUAGE]), "")
    if line[C.LANGUAGE] and not language:
        draft.wrong(line, Wrong.NO_LANGUAGE, C.LANGUAGE)
    if line[C.EMAIL] and not draft.stamp.is_address(line[C.EMAIL]):
        draft.wrong(line, Wrong.NO_EMAIL, C.EMAIL)
    household = _household(draft, line)
    if household == 0:
        draft.missing(line, C.HOUSEHOLD)
    if not household or len(draft.complaints) > before:
        return
    found = draft.people.adult(household, line[C.LAST_NAME], line[C.FIRST_NAME])
    if isinstance(found, Wrong):
        draft.wrong(line, found, C.LAST_NAME)
    elif found is None:
        who = (draft.new_id(line, Thing.ADULT), household, line[C.FIRST_NAME], line[C.LAST_NAME])
        made = Adult(*who, line[C.EMAIL], language or draft.stamp.language)
        draft.people.adults.put(made)
        draft.people.adults.line_of[made.id] = line.number
        draft.add(line, Thing.ADULT, made, name_of(made))
    elif _first_line(draft, line, draft.people.adults.line_of, found.id):
        named = replace(found, first_name=line[C.FIRST_NAME], last_name=line[C.LAST_NAME])
        draft.turn(line, Thing.ADULT, found, replace(named, email=line[C.EMAIL] or found.email, language=language or found.language))


# --- badges ---------------------------------------------------------------------------------------


def _badge_of(draft: Draft, line: Said) -> None:
    """A line of a list of badges: whose it is, and its code or tag."""
    before = len(draft.complaints)
    home = known_household(draft, line)
    if not line[C.BADGE]:
        draft.missing(line, C.BADGE)
    found = known_pupil(draft, line, home) if len(draft.complaints) == before else None
    if found is not None:
        _badge(draft, line, found)


def _badge(draft: Draft, line: Said, pupil: Pupil) -> None:
    """Give the badge of a line to a pupil, if it is nobody's yet. Of a good code only the last letters are shown."""
    canonical = canonical_badge(line[C.BADGE])
    if canonical is None:
        return draft.wrong(line, Wrong.NO_BADGE, C.BADGE)
    hashed, mark = badge_hash(draft.stamp.badge_key, canonical), f"…{canonical[-4:]}"
    earlier, known = draft.badge_lines.setdefault(hashed, line.number), draft.badges.get(hashed)
    if earlier != line.number:
        draft.wrong(line, Wrong.BADGE_TWICE, C.BADGE, earlier, mark)
    elif known is None:
        made = Badge(draft.new_id(line, Thing.BADGE), hashed, pupil.id, BadgeState.ACTIVE, draft.stamp.at_ms, 0, mark[1:])
        draft.add(line, Thing.BADGE, made, f"{mark} of {name_of(pupil)}")
    elif known.pupil != pupil.id:
        draft.wrong(line, Wrong.BADGE_TAKEN, C.BADGE, name_of(draft.school.pupils[known.pupil]), mark)
    elif known.state is BadgeState.ACTIVE and not known.until_ms:
        draft.unchanged[Thing.BADGE] += 1
    else:
        draft.left.append((line.number, known.state))
    return None


def canonical_badge(written: str) -> str | None:
    """A badge code whose check letter fits, or `EM:` and ten hex digits, as it is hashed; None for anything else."""
    em = _EM.fullmatch(written)
    return tag("EM", bytes.fromhex(em[1])) if em else read_code(written)


# --- opening balances -----------------------------------------------------------------------------


def _balances(draft: Draft, lines: tuple[Said, ...], books: Books) -> Plan:
    """A list of what wallets bring along (requirement S23). The same list, once it is booked, asks for nothing any more."""
    ask = ask_of(lines)
    found: dict[tuple[int, int], int] = {}
    line_of: dict[Place, int] = {}
    for line in lines:
        place, cents = _place(draft, line), read_amount(line[C.BALANCE])
        if cents is None:
            draft.wrong(line, Wrong.NO_AMOUNT, C.BALANCE)
        if place is None or cents is None:
            continue
        if line_of.setdefault(place, line.number) != line.number:
            draft.wrong(line, Wrong.BALANCE_TWICE, C.BALANCE, line_of[place])
        elif ask in books.asks:
            draft.unchanged[Thing.BALANCE] += 1
        elif books.wallets.get(place, 0) in books.opened:
            draft.wrong(line, Wrong.ALREADY_OPENED, C.BALANCE, _owner(draft, place))
        else:
            found[place[:2]] = cents
            told = (Change("balance", "", write_cents(cents)), Change("site", "", draft.school.sites[place[0]].name))
            draft.acts.append(Act(line.number, Thing.BALANCE, _owner(draft, place), told))
    return replace(draft.plan(), ask=ask if found else 0, balances=found)


def ask_of(lines: tuple[Said, ...]) -> int:
    """The ask under which a list is booked: made of what it says, so that read in twice it is asked once."""
    return derived(1, repr([(line.number, sorted(line.cells.items())) for line in lines]))


def _place(draft: Draft, line: Said) -> Place | None:
    """The wallet a line means, its owner by the site's policy; None with a complaint. Money goes where charges come from."""
    before = len(draft.complaints)
    site = draft.school.sites.get(site_of(draft, line) or draft.only_site)
    home = known_household(draft, line)
    if site is None and not line[C.SITE]:
        draft.missing(line, C.SITE)
    by_pupil = site is not None and site.wallet_scope is WalletScope.PUPIL
    pupil = known_pupil(draft, line, home) if by_pupil else None
    if not by_pupil and home is None and len(draft.complaints) == before:
        draft.missing(line, C.HOUSEHOLD)
    if site is None or len(draft.complaints) > before:
        return None
    return place_of(site, home.id if home else 0, pupil.id if pupil else 0)


def _owner(draft: Draft, place: Place) -> str:
    """Whose a wallet is, as a person calls it."""
    return name_of(draft.school.households[place[1]] if place[2] is Compartment.WHOLE else draft.school.pupils[place[1]])


# --- whom it touches ------------------------------------------------------------------------------


def sites_of(planned: Plan, school: School) -> frozenset[int]:
    """The sites of everybody whom a list would change, as they are and as they would be; who changes elsewhere has no say there."""
    after = edited(school, planned.rows)
    found = {site for site, _ in planned.balances}
    for row in planned.rows:
        match row:
            case Pupil():
                found |= {row.site, school.pupils.get(row.id, row).site}
            case Badge():
                found.add(after.pupils[row.pupil].site)
            case Household() | Adult():
                household = row.id if isinstance(row, Household) else row.household
                found |= {after.pupils[pupil].site for pupil in after.kin.get(household, ())}
            case Expected():
                found.add(after.programmes[row.programme].site)
    return frozenset(found)
