"""Who may sign in, and as what: accounts, their roles, web sessions, invitations. In the register's database; decides nothing.

Tokens are stored as SHA-256 in hex only, passwords and PINs as argon2id.
"""

import dataclasses
import enum
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert

from hub import tables as t
from hub.register import Register

MOST_KNOWN = 1_000
"""Accounts and web sessions kept in memory; a stranger may ask with any number of tokens."""


class Role(enum.StrEnum):
    """What a person does at the school. What each may see and do stands in `hub/web/rights.py`."""

    BURSAR = "bursar"
    HEAD = "head"
    DOOR = "door"
    CANTEEN = "canteen"
    READER = "reader"


Posts = frozenset[tuple[Role, int]]
"""Roles, each with its site; site 0 = all of them."""
EVERYWHERE: Posts = frozenset({(Role.BURSAR, 0), (Role.HEAD, 0)})
"""Of the first account: whoever sets a school up."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who may sign in. `password` and `pin` are argon2id hashes; a `pin` or `totp` that is empty is not set up.

    `language` empty = the hub's; `totp_step`: of the last code that was used; `ended_ms`: when they left, 0 = they work here.
    """

    id: int
    login: str
    name: str
    password: str
    language: str = ""
    pin: str = ""
    totp: str = ""
    totp_step: int = 0
    ended_ms: int = 0
    posts: Posts = frozenset()


@dataclass(frozen=True, slots=True)
class WebSession:
    """One browser that is signed in. `second_ms`, `pin_ms`: when the second factor or the PIN was given, 0 = not.

    `kiosk`: the reader (`device/reader`) whose kiosk it is, and nothing else; empty for a person's. `shared`: on a device that
    several people use.
    """

    staff: int
    csrf: str
    from_ms: int
    seen_ms: int
    second_ms: int = 0
    pin_ms: int = 0
    kiosk: str = ""
    shared: bool = False


class Accounts:
    """Accounts, web sessions and invitations, through the register's connections."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._known: dict[object, Any] = {}
        self._as_of = -1
        """What was read since the register was written last: each open board asks who it is with every tap."""

    # --- people -----------------------------------------------------------------------------------

    async def count_staff(self) -> int:
        """How many accounts there are."""
        async with self._register.reading() as connection:
            return (await connection.scalar(select(func.count()).select_from(t.staff))) or 0

    async def everyone(self) -> tuple[Staff, ...]:
        """All accounts, by name."""
        async with self._register.reading() as connection:
            rows = (await connection.execute(select(t.staff).order_by(t.staff.c.name))).mappings().all()
            posts = (await connection.execute(select(t.staff_role))).mappings().all()
        return tuple(_staff(row, [post for post in posts if post["staff"] == row["id"]]) for row in rows)

    async def add_staff(self, staff: int, login: str, name: str, password: str, posts: Posts = EVERYWHERE) -> bool:
        """A new account; False when the login is taken."""
        statement = insert(t.staff).values(id=staff, login=login, name=name, password=password)
        async with self._register.writing() as connection:
            added = (await connection.execute(statement.on_conflict_do_nothing(index_elements=["login"]))).rowcount > 0
            if added and posts:
                await connection.execute(insert(t.staff_role), _rows(staff, posts))
        return added

    async def change_staff(self, staff: int, **columns: Any) -> None:
        """Change columns of an account."""
        await self._register.changed(update(t.staff).where(t.staff.c.id == staff).values(**columns))

    async def use_step(self, staff: int, step: int) -> bool:
        """Whether this step of the second factor comes after all that were used; from now on it is used."""
        fresh = update(t.staff).where(t.staff.c.id == staff, t.staff.c.totp_step < step)
        return await self._register.changed(fresh.values(totp_step=step))

    async def end_second(self, staff: int) -> None:
        """No second factor any more, and no recovery codes of it; no web session of the person rests on it."""
        async with self._register.writing() as connection:
            await connection.execute(update(t.staff).where(t.staff.c.id == staff).values(totp=""))
            await connection.execute(delete(t.recovery).where(t.recovery.c.staff == staff))
            await connection.execute(update(t.web_session).where(t.web_session.c.staff == staff).values(second_ms=0))

    async def set_recovery(self, staff: int, hashes: Iterable[str]) -> None:
        """These recovery codes open once each, and no older ones."""
        rows = [{"hash": code_hash, "staff": staff} for code_hash in hashes]
        async with self._register.writing() as connection:
            await connection.execute(delete(t.recovery).where(t.recovery.c.staff == staff))
            await connection.execute(insert(t.recovery), rows)

    async def use_recovery(self, staff: int, code_hash: str) -> bool:
        """Whether this is an unused recovery code of a person; from now on it is used."""
        return await self._register.changed(delete(t.recovery).where(t.recovery.c.staff == staff, t.recovery.c.hash == code_hash))

    async def count_recovery(self, staff: int) -> int:
        """How many recovery codes of a person are unused."""
        async with self._register.reading() as connection:
            return (await connection.scalar(select(func.count()).where(t.recovery.c.staff == staff))) or 0

    async def set_posts(self, staff: int, posts: Posts) -> None:
        """What a person does from now on, instead of what they did."""
        async with self._register.writing() as connection:
            await connection.execute(delete(t.staff_role).where(t.staff_role.c.staff == staff))
            if posts:
                await connection.execute(insert(t.staff_role), _rows(staff, posts))

    async def staff_by_login(self, login: str) -> Staff | None:
        """The account with this login, letter by letter."""
        return await self._person(t.staff.c.login == login)

    async def staff(self, staff: int) -> Staff | None:
        """The account with this id."""
        found: Staff | None = await self._read(staff, lambda: self._person(t.staff.c.id == staff))
        return found

    async def _read(self, key: object, read: Callable[[], Awaitable[Any]]) -> Any:
        """What is read, once until the register is written again."""
        number = self._register.written
        if number != self._as_of or len(self._known) > MOST_KNOWN:
            self._known, self._as_of = {}, number
        if key in self._known:
            return self._known[key]
        found = await read()
        if self._register.written == number == self._as_of:
            self._known[key] = found
        return found

    async def _person(self, which: Any) -> Staff | None:
        async with self._register.reading() as connection:
            row = (await connection.execute(select(t.staff).where(which))).mappings().one_or_none()
            if row is None:
                return None
            posts = (await connection.execute(select(t.staff_role).where(t.staff_role.c.staff == row["id"]))).mappings().all()
        return _staff(row, posts)

    # --- web sessions -----------------------------------------------------------------------------

    async def add_session(self, token_hash: str, opened: WebSession) -> None:
        """A browser signs in, or becomes a kiosk."""
        await self._register.changed(insert(t.web_session).values(token_hash=token_hash, **dataclasses.asdict(opened)))

    async def session(self, token_hash: str) -> WebSession | None:
        """The web session of a token; whether it is too old is for the pages to say."""
        found: WebSession | None = await self._read(token_hash, lambda: self._session(token_hash))
        return found

    async def _session(self, token_hash: str) -> WebSession | None:
        columns = (t.web_session.c[name.name] for name in dataclasses.fields(WebSession))
        row = await self._register.one(select(*columns).where(t.web_session.c.token_hash == token_hash))
        return WebSession(**row) if row else None

    async def touch_session(self, token_hash: str, now_ms: int, *, pin: bool = False) -> None:
        """Note that a web session was used, or that the PIN was given in it."""
        values = {"seen_ms": now_ms} | ({"pin_ms": now_ms} if pin else {})
        await self._register.changed(update(t.web_session).where(t.web_session.c.token_hash == token_hash).values(values))

    async def end_session(self, token_hash: str) -> None:
        """Sign a browser out."""
        await self._register.changed(delete(t.web_session).where(t.web_session.c.token_hash == token_hash))

    async def end_sessions_of(self, staff: int) -> None:
        """Sign a person out everywhere."""
        await self._register.changed(delete(t.web_session).where(t.web_session.c.staff == staff))

    # --- invitations ------------------------------------------------------------------------------

    async def add_invite(self, token_hash: str, until_ms: int, staff: int = 0) -> None:
        """A link that works once, until an instant: for an account, whose older links end, or (0) for the first one (use_invite)."""
        async with self._register.writing() as connection:
            if staff:
                await connection.execute(delete(t.invite).where(t.invite.c.staff == staff, t.invite.c.used_ms == 0))
            await connection.execute(insert(t.invite).values(token_hash=token_hash, until_ms=until_ms, used_ms=0, staff=staff))

    async def invited(self, token_hash: str, now_ms: int) -> Staff | None:
        """Whose account an unused invitation in time is for. Looking does not use it up."""
        i = t.invite.c
        row = await self._register.one(select(i.staff).where(i.token_hash == token_hash, i.used_ms == 0, i.until_ms > now_ms))
        return await self.staff(row["staff"]) if row else None

    async def use_invite(self, token_hash: str, now_ms: int, staff: int = 0) -> bool:
        """Whether the invitation was there for this account, unused and in time; from now on it is used.

        One for the first account opens nothing where there is an account, and takes along those that earlier starts have printed.
        """
        i = t.invite.c
        found = [i.token_hash == token_hash, i.used_ms == 0, i.until_ms > now_ms, i.staff == staff]
        if not staff:
            found.append(~exists(select(t.staff)))
        async with self._register.writing() as connection:
            used = (await connection.execute(update(t.invite).where(*found).values(used_ms=now_ms))).rowcount > 0
            if used and not staff:
                await connection.execute(update(t.invite).where(i.staff == 0, i.used_ms == 0).values(used_ms=now_ms))
        return used


def _rows(staff: int, posts: Posts) -> list[dict[str, Any]]:
    return [{"staff": staff, "role": role.value, "site": site} for role, site in sorted(posts)]


def _staff(row: Any, posts: Iterable[Any]) -> Staff:
    return Staff(**row, posts=frozenset((Role(post["role"]), post["site"]) for post in posts))
