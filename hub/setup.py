"""Setting a school up from files: its description (TOML), its menus and diets, and the meals that are reserved (CSV).

Things are recognised by their names, so the same files can be read again after a correction: what is known keeps its id.
It opens nothing; its people come with imports.py.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from hub.broker import HUB_USER
from hub.core.books import Books
from hub.core.calendar import DayKind, Windows, day_code, day_coded, day_of
from hub.core.facts import derived
from hub.core.lists import Column, Said, understood
from hub.core.menus import Allergen, Canteen, Diet, Menu, Offer, Unordered
from hub.core.money import read_cents
from hub.core.school import Device, Policy, Product, ProductKind, Programme, Reader, Row, Scans, School, Site, WalletScope, edited
from hub.core.sites import run_from
from hub.core.timetable import Attendance, LegalClass
from hub.days import CalendarFile, calendar_rows
from hub.errors import ImportRefusedError, RefusedError
from hub.imports import read, refuse
from hub.meant import day_written, pupils_by_names
from hub.tariffs import GroupFile, LineFile, TariffFile, Written, tariff_rows, written
from hub.timetable import (
    AbsenceFile,
    ClassHoursFile,
    Clock,
    HoursFile,
    Minutes,
    PostingFile,
    absences,
    check_nesting,
    class_hours,
    minutes,
    posting,
    windows_of,
)
from proto.messages import DeviceId, Direction, ReaderId, Use
from proto.settings import Written as Name
from proto.settings import parse

NewId = Callable[[], int]
"""Fresh random 63-bit numbers."""

_DIET = r"\A[a-z0-9_-]{1,30}\Z"
MEALS = (Column.SITE, Column.HOUSEHOLD, Column.LAST_NAME, Column.FIRST_NAME, Column.MEAL, Column.DAY)
MENUS = (Column.SITE, Column.DAY, Column.PRODUCT, Column.PRICE, Column.ALLERGENS)
DIETS = (Column.HOUSEHOLD, Column.LAST_NAME, Column.FIRST_NAME, Column.DIET, Column.ALLERGENS)
"""The columns of the lists of meals, menus and diets."""


class ProgrammeFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`price`: per started period of `period_min`, or per session where that is 0; without it, the programme is under [[tariffs]].

    `within`: the name of a programme of the same site whose stays this one is taken out of. Without `posting` charges post at once.
    `on`: the kinds of day its hours hold on; without it, all.
    """

    name: Name
    use: Literal["care", "study"]
    hours: Annotated[list[HoursFile], Meta(min_length=1)]
    price: str = ""
    period_min: Minutes = 0
    tolerance_min: Minutes = 0
    at_most: str = "0,00"
    scans: Scans = Scans.BOTH
    attendance: Attendance = Attendance.OPEN
    within: str = ""
    room: str = ""
    legal: LegalClass = LegalClass.OUTSIDE_HOURS
    posting: PostingFile = PostingFile()
    on: list[DayKind] = []


class ProductFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Name
    kind: Literal["meal", "article"]
    price: str
    policy: Literal["must_serve", "must_have_funds", "limit"]
    allergens: list[Allergen] = []
    diets: list[Annotated[str, Meta(pattern=_DIET)]] = []
    legal: LegalClass = LegalClass.OPTIONAL


class CanteenFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders close at `cut_off`, `days_before` working days before; what is cancelled later is resold until `waiting_until`."""

    horizon_days: Annotated[int, Meta(ge=0, le=366)] = 15
    cut_off: Clock = "09:00"
    days_before: Annotated[int, Meta(ge=0, le=30)] = 0
    waiting_until: Clock = "12:00"
    walk_up: Literal["allow", "surcharge"] = "allow"
    walk_up_surcharge: str = "0,00"
    unordered: Literal["allow", "surcharge", "refuse"] = "allow"
    unordered_surcharge: str = "0,00"
    void_limit: str = "10,00"


class ReaderFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: ReaderId
    name: Name
    use: Use
    direction: Direction = Direction.TOGGLE
    product: str = ""
    door_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0


class DeviceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: DeviceId
    name: Name
    readers: Annotated[list[ReaderFile], Meta(min_length=1, max_length=16)]


class SiteFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`settlement`: whether a run leaves what is to be verified for the next one, or posts nothing at all then."""

    name: Name
    zone: str = "Europe/Brussels"
    floor: str = "0,00"
    low: str = "2,00"
    wallets: WalletScope | None = None
    files_due: date | None = None
    pilot_from: date | None = None
    live_from: date | None = None
    settlement: Literal["leave_pending", "whole"] = "leave_pending"
    class_hours: list[ClassHoursFile] = []
    programmes: list[ProgrammeFile] = []
    products: list[ProductFile] = []
    canteen: CanteenFile | None = None
    devices: list[DeviceFile] = []


class SchoolFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sites: Annotated[list[SiteFile], Meta(min_length=1)]
    tariffs: list[TariffFile] = []
    groups: list[GroupFile] = []
    absences: list[AbsenceFile] = []
    calendar: CalendarFile = CalendarFile()


def describe(text: str, name: str, school: School, new_id: NewId, now_ms: int) -> tuple[Row, ...]:
    """A school's description as rows; days that are over keep the hours they had.

    Raises SettingsError with file, line and key, or ImportRefusedError.
    """
    rows: list[Row] = []
    file = parse(text, SchoolFile, name)
    for what, names in (("site", [site.name for site in file.sites]), ("device", [one.id for site in file.sites for one in site.devices])):
        twice = [each for each, count in Counter(names).items() if count > 1]
        if twice:
            raise ImportRefusedError(f"{name}: {what} `{twice[0]}` is described twice: give each its own name")
    for site_file in file.sites:
        try:
            of_site = tuple(_site_rows(site_file, school, new_id, now_ms))
            check_nesting(edited(school, of_site), day_of(now_ms, _zone(site_file.zone)))
        except (KeyError, ValueError) as error:
            raise ImportRefusedError(f"{name}: site `{site_file.name}`: {error}") from error
        rows += of_site
    try:
        rows += absences(file.absences, school, new_id)
    except ValueError as error:
        raise ImportRefusedError(f"{name}: {error}") from error
    rows += tariff_rows(_all_tariffs(file, name, text), school, tuple(rows), new_id)
    return (*rows, *calendar_rows(file.calendar, name, edited(school, tuple(rows))))


@dataclass(frozen=True, slots=True)
class Reservation:
    """One meal to reserve. `ask` comes from the file's content and the line: the same file twice changes nothing."""

    ask: int
    pupil: int
    product: int
    day: str
    """YYYY-MM-DD."""


def reservations(text: str, name: str, school: School, books: Books) -> tuple[Reservation, ...]:
    """Meals from a list with the columns of `MEALS`. All or nothing: every bad line is named in the one ImportRefusedError."""
    file_ask = content_ask(text)
    known = pupils_by_names(school)
    meals = {(school.sites[one.site].name, one.name): one for one in school.products.values() if one.kind is ProductKind.MEAL}
    found: dict[tuple[int | None, int, int | None], Reservation] = {}
    wrong: list[str] = []
    for line in _lines(text, name, MEALS):
        pupil = known.get(_names(line))
        meal, day = meals.get((line[Column.SITE], line[Column.MEAL])), _day_number(line)
        ask = derived(file_ask, f"line {line.number}")
        place = (pupil, meal.site if meal else 0, day)
        is_new = ask not in books.asks
        taken = place in found or (day is not None and (pupil, place[1], day) in books.meals and is_new)
        left = bool(pupil and day and is_new and not school.pupils[pupil].is_here(day_coded(day)))
        if not pupil or meal is None or day is None or taken or left:
            wrong.append(f"{name}:{line.number}: {_meal_trouble(line, pupil, meal, day, left=left)}")
        else:
            found[place] = Reservation(ask, pupil, meal.id, line[Column.DAY])
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(found.values())


def _names(line: Said) -> tuple[str, str, str]:
    return line[Column.HOUSEHOLD], line[Column.LAST_NAME], line[Column.FIRST_NAME]


def _nobody(line: Said, pupil: int | None) -> str:
    """Why these names are not those of one pupil."""
    household, last, first = _names(line)
    if pupil is None:
        return f"`{first} {last}` of household `{household}` is not known: import the pupils first"
    return f"`{first} {last}` of household `{household}` is several pupils: give one of the households another name"


def _meal_trouble(line: Said, pupil: int | None, meal: Product | None, day: int | None, *, left: bool) -> str:
    if not pupil:
        return _nobody(line, pupil)
    if meal is None:
        return f"`{line[Column.MEAL]}` is no meal of site `{line[Column.SITE]}`: use the names they have in the school"
    if day is None:
        return f"`{line[Column.DAY]}` is no day: write it as 2025-01-31"
    trouble = f"is no longer at the school on {line[Column.DAY]}" if left else f"has a meal on {line[Column.DAY]} already"
    return f"`{line[Column.FIRST_NAME]} {line[Column.LAST_NAME]}` {trouble}: remove the line"


def menus(text: str, name: str, school: School) -> tuple[Menu, ...]:
    """Menus from a list with the columns site; day; product; price; allergens, the last two may be empty. All or nothing.

    A day of the list replaces that day's menu; an empty price is the product's own, allergens are what it contains beside its own.
    """
    products = {(school.sites[one.site].name, one.name): one for one in school.products.values()}
    offers: dict[tuple[int, date], dict[int, Offer]] = {}
    wrong: list[str] = []
    for line in _lines(text, name, MENUS):
        product, allergens = products.get((line[Column.SITE], line[Column.PRODUCT])), _allergens(line[Column.ALLERGENS])
        day, own_cents = _day_number(line), product.price_cents if product else None
        cents = read_cents(line[Column.PRICE]) if line[Column.PRICE] else own_cents
        if product is None or day is None or cents is None or cents < 0 or isinstance(allergens, str):
            wrong.append(f"{name}:{line.number}: {_menu_trouble(line, product, day, allergens)}")
            continue
        menu = offers.setdefault((product.site, date.fromisoformat(line[Column.DAY])), {})
        if product.id in menu:
            wrong.append(f"{name}:{line.number}: `{line[Column.PRODUCT]}` is on the menu of {line[Column.DAY]} already: remove the line")
        menu[product.id] = Offer(product.id, cents, allergens)
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(Menu(*place, tuple(menu.values())) for place, menu in offers.items())


def _menu_trouble(line: Said, product: Product | None, day: int | None, allergens: frozenset[Allergen] | str) -> str:
    if product is None:
        return f"`{line[Column.PRODUCT]}` is no product of site `{line[Column.SITE]}`: use the names they have in the school"
    if day is None:
        return f"`{line[Column.DAY]}` is no day: write it as 2025-01-31"
    return allergens if isinstance(allergens, str) else f"`{line[Column.PRICE]}` is not a price: write it as 4,50"


def diets(text: str, name: str, school: School) -> tuple[Diet, ...]:
    """Diets from a list with the columns household; last_name; first_name; diet; allergens, the last two may be empty. All or nothing."""
    known = pupils_by_names(school)
    found: dict[int, Diet] = {}
    wrong: list[str] = []
    for line in _lines(text, name, DIETS):
        pupil, allergens = known.get(_names(line)), _allergens(line[Column.ALLERGENS])
        if not pupil:
            wrong.append(f"{name}:{line.number}: {_nobody(line, pupil)}")
        elif pupil in found:
            wrong.append(f"{name}:{line.number}: a second line for `{line[Column.FIRST_NAME]} {line[Column.LAST_NAME]}`: keep one")
        elif isinstance(allergens, str):
            wrong.append(f"{name}:{line.number}: {allergens}")
        elif line[Column.DIET] and not re.match(_DIET, line[Column.DIET]):
            wrong.append(f"{name}:{line.number}: `{line[Column.DIET]}` is no code of a diet: use small letters, digits, - and _")
        else:
            found[pupil] = Diet(pupil, line[Column.DIET], allergens)
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(found.values())


def _day_number(line: Said) -> int | None:
    try:
        return day_code(day_written(line[Column.DAY]))
    except RefusedError:
        return None


def _allergens(text: str) -> frozenset[Allergen] | str:
    """The allergens of a cell, set apart by spaces or commas; or what is wrong with it."""
    known = {allergen.value for allergen in Allergen}
    words = re.findall(r"[^\s,]+", text.lower())
    strange = [word for word in words if word not in known]
    if strange:
        return f"`{strange[0]}` is no allergen: it is one of {', '.join(sorted(known))}"
    return frozenset(map(Allergen, words))


def _lines(text: str, name: str, columns: tuple[Column, ...]) -> tuple[Said, ...]:
    """The lines of a list that has all of these columns; nothing of a list with a bad one."""
    listed = understood(read(text.encode(), name, columns).table, columns, tuple((column,) for column in columns))
    refuse(listed.complaints, name, columns)
    return listed.lines


def content_ask(text: str) -> int:
    """The ask id of a whole file: read in twice, it is asked once."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1 or 1


def _scope(file: SiteFile, known: Site | None) -> WalletScope:
    """A site that is known has wallets already: another policy moves money, and that is no matter of a description."""
    wanted = file.wallets or (known.wallet_scope if known else WalletScope.HOUSEHOLD)
    if known and wanted is not known.wallet_scope:
        raise ValueError(f"key `wallets`: its wallets are one per {known.wallet_scope}: `preau-hub wallet switch` changes that")
    return wanted


def _site_rows(file: SiteFile, school: School, new_id: NewId, now_ms: int) -> Iterator[Row]:
    zone = _zone(file.zone)
    today = day_of(now_ms, zone)
    site = next((site for site in school.sites.values() if site.name == file.name), None) or Site(new_id(), file.name, zone)
    site_id = site.id
    yield replace(
        site,
        zone=zone,
        floor_cents=_cents(file.floor, "floor"),
        low_cents=_cents(file.low, "low"),
        wallet_scope=_scope(file, school.sites.get(site.id)),
        files_due_day=file.files_due,
        pilot_from=file.pilot_from,
        live_from=file.live_from,
        whole_runs=file.settlement == "whole",
    )
    yield from class_hours(file.class_hours, site_id, school, today)
    yield from _programmes(file.programmes, site_id, school, new_id, today)
    products: dict[str, int] = {}
    for one in file.products:
        known = next((product.id for product in school.products.values() if (product.site, product.name) == (site_id, one.name)), None)
        products[one.name] = known or new_id()
        kind, policy, contains = ProductKind(one.kind), Policy(one.policy), frozenset(one.allergens)
        cents, suits = _cents(one.price, "price"), frozenset(one.diets)
        yield Product(products[one.name], site_id, kind, one.name, cents, policy, contains, suits, one.legal)
    if file.canteen is not None:
        yield _canteen(site_id, file.canteen)
    for device in file.devices:
        if device.id == HUB_USER:
            raise ValueError(f"device `{device.id}`: this is the hub's own name on the broker: choose another")
        known_device = school.devices.get(device.id) or Device(device.id, site_id, device.name)
        yield replace(known_device, site=site_id, name=device.name)
        for reader in device.readers:
            yield _reader(device.id, reader, products)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"key `zone`: `{name}` is no time zone: write it as Europe/Brussels") from error


def _canteen(site: int, file: CanteenFile) -> Canteen:
    return Canteen(
        site=site,
        horizon_days=file.horizon_days,
        cut_off_min=minutes(file.cut_off),
        days_before=file.days_before,
        waiting_until_min=minutes(file.waiting_until),
        walk_up=Unordered(file.walk_up),
        walk_up_cents=_cents(file.walk_up_surcharge, "walk_up_surcharge"),
        unordered=Unordered(file.unordered),
        unordered_cents=_cents(file.unordered_surcharge, "unordered_surcharge"),
        void_limit_cents=_cents(file.void_limit, "void_limit"),
    )


def _programmes(files: list[ProgrammeFile], site: int, school: School, new_id: NewId, today: date) -> Iterator[Programme]:
    """The programmes of a site, each with the id it is known by; the one whose name has changed is known by its use."""
    twice = [name for name, count in Counter(one.name for one in files).items() if count > 1]
    if twice:
        raise ValueError(f"programme `{twice[0]}` is described twice: give each its own name")
    ids = _known(files, site, school)
    for one in files:
        ids.setdefault(one.name, new_id())
    for one in files:
        try:
            known = school.programmes.get(ids[one.name])
            made = _programme(one, ids, site, windows_of(one.hours, known.windows if known else (), today))
            yield run_from(known, made, today) if known else made
        except ValueError as error:
            raise ValueError(f"programme `{one.name}`: {error}") from error


def _known(files: list[ProgrammeFile], site: int, school: School) -> dict[str, int]:
    """Ids by name. Where one programme of a use has gone and one has come, it is the same with another name."""
    here = [one for one in school.programmes.values() if one.site == site]
    ids = {one.name: one.id for one in here}
    for use in {file.use for file in files}:
        came = [file.name for file in files if file.use == use and file.name not in ids]
        gone = [one.id for one in here if one.use.value == use and one.name not in {file.name for file in files}]
        if len(came) == len(gone) == 1:
            ids[came[0]] = gone[0]
    return ids


def _programme(file: ProgrammeFile, ids: dict[str, int], site: int, windows: Windows) -> Programme:
    if file.within and file.within not in ids:
        raise ValueError(f"key `within`: `{file.within}` is no programme of this site: use the name it has here, or describe it")
    post_days, post_weekday = posting(file.posting)
    return Programme(
        id=ids[file.name],
        site=site,
        use=Use(file.use),
        name=file.name,
        windows=windows,
        scans=file.scans,
        attendance=file.attendance,
        within=ids[file.within] if file.within else 0,
        room=file.room,
        legal=file.legal,
        post_days=post_days,
        post_weekday=post_weekday,
        days=frozenset(file.on),
    )


def _all_tariffs(file: SchoolFile, name: str, text: str) -> Written:
    """The `[[tariffs]]`, and the prices that stand with their programme: they hold always."""
    plain: list[tuple[str, TariffFile]] = []
    for place, site in enumerate(file.sites):
        for number, one in enumerate(site.programmes):
            if one.price:
                period_min = one.period_min or None
                line = LineFile(price=one.price, period_min=period_min, tolerance_min=one.tolerance_min, at_most=one.at_most)
                tariff = TariffFile(site=site.name, programme=one.name, lines=[line])
                plain.append((f"sites[{place}].programmes[{number}]", tariff))
    said = written(name, text, file.tariffs, file.groups)
    return Written(name, text, (*said.tariffs, *plain), said.groups)


def _reader(device: str, file: ReaderFile, products: dict[str, int]) -> Reader:
    if file.product and file.product not in products:
        raise ValueError(f"reader `{file.id}` of `{device}`: product `{file.product}` is not one of this site")
    return Reader(device, file.id, file.name, file.use, file.direction, products.get(file.product, 0), file.door_ms)


def _cents(text: str, key: str) -> int:
    cents = read_cents(text)
    if cents is None:
        raise ValueError(f'key `{key}`: `{text}` is not an amount: write it as "2,50"')
    return cents
