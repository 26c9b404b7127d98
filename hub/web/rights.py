"""Who may see and do what: the one table of rights. Every route names one in its signature (session.py); what is not given is refused.

A role holds at one site, or at all of them; a page shows only what belongs to sites where its right holds.
"""

import enum
from collections.abc import Iterable, Mapping

from hub.accounts import Posts, Role, Staff
from hub.core.school import School

__all__ = [
    "DOES",
    "LENT",
    "SEES",
    "Posts",
    "Right",
    "Role",
    "Staff",
    "can_still_appoint",
    "is_everywhere",
    "may_give",
    "may_handle",
    "sites_where",
]


class Right(enum.StrEnum):
    """What pages are about, as rights are given."""

    TODAY = "today"  # who is in, taps, the evacuation list
    PUPILS = "pupils"  # pupils and families, without their money
    PRESENCE = "presence"  # days of pupils, corrections, questions
    BADGES = "badges"
    DEVICES = "devices"
    TILL = "till"  # sales, cash desk, allergies of who stands there
    MEALS = "meals"  # menus, orders, counts, diets
    MONEY = "money"  # wallets, charges, statements
    BILLING = "billing"  # settlement runs, corrections of money, refunds
    TARIFFS = "tariffs"
    SITES = "sites"  # sites, calendar, services
    STAFF = "staff"  # accounts, rights, the trail
    REPORTS = "reports"


_OFFICE = frozenset({Right.TODAY, Right.PUPILS, Right.PRESENCE, Right.BADGES, Right.DEVICES, Right.MEALS, Right.SITES})
DOES: Mapping[Role, frozenset[Right]] = {
    Role.BURSAR: frozenset(Right),
    Role.HEAD: _OFFICE | {Right.STAFF, Right.REPORTS},
    Role.DOOR: frozenset({Right.TODAY, Right.PRESENCE}),
    Role.CANTEEN: frozenset({Right.TODAY, Right.TILL, Right.MEALS}),
    Role.READER: frozenset(),
}
"""What a role may change."""
SEES: Mapping[Role, frozenset[Right]] = {
    Role.BURSAR: frozenset(Right),
    Role.HEAD: DOES[Role.HEAD] | {Right.MONEY, Right.TARIFFS},
    Role.DOOR: DOES[Role.DOOR] | {Right.PUPILS},
    Role.CANTEEN: DOES[Role.CANTEEN],
    Role.READER: frozenset({Right.TODAY, Right.PUPILS, Right.PRESENCE, Right.MEALS, Right.TARIFFS, Right.REPORTS}),
}
"""What a role may look at: what it changes, and this."""
LENT: Mapping[Role, frozenset[Right]] = {Role.HEAD: frozenset({Right.TILL})}
"""Rights that a role gives to others without having them: a head stands at no till, and appoints who does."""


def sites_where(posts: Posts, right: Right, school: School, *, does: bool = False) -> frozenset[int]:
    """The sites at which somebody has a right; empty = nowhere."""
    given = DOES if does else SEES
    found = {site for role, site in posts if right in given[role]}
    return frozenset(school.sites) if 0 in found else frozenset(found & school.sites.keys())


def may_give(posts: Posts, role: Role, site: int, school: School, *, oneself: bool = False) -> bool:
    """Whether somebody may give a role at a site (0 = everywhere), or take it.

    Nobody gives a right they do not have there themselves, but for those in `LENT`; and nobody gives such a one to `oneself`.
    """
    if site and site not in school.sites:
        return False
    own = {mine for mine, place in posts if place in {0, site}}
    lent = frozenset[Right]().union(*(LENT.get(mine, frozenset()) for mine in own if not oneself))
    does, sees = (lent.union(*(table[mine] for mine in own)) for table in (DOES, SEES))
    return Right.STAFF in does and DOES[role] <= does and SEES[role] <= sees


def may_handle(posts: Posts, others: Posts, school: School) -> bool:
    """Whether somebody may end another account, or let its owner in again: only where they could have given all that it has."""
    return all(may_give(posts, role, site, school) for role, site in others) and (bool(others) or is_everywhere(posts, Right.STAFF))


def can_still_appoint(everyone: Iterable[Staff]) -> bool:
    """Whether somebody is left who can sign in and may manage staff everywhere."""
    return any(one.password and not one.ended_ms and is_everywhere(one.posts, Right.STAFF) for one in everyone)


def is_everywhere(posts: Posts, right: Right) -> bool:
    """Whether somebody may change what belongs to no single site (accounts, all sites' calendar)."""
    return any(site == 0 and right in DOES[role] for role, site in posts)
