"""Setting a school up from files: a description (TOML) and lists (CSV). Text in, rows or a clear error out; it opens nothing.

Things are recognised by their names, so the same files can be read again after a correction: what is known keeps its id.
A column with a national register number is dropped and named, never stored (law of 8 August 1983; reliability.md, 1.2).
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from hub.broker import HUB_USER
from hub.core.books import Books
from hub.core.calendar import Window
from hub.core.canteen import day_number
from hub.core.facts import derived
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.money import read_cents
from hub.core.school import (
    Allergen,
    Badge,
    BadgeState,
    Canteen,
    Device,
    Diet,
    Household,
    Menu,
    Offer,
    Policy,
    Product,
    ProductKind,
    Programme,
    Pupil,
    Reader,
    Row,
    School,
    Site,
    Tariff,
    Unordered,
)
from hub.errors import ImportRefusedError
from proto.badge import badge_hash, read_code, tag
from proto.messages import DeviceId, Direction, ReaderId, Use
from proto.settings import parse

NewId = Callable[[], int]
"""Fresh random 63-bit numbers."""

_TIME = r"\A([01]\d|2[0-3]):[0-5]\d\Z"
_DIET = r"\A[a-z0-9_-]{1,30}\Z"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NATIONAL = re.compile(r"niss|insz|national|nrn|rijksregister|registre", re.IGNORECASE)
MAX_LINES = 20_000
"""Lines of one list; a commune has some thousand pupils."""


class HoursFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    start: Annotated[str, Meta(pattern=_TIME)]
    end: Annotated[str, Meta(pattern=_TIME)]


class ProgrammeFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`price`: per started period of `period_min`, or per session where that is 0."""

    name: str
    use: Literal["care", "study"]
    hours: Annotated[list[HoursFile], Meta(min_length=1)]
    price: str
    period_min: Annotated[int, Meta(ge=0, le=1440)] = 0
    tolerance_min: Annotated[int, Meta(ge=0, le=1440)] = 0
    at_most: str = "0,00"
    needs_exit: bool = True


class ProductFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    kind: Literal["meal", "article"]
    price: str
    policy: Literal["must_serve", "must_have_funds", "limit"]
    allergens: list[Allergen] = []
    diets: list[Annotated[str, Meta(pattern=_DIET)]] = []


class CanteenFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Orders close at `cut_off`, `days_before` working days before; what is cancelled later is resold until `waiting_until`."""

    horizon_days: Annotated[int, Meta(ge=0, le=366)] = 15
    cut_off: Annotated[str, Meta(pattern=_TIME)] = "09:00"
    days_before: Annotated[int, Meta(ge=0, le=30)] = 0
    waiting_until: Annotated[str, Meta(pattern=_TIME)] = "12:00"
    walk_up: Literal["allow", "surcharge"] = "allow"
    walk_up_surcharge: str = "0,00"
    unordered: Literal["allow", "surcharge", "refuse"] = "allow"
    unordered_surcharge: str = "0,00"
    void_limit: str = "10,00"


class ReaderFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: ReaderId
    name: str
    use: Use
    direction: Direction = Direction.TOGGLE
    product: str = ""
    door_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0


class DeviceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: DeviceId
    name: str
    readers: Annotated[list[ReaderFile], Meta(min_length=1, max_length=16)]


class SiteFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    zone: str = "Europe/Brussels"
    floor: str = "0,00"
    programmes: list[ProgrammeFile] = []
    products: list[ProductFile] = []
    canteen: CanteenFile | None = None
    devices: list[DeviceFile] = []


class SchoolFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sites: Annotated[list[SiteFile], Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows to write, and what a person should know about the file."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def describe(text: str, name: str, school: School, new_id: NewId) -> Imported:
    """A school's description as rows. Raises SettingsError with file, line and key, or ImportRefusedError."""
    rows: list[Row] = []
    file = parse(text, SchoolFile, name)
    for what, names in (("site", [site.name for site in file.sites]), ("device", [one.id for site in file.sites for one in site.devices])):
        twice = [each for each, count in Counter(names).items() if count > 1]
        if twice:
            raise ImportRefusedError(f"{name}: {what} `{twice[0]}` is described twice: give each its own name")
    for site_file in file.sites:
        try:
            rows += _site_rows(site_file, school, new_id)
        except (KeyError, ValueError) as error:
            raise ImportRefusedError(f"{name}: site `{site_file.name}`: {error}") from error
    return Imported(tuple(rows))


def pupils(text: str, name: str, school: School, badge_key: bytes, now_ms: int, new_id: NewId) -> Imported:
    """Pupils from a list with the columns household; site; last_name; first_name; group; badge (a code or EM:…, may be empty).

    All or nothing: every bad line is named in the one ImportRefusedError.
    """
    lines, notes = _lines(text, name, ("household", "site", "last_name", "first_name", "group", "badge"))
    sites = {site.name: site.id for site in school.sites.values()}
    households = {household.name: household.id for household in school.households.values()}
    known = {(pupil.household, pupil.last_name, pupil.first_name): pupil.id for pupil in school.pupils.values()}
    known_badges = set(school.badges)
    owners = {badge_hash: states[-1].pupil for badge_hash, states in school.badges.items()}
    rows: list[Row] = []
    wrong: list[str] = []
    for number, line in lines:
        if line["site"] not in sites or not line["household"] or not line["last_name"]:
            wrong.append(f"{name}:{number}: needs a household, a last_name and a known site (`{line['site']}` is not one)")
            continue
        if line["household"] not in households:
            households[line["household"]] = new_id()
            rows.append(Household(households[line["household"]], line["household"]))
        who = (households[line["household"]], line["last_name"], line["first_name"])
        pupil = Pupil(known.setdefault(who, new_id()), who[0], sites[line["site"]], who[2], who[1], line["group"])
        rows.append(pupil)
        badge = _badge(line["badge"], pupil, badge_key, now_ms, new_id)
        if isinstance(badge, str):
            wrong.append(f"{name}:{number}: {badge}")
        elif badge is not None and owners.setdefault(badge.hash, pupil.id) != pupil.id:
            wrong.append(f"{name}:{number}: badge `{line['badge']}` is somebody else's: give {pupil.first_name} another one")
        elif badge is not None and badge.hash not in known_badges:
            known_badges.add(badge.hash)
            rows.append(badge)
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return Imported(tuple(rows), notes)


def balances(text: str, name: str, school: School) -> dict[tuple[int, int], int]:
    """Opening balances from a list with the columns site; household; balance: (site, household) -> cents. All or nothing."""
    lines, _ = _lines(text, name, ("site", "household", "balance"))
    sites = {site.name: site.id for site in school.sites.values()}
    households = {household.name: household.id for household in school.households.values()}
    found: dict[tuple[int, int], int] = {}
    wrong: list[str] = []
    for number, line in lines:
        key = (sites.get(line["site"], 0), households.get(line["household"], 0))
        cents = read_cents(line["balance"])
        if 0 in key or cents is None or key in found:
            wrong.append(f"{name}:{number}: {_balance_trouble(line, key, cents)}")
        else:
            found[key] = cents
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return found


def _balance_trouble(line: dict[str, str], key: tuple[int, int], cents: int | None) -> str:
    if not key[0]:
        return f"site `{line['site']}` is not known: use the name it has in the school"
    if not key[1]:
        return f"household `{line['household']}` is not known: import the pupils first"
    if cents is None:
        return f"`{line['balance']}` is not an amount: write it as 12,50"
    return f"a second line for household `{line['household']}` at `{line['site']}`: keep one"


@dataclass(frozen=True, slots=True)
class Reservation:
    """One meal to reserve. `ask` comes from the file's content and the line: the same file twice changes nothing."""

    ask: int
    pupil: int
    product: int
    day: str
    """YYYY-MM-DD."""


def reservations(text: str, name: str, school: School, books: Books) -> tuple[Reservation, ...]:
    """Meals from a list with the columns site; household; last_name; first_name; meal; day. All or nothing."""
    lines, _ = _lines(text, name, ("site", "household", "last_name", "first_name", "meal", "day"))
    file_ask = content_ask(text)
    known = {(school.households[one.household].name, one.last_name, one.first_name): one.id for one in school.pupils.values()}
    meals = {(school.sites[one.site].name, one.name): one for one in school.products.values() if one.kind is ProductKind.MEAL}
    found: dict[tuple[int, int, int | None], Reservation] = {}
    wrong: list[str] = []
    for number, line in lines:
        pupil = known.get((line["household"], line["last_name"], line["first_name"]), 0)
        meal, day, ask = meals.get((line["site"], line["meal"])), day_number(line["day"]), derived(file_ask, f"line {number}")
        place = (pupil, meal.site if meal else 0, day)
        taken = place in found or (day is not None and (pupil, place[1], day) in books.meals and ask not in books.asks)
        if not pupil or meal is None or day is None or taken:
            wrong.append(f"{name}:{number}: {_meal_trouble(line, pupil, meal, day)}")
        else:
            found[place] = Reservation(ask, pupil, meal.id, line["day"])
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(found.values())


def _meal_trouble(line: dict[str, str], pupil: int, meal: Product | None, day: int | None) -> str:
    if not pupil:
        return f"`{line['first_name']} {line['last_name']}` of household `{line['household']}` is not known: import the pupils first"
    if meal is None:
        return f"`{line['meal']}` is no meal of site `{line['site']}`: use the names they have in the school"
    if day is None:
        return f"`{line['day']}` is no day: write it as 2025-01-31"
    return f"`{line['first_name']} {line['last_name']}` has a meal on {line['day']} already: remove the line"


def menus(text: str, name: str, school: School) -> tuple[Menu, ...]:
    """Menus from a list with the columns site; day; product; price; allergens, the last two may be empty. All or nothing.

    A day of the list replaces that day's menu; an empty price is the product's own, allergens are what it contains beside its own.
    """
    lines, _ = _lines(text, name, ("site", "day", "product", "price", "allergens"))
    products = {(school.sites[one.site].name, one.name): one for one in school.products.values()}
    offers: dict[tuple[int, date], dict[int, Offer]] = {}
    wrong: list[str] = []
    for number, line in lines:
        product, allergens = products.get((line["site"], line["product"])), _allergens(line["allergens"])
        day, own_cents = day_number(line["day"]), product.price_cents if product else None
        cents = read_cents(line["price"]) if line["price"] else own_cents
        if product is None or day is None or cents is None or cents < 0 or isinstance(allergens, str):
            wrong.append(f"{name}:{number}: {_menu_trouble(line, product, day, allergens)}")
            continue
        menu = offers.setdefault((product.site, date.fromisoformat(line["day"])), {})
        if product.id in menu:
            wrong.append(f"{name}:{number}: `{line['product']}` is on the menu of {line['day']} already: remove the line")
        menu[product.id] = Offer(product.id, cents, allergens)
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(Menu(*place, tuple(menu.values())) for place, menu in offers.items())


def _menu_trouble(line: dict[str, str], product: Product | None, day: int | None, allergens: frozenset[Allergen] | str) -> str:
    if product is None:
        return f"`{line['product']}` is no product of site `{line['site']}`: use the names they have in the school"
    if day is None:
        return f"`{line['day']}` is no day: write it as 2025-01-31"
    return allergens if isinstance(allergens, str) else f"`{line['price']}` is not a price: write it as 4,50"


def diets(text: str, name: str, school: School) -> tuple[Diet, ...]:
    """Diets from a list with the columns household; last_name; first_name; diet; allergens, the last two may be empty. All or nothing."""
    lines, _ = _lines(text, name, ("household", "last_name", "first_name", "diet", "allergens"))
    known = {(school.households[one.household].name, one.last_name, one.first_name): one.id for one in school.pupils.values()}
    found: dict[int, Diet] = {}
    wrong: list[str] = []
    for number, line in lines:
        pupil, allergens = known.get((line["household"], line["last_name"], line["first_name"])), _allergens(line["allergens"])
        if pupil is None:
            wrong.append(f"{name}:{number}: {_meal_trouble(line, 0, None, None)}")
        elif pupil in found:
            wrong.append(f"{name}:{number}: a second line for `{line['first_name']} {line['last_name']}`: keep one")
        elif isinstance(allergens, str):
            wrong.append(f"{name}:{number}: {allergens}")
        elif line["diet"] and not re.match(_DIET, line["diet"]):
            wrong.append(f"{name}:{number}: `{line['diet']}` is no code of a diet: use small letters, digits, - and _")
        else:
            found[pupil] = Diet(pupil, line["diet"], allergens)
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(found.values())


def _allergens(text: str) -> frozenset[Allergen] | str:
    """The allergens of a cell, set apart by spaces or commas; or what is wrong with it."""
    known = {allergen.value for allergen in Allergen}
    words = re.findall(r"[^\s,]+", text.lower())
    strange = [word for word in words if word not in known]
    if strange:
        return f"`{strange[0]}` is no allergen: it is one of {', '.join(sorted(known))}"
    return frozenset(map(Allergen, words))


def content_ask(text: str) -> int:
    """The ask id of a whole file: read in twice, it is asked once."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1 or 1


def _lines(text: str, name: str, columns: tuple[str, ...]) -> tuple[list[tuple[int, dict[str, str]]], tuple[str, ...]]:
    """Numbered lines by column, and notes. `;` or `,` separates; a byte order mark is skipped."""
    text = text.removeprefix("\ufeff")
    first = text.splitlines()[0] if text.strip() else ""
    table = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") >= first.count(",") else ",")
    try:
        numbered = [(table.line_num, row) for row in table]
    except csv.Error as error:
        raise ImportRefusedError(f"{name}:{table.line_num}: cannot be read as a list: {error}") from error
    header = [cell.strip().lower() for cell in numbered.pop(0)[1]] if numbered else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise ImportRefusedError(f"{name}:1: column `{missing[0]}` is missing; the columns are: {'; '.join(columns)}")
    notes = tuple(
        f"column `{column}` was dropped: Préau never stores a national register number" for column in header if _NATIONAL.search(column)
    )
    lines = [(number, _cells(header, columns, row)) for number, row in numbered if any(cell.strip() for cell in row)]
    if len(lines) > MAX_LINES:
        raise ImportRefusedError(f"{name}: {len(lines)} lines; at most {MAX_LINES} at once")
    return lines, notes


def _cells(header: list[str], columns: Iterable[str], row: list[str]) -> dict[str, str]:
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    return {column: cells.get(column, "") for column in columns}


def _badge(written: str, pupil: Pupil, badge_key: bytes, now_ms: int, new_id: NewId) -> Badge | str | None:
    """The badge of a line, what is wrong with it, or None where there is none."""
    if not written:
        return None
    canonical = tag("EM", bytes.fromhex(written[3:])) if re.fullmatch(r"EM:[0-9A-Fa-f]{10}", written) else read_code(written)
    if canonical is None:
        return f"badge `{written}` is neither a badge code (its check letter would fit) nor EM: and ten hex digits"
    return Badge(new_id(), badge_hash(badge_key, canonical), pupil.id, BadgeState.ACTIVE, now_ms, 0, canonical[-4:])


def _site_rows(file: SiteFile, school: School, new_id: NewId) -> Iterator[Row]:
    site_id = next((site.id for site in school.sites.values() if site.name == file.name), None) or new_id()
    yield Site(site_id, file.name, ZoneInfo(file.zone), _cents(file.floor, "floor"))
    for programme in file.programmes:
        yield from _programme(programme, site_id, school, new_id)
    products: dict[str, int] = {}
    for one in file.products:
        known = next((product.id for product in school.products.values() if (product.site, product.name) == (site_id, one.name)), None)
        products[one.name] = known or new_id()
        kind, policy, contains = ProductKind(one.kind), Policy(one.policy), frozenset(one.allergens)
        yield Product(products[one.name], site_id, kind, one.name, _cents(one.price, "price"), policy, contains, frozenset(one.diets))
    if file.canteen is not None:
        yield _canteen(site_id, file.canteen)
    for device in file.devices:
        if device.id == HUB_USER:
            raise ValueError(f"device `{device.id}`: this is the hub's own name on the broker: choose another")
        known_device = school.devices.get(device.id) or Device(device.id, site_id, device.name)
        yield replace(known_device, site=site_id, name=device.name)
        for reader in device.readers:
            yield _reader(device.id, reader, products)


def _canteen(site: int, file: CanteenFile) -> Canteen:
    return Canteen(
        site=site,
        horizon_days=file.horizon_days,
        cut_off_min=_minutes(file.cut_off),
        days_before=file.days_before,
        waiting_until_min=_minutes(file.waiting_until),
        walk_up=Unordered(file.walk_up),
        walk_up_cents=_cents(file.walk_up_surcharge, "walk_up_surcharge"),
        unordered=Unordered(file.unordered),
        unordered_cents=_cents(file.unordered_surcharge, "unordered_surcharge"),
        void_limit_cents=_cents(file.void_limit, "void_limit"),
    )


def _programme(file: ProgrammeFile, site: int, school: School, new_id: NewId) -> tuple[Programme, Tariff]:
    known = school.programme_for(site, Use(file.use))
    windows = tuple(
        Window(frozenset(_DAYS.index(day) for day in hours.days), _minutes(hours.start), _minutes(hours.end)) for hours in file.hours
    )
    if any(window.start_min >= window.end_min for window in windows):
        raise ValueError(f"programme `{file.name}`: hours must end after they start")
    if file.period_min and not file.needs_exit:
        raise ValueError(f"{file.name}: a price per period needs an exit scan")
    unit = Fixed(_price(file.price, "price") * 10)
    formula = Periods(unit, file.period_min, file.tolerance_min) if file.period_min else Session(unit)
    line = Line(formula, max_cents=_price(file.at_most, "at_most"))
    programme = Programme(known.id if known else new_id(), site, Use(file.use), file.name, windows, file.needs_exit)
    version = next((one for one in school.tariffs.get(programme.id, ()) if one.from_day == date.min), None)
    return programme, Tariff(version.id if version else new_id(), programme.id, date.min, None, (line,))


def _reader(device: str, file: ReaderFile, products: dict[str, int]) -> Reader:
    if file.product and file.product not in products:
        raise ValueError(f"reader `{file.id}` of `{device}`: product `{file.product}` is not one of this site")
    return Reader(device, file.id, file.name, file.use, file.direction, products.get(file.product, 0), file.door_ms)


def _cents(text: str, key: str) -> int:
    cents = read_cents(text)
    if cents is None:
        raise ValueError(f'key `{key}`: `{text}` is not an amount: write it as "2,50"')
    return cents


def _price(text: str, key: str) -> int:
    cents = _cents(text, key)
    if cents < 0:
        raise ValueError(f"key `{key}`: `{text}` is negative: a price is at least 0,00")
    return cents


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
