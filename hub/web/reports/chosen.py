"""What a report is about: a site and a period, as the address says; and how its figures are written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from babel.dates import format_date
from fastapi import Depends, HTTPException

from hub.core.calendar import day_of
from hub.core.reports import Period, Span, bounds_ms, period
from hub.core.school import Programme, Site
from hub.web.render import LOCALES, words
from hub.web.rights import Right
from hub.web.session import Sees, Visit

Looks = Annotated[Visit, Depends(Sees(Right.REPORTS))]
LooksAtMoney = Annotated[Visit, Depends(Sees(Right.MONEY))]
OLDEST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Chosen:
    """A site and a period; `today` is the site's."""

    site: Site
    sites: tuple[Site, ...]
    period: Period
    today: date
    spans: tuple[Span, ...] = tuple(Span)

    @property
    def query(self) -> str:
        """The same again, for another page."""
        return self.at(self.period.first)

    def at(self, day: date) -> str:
        """A period of this length around another day."""
        return f"site={self.site.id}&span={self.period.span.value}&day={day.isoformat()}"

    @property
    def before(self) -> str:
        return self.at(self.period.before)

    @property
    def after(self) -> str:
        """The next period; empty where it has not begun."""
        return self.at(self.period.after) if self.period.after <= self.today else ""

    @property
    def times_ms(self) -> tuple[int, int]:
        """From and until, as instants."""
        return bounds_ms(self.period, self.site.zone)

    @property
    def file(self) -> str:
        """A part of a file's name."""
        return f"{self.period.first.isoformat()}-{self.period.last.isoformat()}"


def choose(visit: Visit, site: int, span: str, day: str, usual: Span) -> Chosen:
    """What the address asks for: the first site of one's own, the usual length and today where it does not say. 404 without any site."""
    own = visit.own_sites()
    if not own:
        raise HTTPException(404)
    chosen = visit.site(site) if site else own[0]
    today = day_of(visit.office.now_ms(), chosen.zone)
    length = Span(span) if span in set(Span) else usual
    return Chosen(chosen, own, period(length, _day(day) or today), today)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if OLDEST_YEAR <= found.year < 2 * OLDEST_YEAR else None


def programmes_of(visit: Visit, site: Site) -> tuple[Programme, ...]:
    """The programmes of a site, by name."""
    return tuple(sorted((one for one in visit.school.programmes.values() if one.site == site.id), key=lambda one: (one.name, one.id)))


def say(visit: Visit) -> Callable[[str], str]:
    """Words of files, in the visitor's language; each stands on the page too."""
    return words(visit.language).gettext


def written(visit: Visit, part: Period) -> str:
    """A column's word: `22`, `21/09`, `09/2026`."""
    if part.span is Span.MONTH:
        return format_date(part.first, "MM/yy", LOCALES[visit.language])
    return f"{part.first:%d/%m}"


def hours(ms: int) -> str:
    """`312 h 15`."""
    minutes = ms // 60_000
    return f"{minutes // 60} h {minutes % 60:02d}"


def tenths(count: int) -> str:
    """`12,5`."""
    return f"{count // 10},{count % 10}"
