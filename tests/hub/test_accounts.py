"""Accounts: a login is given once, roles hold at their sites, a web session lasts until it ends, an invitation works once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.accounts import EVERYWHERE, Accounts, Role, Staff, WebSession
from hub.folder import Folder
from hub.register import Register
from tests.stores import alive


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    folder = Folder(tmp_path / "hub")
    register = await Register.open(folder, alive)
    yield Accounts(register)
    await register.close()
    folder.close()


async def test_a_login_is_given_once(accounts: Accounts) -> None:
    assert await accounts.count_staff() == 0
    assert await accounts.add_staff(7, "anne", "Anne", "hash")
    assert not await accounts.add_staff(8, "anne", "Another Anne", "hash")
    assert await accounts.count_staff() == 1
    assert await accounts.staff_by_login("anne") == await accounts.staff(7) == Staff(7, "anne", "Anne", "hash", posts=EVERYWHERE)
    assert await accounts.staff_by_login("Anne") is None
    assert await accounts.staff(8) is None


async def test_a_web_session_lasts_until_it_is_ended(accounts: Accounts) -> None:
    await accounts.add_staff(7, "anne", "Anne", "hash")
    for token in ("a", "b", "c"):
        await accounts.add_session(token, WebSession(7, "secret", 1000, 1000))
    await accounts.touch_session("a", 2000)
    assert await accounts.session("a") == WebSession(7, "secret", 1000, 2000)
    await accounts.end_session("a")
    assert await accounts.session("a") is None
    assert await accounts.session("b") is not None
    await accounts.end_sessions_of(7)
    assert await accounts.session("b") is await accounts.session("c") is None


async def test_an_invitation_works_once_and_in_time(accounts: Accounts) -> None:
    await accounts.add_invite("early", 1000)
    await accounts.add_invite("late", 1000)
    assert await accounts.use_invite("early", 999)
    assert not await accounts.use_invite("early", 999)
    assert not await accounts.use_invite("late", 1000)
    assert not await accounts.use_invite("never made", 1)


async def test_a_first_account_is_made_only_where_there_is_none(accounts: Accounts) -> None:
    await accounts.add_staff(7, "anne", "Anne Leroy", "hash")
    await accounts.add_invite("printed by an older hub", 1000)
    assert not await accounts.use_invite("printed by an older hub", 1)


async def test_an_invitation_is_for_one_account(accounts: Accounts) -> None:
    await accounts.add_invite("for marc", 1000, 8)
    assert not await accounts.use_invite("for marc", 1)
    assert await accounts.use_invite("for marc", 1, 8)


async def test_a_role_holds_at_its_site(accounts: Accounts) -> None:
    door = frozenset({(Role.DOOR, 1), (Role.CANTEEN, 2)})
    await accounts.add_staff(7, "marc", "Marc", "hash", door)
    assert await accounts.staff(7) == Staff(7, "marc", "Marc", "hash", posts=door)
    await accounts.set_posts(7, frozenset({(Role.READER, 0)}))
    await accounts.change_staff(7, language="nl", ended_ms=5)
    await accounts.add_staff(8, "anne", "Anne", "hash")
    marc = Staff(7, "marc", "Marc", "hash", "nl", ended_ms=5, posts=frozenset({(Role.READER, 0)}))
    assert await accounts.everyone() == (Staff(8, "anne", "Anne", "hash", posts=EVERYWHERE), marc)


async def test_a_pin_is_noted_in_its_web_session_beside_the_second_factor(accounts: Accounts) -> None:
    await accounts.add_staff(7, "anne", "Anne", "hash")
    await accounts.add_session("a", WebSession(7, "secret", 1000, 1000, second_ms=1000))
    await accounts.touch_session("a", 3000, pin=True)
    assert await accounts.session("a") == WebSession(7, "secret", 1000, 3000, second_ms=1000, pin_ms=3000)
