"""Drafts of tariffs that are being tried: kept in memory only, the last ones; and what a tariff is of, for a visitor who may look at it."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Depends, HTTPException

from hub.core.calendar import day_of
from hub.core.school import Household, Product, Programme, Pupil, Site, Tariff
from hub.core.tryout import Change
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

KEPT = 40
"""Drafts of all staff together; each is a few kB. Whoever comes back later types it again, or has saved it."""

Looks = Annotated[Visit, Depends(Sees(Right.TARIFFS))]
Tries = Annotated[Visit, Depends(Sees(Right.MONEY))]
Sets = Annotated[Form, Depends(Does(Right.TARIFFS))]


@dataclass(frozen=True, slots=True)
class Priced:
    """A programme or product, and what its tariff needs to know of it."""

    id: int
    name: str
    site: Site
    own_cents: int | None
    """What a product costs where no tariff holds; None for a programme."""

    @property
    def is_programme(self) -> bool:
        return self.own_cents is None


@dataclass(frozen=True, slots=True)
class Worst:
    """One of the stays that would cost the most more."""

    pupil: Pupil
    from_ms: int
    to_ms: int
    change: Change


@dataclass(frozen=True, slots=True)
class Result:
    """A draft on the days of a month. `more`, `less`: who would pay so, the most first, as many as are listed, and how many there are."""

    stays: int
    sales: int
    unended: int
    total: Change
    families: int
    more: tuple[tuple[Household, Change], ...]
    gains: int
    less: tuple[tuple[Household, Change], ...]
    losses: int
    brackets: tuple[Change, ...]
    worst: tuple[Worst, ...]


@dataclass(slots=True)
class Month:
    """A draft being tried on a month: how many of its days are through, and what came of it. `failed`: it broke off."""

    first: date
    of: int
    done: int = 0
    result: Result | None = None
    failed: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Draft:
    """What somebody typed: the fields of the form, and the version they come to."""

    id: int
    typed: Mapping[str, str]
    version: Tariff
    month: Month | None = field(default=None)


class Drafts:
    """The drafts that were made last. One per hub; one month at a time is tried."""

    def __init__(self) -> None:
        self.kept: OrderedDict[int, Draft] = OrderedDict()
        self.turn = asyncio.Lock()

    def keep(self, draft: Draft) -> None:
        """Remember it, and forget the oldest."""
        self.kept[draft.id] = draft
        self.kept.move_to_end(draft.id)
        while len(self.kept) > KEPT:
            _, old = self.kept.popitem(last=False)
            if old.month is not None and old.month.task is not None:
                old.month.task.cancel()

    def of(self, number: int, item: int) -> Draft | None:
        """A draft of this programme's or product's tariff; None where it is gone."""
        found = self.kept.get(number)
        return found if found is not None and found.version.item == item else None


def drafts_of(visit: Visit) -> Drafts:
    """Those of this hub."""
    found: Drafts = visit.request.app.state.drafts
    return found


def priced(visit: Visit, item: int) -> Priced:
    """A programme or product of the visitor's sites; 404 for another."""
    found = visit.school.programmes.get(item) or visit.school.products.get(item)
    if found is None:
        raise HTTPException(404)
    checked: Programme | Product = visit.programme(item) if isinstance(found, Programme) else visit.product(item)
    own_cents = checked.price_cents if isinstance(checked, Product) else None
    return Priced(checked.id, checked.name, visit.site(checked.site), own_cents)


def today_at(visit: Visit, site: Site) -> date:
    """The school's day there."""
    return day_of(visit.office.now_ms(), site.zone)
