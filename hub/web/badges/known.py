"""What the pages of badges share: who may, reading a code, finding a badge's states. No route."""

import re
from typing import Annotated

from fastapi import Depends, HTTPException

from hub.core import badges as rules
from hub.core.school import Badge, BadgeState, Pupil
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from proto.badge import badge_hash, read_code

MARK = 4
"""Letters of a code that are kept, to tell two badges apart on a page: a 20th of what would be needed to copy it."""
TAG = re.compile(r"[A-Z][A-Z0-9]{1,7}:(?:[0-9A-F]{2}){4,10}")
"""A tag in its canonical form, such as `EM:6F007B3972` (proto.badge.tag)."""

Looks = Annotated[Visit, Depends(Sees(Right.BADGES))]
Gives = Annotated[Form, Depends(Does(Right.BADGES))]


def canonical(typed: str) -> str | None:
    """A printed code (spaces do not matter), or a tag in its canonical form; None for anything else."""
    upper = "".join(typed.split()).upper()
    return read_code(upper) or (upper if TAG.fullmatch(upper) else None)


def made(form: Form, pupil: int, code: str, until_ms: int = 0) -> Badge:
    """The new badge of a code."""
    office = form.visit.office
    return hashed(form, pupil, badge_hash(office.badge_key, code), code[-MARK:], until_ms)


def hashed(form: Form, pupil: int, hash_: str, mark: str = "", until_ms: int = 0) -> Badge:
    """The new badge of a hash; `mark` empty where nobody knows a letter of its code."""
    return Badge(rules.printed_by(form.ask, hash_), hash_, pupil, BadgeState.ACTIVE, form.visit.office.now_ms(), until_ms, mark)


def states_of(visit: Visit, badge: int) -> tuple[Badge, ...]:
    """All states of a badge, oldest first, by the id of any of them; 404 for another site's."""
    found = next((states for states in visit.school.badges.values() if any(state.id == badge for state in states)), None)
    if found is None or not is_ours(visit, found[-1].pupil):
        raise HTTPException(404)
    return found


def fee_cents(visit: Visit, pupil: Pupil, old: Badge | None) -> int:
    """What may be charged for replacing a badge; 0 where it costs nothing, or was charged already."""
    fee = rules.fee_of(visit.school, pupil.site)
    return fee.price_cents if fee and old and rules.fee_charged(visit.office.desk.books, old) is None else 0


async def charge_fee(form: Form, badge: int) -> None:
    """Charge the fee for a badge that was replaced, if that was ticked. The pupil has the new one already."""
    if form.text("fee") == "yes" and badge:
        office, old = form.visit.office, states_of(form.visit, badge)[-1]
        who = form.visit.person.id if form.visit.person else 0
        await office.desk.do(rules.fee_ask(old), rules.charge_fee, old, office.now_ms(), who)


def is_ours(visit: Visit, pupil: int) -> bool:
    """Whether a badge's holder is of the visitor's sites; whose pupil is gone is anybody's."""
    return pupil not in visit.school.pupils or visit.knows(visit.school.pupils[pupil])
