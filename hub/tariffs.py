"""Tariffs as people write them (TOML), to rows and complaints: part of a school's description, and a draft of its own to try.

    [[tariffs]]
    site = "Centre"
    programme = "Garderie"            # or product = "Repas chaud"
    from = 2025-09-01                 # without: always; the version before ends here
    lines = [{ price = "0,75", period_min = 30, tolerance_min = 5, at_most = "6,00" }]

What the file says of an item is all there is: versions it does not name any more are withdrawn. A line fits a child and a day; the
first one that does counts (provisioning/school.example.toml shows every kind).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from msgspec import Struct, field

from hub.core.calendar import DayKind
from hub.core.complaints import Complaint, Wrong, check_tariffs
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Formula, Kin, Late, Line, Periods, Session, Siblings, Unit
from hub.core.money import read_cents, read_rate, read_tenths
from hub.core.school import Row, Rows, School, Tariff, TariffGroup, edited
from hub.errors import ImportRefusedError
from proto.settings import Written as Name
from proto.settings import line_of, parse

NewId = Callable[[], int]


class EffortFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`rate`: percent of the QF, `"0,12"`."""

    rate: str
    at_least: str = "0,00"
    at_most: str


class BandFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Like a line, one of `price`, `brackets` (ten) and `effort`. `limits`: the highest QF of the first nine brackets."""

    start: str
    end: str
    period_min: int
    tolerance_min: int = 0
    price: str = ""
    brackets: list[str] = []
    limits: list[str] = []
    effort: EffortFile | None = None


class SiblingsFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`less`: percents off for the first, the second, … child, the last one for all who follow."""

    less: list[int]
    by: Kin = Kin.PAYER
    present: bool = False


class LateFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: str
    price: str
    period_min: int = 0
    tolerance_min: int = 0


class LineFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Per band of `bands`, per started period of `period_min`, or per session without either."""

    child: str = ""
    days: list[DayKind] = []
    price: str = ""
    brackets: list[str] = []
    limits: list[str] = []
    effort: EffortFile | None = None
    period_min: int | None = None
    tolerance_min: int = 0
    bands: list[BandFile] = []
    at_most: str = "0,00"
    siblings: SiblingsFile | None = None
    late: LateFile | None = None


class TariffFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site: str
    programme: str = ""
    product: str = ""
    since: date = field(name="from", default=date.min)
    until: date | None = None
    group: str = ""
    lines: list[LineFile]


class GroupFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tariff group: what its programmes and products cost a pupil together, at most, on one day."""

    name: Name
    at_most: str


class DraftFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    tariffs: list[TariffFile]
    groups: list[GroupFile] = []


class Written(Struct, frozen=True):
    """The tariffs of a file, each with the key path it is written at."""

    name: str
    text: str
    tariffs: tuple[tuple[str, TariffFile], ...]
    groups: tuple[GroupFile, ...] = ()

    def at(self, path: str, inner: str = "") -> str:
        """File and line of a key path, as a sentence about it begins. `inner` is looked for up to the next tariff."""
        start, line = line_of(self.text, path), line_of(self.text, path + inner)
        others = (line_of(self.text, other) for other, _ in self.tariffs)
        return f"{self.name}:{start if any(start < other <= line for other in others) else line}"


def written(name: str, text: str, tariffs: Sequence[TariffFile], groups: Sequence[GroupFile]) -> Written:
    """The `[[tariffs]]` and `[[groups]]` of a file."""
    return Written(name, text, tuple((f"tariffs[{place}]", tariff) for place, tariff in enumerate(tariffs)), tuple(groups))


def read_draft(text: str, name: str, school: School, new_id: NewId) -> Rows:
    """A draft's rows, to try or to save. Raises SettingsError or ImportRefusedError with file and line."""
    file = parse(text, DraftFile, name)
    return tariff_rows(written(name, text, file.tariffs, file.groups), school, (), new_id)


def tariff_rows(file: Written, school: School, beside: Rows, new_id: NewId) -> Rows:
    """All rows that these tariffs come to, once the rows `beside` them are saved.

    Raises ImportRefusedError that names file, line and what is wrong, for everything that is.
    """
    after = edited(school, beside)
    groups = {group.name: group.id for group in after.groups.values()}
    try:
        rows: list[Row] = [TariffGroup(groups.setdefault(one.name, new_id()), one.name, _cents(one.at_most)) for one in file.groups]
    except ValueError as error:
        raise ImportRefusedError(f"{file.at('groups')}: {error}") from error
    wrong: list[str] = []
    places: dict[tuple[int, date], int] = {}
    for place, (path, tariff) in enumerate(file.tariffs):
        try:
            row = _version(tariff, _ends(file.tariffs, tariff), after, groups, new_id)
        except ValueError as error:
            wrong.append(f"{file.at(path)}: {_title(tariff)}: {error}")
            continue
        if places.setdefault((row.item, row.from_day), place) != place:
            wrong.append(f"{file.at(path)}: {_title(tariff)}: a second version from the same day")
        rows.append(row)
    rows += _withdrawn(after, places)
    if not wrong:
        wrong = [_said(one, edited(after, tuple(rows)), places, file) for one in check_tariffs(school, (*beside, *rows))]
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(rows)


def _withdrawn(school: School, places: dict[tuple[int, date], int]) -> Iterator[Tariff]:
    """Versions of the same items that are not written any more: they hold on no day."""
    for item in {item for item, _ in places}:
        for version in school.tariffs.get(item, ()):
            if (item, version.from_day) not in places and version.until_day != version.from_day:
                yield replace(version, until_day=version.from_day)


def _ends(tariffs: tuple[tuple[str, TariffFile], ...], this: TariffFile) -> date | None:
    """The day a version ends: as it says, or where the next one of its item begins."""
    if this.until is not None:
        return this.until
    item = (this.site, this.programme, this.product)
    later = [other.since for _, other in tariffs if (other.site, other.programme, other.product) == item and other.since > this.since]
    return min(later, default=None)


def _version(file: TariffFile, until: date | None, school: School, groups: dict[str, int], new_id: NewId) -> Tariff:
    item = _item(file, school)
    if file.group and file.group not in groups:
        raise ValueError(f"group `{file.group}` is not described: add it under [[groups]]")
    known = next((version.id for version in school.tariffs.get(item, ()) if version.from_day == file.since), None)
    lines: list[Line] = []
    for number, line in enumerate(file.lines, 1):
        try:
            lines.append(_line(line))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return Tariff(known or new_id(), item, file.since, until, tuple(lines), groups[file.group] if file.group else 0)


def _item(file: TariffFile, school: School) -> int:
    sites = [site.id for site in school.sites.values() if site.name == file.site]
    if not sites:
        raise ValueError(f"site `{file.site}` is not known: use the name it has in the school")
    if bool(file.programme) == bool(file.product):
        raise ValueError("name either a programme or a product")
    offers = school.programmes if file.programme else school.products
    found = [one.id for one in offers.values() if one.site == sites[0] and one.name == (file.programme or file.product)]
    if not found:
        raise ValueError(f"`{file.programme or file.product}` is not one of the site's: use the name it has there")
    return found[0]


def _line(file: LineFile) -> Line:
    siblings = Siblings(tuple(file.siblings.less), file.siblings.by, file.siblings.present) if file.siblings else None
    return Line(_formula(file), file.child, tuple(file.days), _cents(file.at_most), siblings, _late(file.late) if file.late else None)


def _late(file: LateFile) -> Late:
    return Late(_minutes(file.after), _cents(file.price), file.period_min, file.tolerance_min)


def _formula(file: LineFile) -> Formula:
    if file.bands:
        return Bands(
            tuple(Band(_minutes(band.start), _minutes(band.end), _unit(band), band.period_min, band.tolerance_min) for band in file.bands)
        )
    return Session(_unit(file)) if file.period_min is None else Periods(_unit(file), file.period_min, file.tolerance_min)


def _unit(file: LineFile | BandFile) -> Unit:
    said = [bool(file.price), bool(file.brackets), file.effort is not None]
    if sum(said) != 1:
        raise ValueError("say one of `price`, `brackets` and `effort`")
    if file.effort is not None:
        return ByEffort(_ppm(file.effort.rate), _cents(file.effort.at_least), _cents(file.effort.at_most))
    if file.brackets:
        return ByBracket(tuple(_tenths(each) for each in file.brackets), tuple(_cents(each) for each in file.limits))
    return Fixed(_tenths(file.price))


def _tenths(text: str) -> int:
    tenths = read_tenths(text)
    if tenths is None:
        raise ValueError(f'`{text}` is not an amount: write it as "0,75" or "0,075"')
    return tenths


def _cents(text: str) -> int:
    cents = read_cents(text)
    if cents is None:
        raise ValueError(f'`{text}` is not an amount: write it as "2,50"')
    return cents


def _ppm(text: str) -> int:
    """Percent as millionths: `0,12` is 1200."""
    rate_ppm = read_rate(text)
    if rate_ppm is None:
        raise ValueError(f'`{text}` is not a rate: write it as "0,12" for 0,12 %, with four digits after the comma at most')
    return rate_ppm


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(hours) < 48 and int(minutes) < 60):
        raise ValueError(f'`{text}` is not a time: write it as "16:05"')
    return int(hours) * 60 + int(minutes)


def _title(file: TariffFile) -> str:
    since = "" if file.since == date.min else f" from {file.since}"
    return f"{file.programme or file.product} ({file.site}){since}"


def _said(complaint: Complaint, school: School, places: dict[tuple[int, date], int], file: Written) -> str:
    """A complaint as a sentence, with the line of the file it is about."""
    sentence = SENTENCES[complaint.what].format(number=complaint.number)
    place = places.get((complaint.item, complaint.from_day))
    if place is None:
        item = school.programmes.get(complaint.item) or school.products.get(complaint.item) or school.groups.get(complaint.item)
        return f"{file.name}: {item.name if item else complaint.item}: {sentence}"
    path, tariff = file.tariffs[place]
    line = f", line {complaint.line}" if complaint.line else ""
    return f"{file.at(path, f'.lines[{complaint.line - 1}]' if line else '')}: {_title(tariff)}{line}: {sentence}"


SENTENCES: dict[Wrong, str] = {
    Wrong.NO_TARIFF: "has no price: give it one, or a tariff",
    Wrong.ENDS: "the last version ends and nothing follows: leave its `until` out",
    Wrong.BACKWARDS: "ends before it begins",
    Wrong.GAP: "the version before ends earlier: there is a gap",
    Wrong.OVERLAP: "the version before ends later: two would hold on the same day",
    Wrong.NO_LINES: "has no lines",
    Wrong.NOT_FOR_ALL: "the last line must be for every child and every day: leave its `child` and `days` out",
    Wrong.NEVER: "can never be used: line {number} takes all it is for",
    Wrong.NEGATIVE: "has a negative amount",
    Wrong.NO_PERIOD: "has a period of 0 minutes",
    Wrong.BRACKET: "needs a price for each of the brackets 1 to 10: bracket {number} is missing or too many",
    Wrong.LIMITS: "needs nine rising limits, of brackets 1 to 9, or none",
    Wrong.BAND_GAP: "band {number} ends before the next one begins: there is a gap",
    Wrong.BAND_OVERLAP: "band {number} ends after the next one begins: they overlap",
    Wrong.PERCENT: "reductions are from 0 to 100 percent, and there is at least one",
    Wrong.NEEDS_EXIT: "a price per period needs an exit scan: let `scans` be both or exit",
    Wrong.NO_MINUTES: "a product has no minutes: its price is per session",
    Wrong.NO_GROUP: "its group is not described",
    Wrong.OUTSIDE_GROUP: "a group is for programmes and the meals of one site: leave `group` out",
}
