"""Badges as edits of what is set up: give, block, replace. Each returns the rows to write, or a refusal.

A badge row is one state of one badge from an instant on; ending a state and beginning the next are two rows, so that a scan
that arrives late is judged by the state of its own time.

What replacing one costs is a product of the site like any other, with its price, tariff and legal class; without it, nothing. It is
charged beside the edit, by whoever wants it, and stops nothing: a child has its new badge first.
"""

from dataclasses import replace

from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.facts import Facts, Refusal, derived
from hub.core.kept import Charge
from hub.core.school import Badge, BadgeState, Policy, Product, ProductKind, Rows, School
from hub.core.tariffs import price_of_product
from hub.core.wallets import Sale, charge, charge_id, standing


def badge_at(school: School, badge_hash: str, moment_ms: int) -> Badge | None:
    """The state this badge was in at an instant, or None when it was not known then."""
    for badge in reversed(school.badges.get(badge_hash, ())):
        if badge.from_ms <= moment_ms and (badge.until_ms == 0 or moment_ms < badge.until_ms):
            return badge
    return None


def is_valid(badge: Badge, now_ms: int) -> bool:
    """Whether a state lets its holder in, now: a day pass ends by itself."""
    return badge.state is BadgeState.ACTIVE and (badge.until_ms == 0 or now_ms < badge.until_ms)


def give(school: School, pupil: int, new: Badge) -> Rows | Refusal:
    """A new badge (state ACTIVE, from an instant) for a pupil. A badge that is someone's is refused; a known free tag is not.

    Of who has left the school it would stop within the minute (leaving.py).
    """
    who = school.pupils.get(pupil)
    if who is None:
        return Refusal("no_such_pupil")
    if not who.is_here(day_of(new.from_ms, school.sites[who.site].zone)):
        return Refusal("has_left")
    held = _active(school, new.hash, new.from_ms)
    return Refusal("badge_in_use", {"pupil": held.pupil}) if held else (replace(new, pupil=pupil),)


def block(school: School, badge_hash: str, state: BadgeState, now_ms: int, new_id: int) -> Rows | Refusal:
    """End the active state of a badge now, and begin BLOCKED, LOST or REPLACED."""
    active = _active(school, badge_hash, now_ms)
    if active is None:
        return Refusal("badge_not_active")
    return (
        replace(active, until_ms=now_ms),
        replace(active, id=new_id, state=state, from_ms=now_ms, until_ms=0),
    )


def swap(school: School, old_hash: str, new: Badge, now_ms: int, new_id: int) -> Rows | Refusal:
    """The old badge becomes REPLACED now, the new one is given to the same pupil."""
    active = _active(school, old_hash, now_ms)
    if active is None:
        return Refusal("badge_not_active")
    ended = block(school, old_hash, BadgeState.REPLACED, now_ms, new_id)
    given = give(school, active.pupil, new)
    return ended if isinstance(ended, Refusal) else given if isinstance(given, Refusal) else ended + given


def printed_by(ask: int, badge_hash: str) -> int:
    """The id of the badge with this hash that a print run has given."""
    return derived(ask, badge_hash)


def give_each(school: School, new: tuple[Badge, ...], ask: int, *, replace_old: bool, lost_run: int = 0) -> Rows | Refusal:
    """New badges for several pupils, all or none. With `replace_old`, what these pupils held until then becomes REPLACED.

    `lost_run`: the ask of an earlier run whose sheet nobody has: of these pupils, only what it gave becomes REPLACED.
    """
    rows: Rows = ()
    for badge in new:
        given = give(school, badge.pupil, badge)
        if isinstance(given, Refusal):
            return given
        rows += given
    since_ms = {badge.pupil: badge.from_ms for badge in new} if replace_old or lost_run else {}
    for old, states in school.badges.items():
        at_ms = since_ms.get(states[-1].pupil, 0)
        goes = replace_old or (lost_run and any(state.id == printed_by(lost_run, old) for state in states))
        if at_ms and goes and _active(school, old, at_ms) is not None:
            ended = block(school, old, BadgeState.REPLACED, at_ms, derived(ask, old))
            rows += () if isinstance(ended, Refusal) else ended
    return rows


# --- what replacing one costs ---------------------------------------------------------------------


def fee_of(school: School, site: int) -> Product | None:
    """What is charged at a site for a badge that is replaced; None where nothing is."""
    return next((one for one in school.products.values() if one.site == site and one.kind is ProductKind.FEE), None)


def put_fee(school: School, site: int, cents: int, name: str) -> Rows:
    """The fee of a site as it is from now on; 0 = none. `name`: what it is called where it never had one."""
    known = fee_of(school, site)
    if known is None:
        new = Product(derived(site, "badge fee"), site, ProductKind.FEE, name, cents, Policy.MUST_SERVE)
        return (new,) if cents else ()
    return (replace(known, price_cents=cents),) if known.price_cents != cents else ()


def fee_ask(badge: Badge) -> int:
    """Under which ask the fee for a badge that was lost or replaced is charged: once, whoever asks again."""
    return derived(badge.id, "fee")


def charge_fee(school: School, books: Books, badge: Badge, at_ms: int, who: int) -> Facts | Refusal:
    """The payer pays for a badge (its last state: lost or replaced) that is replaced; nothing where it costs nothing."""
    pupil = school.pupils.get(badge.pupil)
    product = fee_of(school, pupil.site) if pupil else None
    if pupil is None or product is None:
        return ()
    site = school.sites[pupil.site]
    cents, why = price_of_product(school, pupil, product, day_of(at_ms, site.zone))
    sale = Sale(pupil, site, product.id, cents, why, Policy.MUST_SERVE, at_ms, who=who)
    return charge(school, books, fee_ask(badge), sale) if cents else ()


def fee_charged(books: Books, badge: Badge) -> Charge | None:
    """What was charged for replacing a badge, by that state of it."""
    return standing(books, charge_id(fee_ask(badge)))


def _active(school: School, badge_hash: str, now_ms: int) -> Badge | None:
    return next((badge for badge in reversed(school.badges.get(badge_hash, ())) if is_valid(badge, now_ms)), None)
