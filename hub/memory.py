"""What is remembered, opened in order: the folder, the three stores, and the desk over them. Pages and broker are not here.

Badges need the folder, the journal and what is set up: `remember`. Edits and pages also need the register and the history, whose library
takes as long to load as all the rest: a hub opens them when it answers badges. The commands need nothing else than `memory`.
"""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hub import rows
from hub.beside import Walker
from hub.broker import Account
from hub.core.books import Books
from hub.core.school import Device, Rows, School
from hub.desk import Desk
from hub.errors import DamageError, HubError
from hub.folder import Folder, disk_full, settle_log, stop_at_once
from hub.journal import Journal, nobody_waits
from hub.keys import device_password, load_master
from hub.migrations import NEWEST

if TYPE_CHECKING:
    from hub.history import History
    from hub.register import Register


class Edits:
    """Implements `hub.desk.Register` from the first badge on: an edit waits until the register is open."""

    def __init__(self) -> None:
        self._register: Register | None = None
        self._opened = asyncio.Event()

    def begin(self, register: "Register") -> None:
        """The register is open."""
        self._register = register
        self._opened.set()

    async def knows(self, ask: int) -> bool:
        """Whether an edit with this ask id was written before."""
        return await (await self._there()).knows(ask)

    async def write(self, ask: int, rows: Rows) -> bool:
        """Put rows in, once for each ask."""
        return await (await self._there()).write(ask, rows)

    async def _there(self) -> "Register":
        await self._opened.wait()
        assert self._register is not None, "it is what was waited for"
        return self._register


class Known(NamedTuple):
    """What is set up. `seen`: the last fact that the office has seen, and of which journal."""

    master: bytes
    school: School
    seen: tuple[int, bytes] | None

    def accounts(self) -> list[Account]:
        """The broker accounts of all devices that may speak."""
        return accounts(self.master, self.school)


@dataclass(slots=True)
class Memory:
    """The stores, the desk over them, and the master key. `register` and `history` are there once `open_office` is through."""

    folder: Folder
    journal: Journal
    desk: Desk
    master: bytes
    edits: Edits
    register: "Register" = field(init=False)
    history: "History" = field(init=False)

    async def open_office(self, stack: contextlib.AsyncExitStack) -> None:
        """What edits and pages need. Raises StartError (DamageError)."""
        await asyncio.to_thread(import_module, "hub.history")  # badges are answered meanwhile
        from hub.history import History
        from hub.register import Register

        self.register = await Register.open(self.folder, stop_at_once, settled=True)
        stack.push_async_callback(self.register.close)
        self.history = await History.open(self.register, self.journal)
        stack.push_async_callback(self.history.close)
        self.edits.begin(self.register)

    def new_ask(self) -> int:
        """A fresh ask id, for what the hub itself begins."""
        return secrets.randbits(63) or 1

    def password(self, device: Device) -> str:
        """The broker password of a device."""
        return device_password(self.master, device.id, device.generation)

    def accounts(self) -> list[Account]:
        """The broker accounts of all devices that may speak."""
        return accounts(self.master, self.desk.school)


def accounts(master: bytes, school: School) -> list[Account]:
    """The broker accounts of all devices of a school that may speak."""
    devices = school.devices.values()
    return [Account(device.id, device_password(master, device.id, device.generation)) for device in devices if not device.blocked]


@contextlib.asynccontextmanager
async def memory(data: Path) -> AsyncIterator[Memory]:
    """Open a data folder: locked, verified, replayed. Raises StartError (BusyError, DamageError) and KeyFileError."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Folder(data)
        stack.callback(folder.close)
        stores = await remember(folder, stack)
        await stores.open_office(stack)
        yield stores


def known_before(folder: Folder) -> Known | None:
    """What is set up, read while the walker walks; None where that has to wait until the journal is whole.

    What cannot be read now is read once more then, and the complaint is made behind the journal's own.
    """
    if folder.master_key.exists() and folder.office.exists():
        with contextlib.suppress(HubError, sqlite3.Error):
            settle_log(folder.office)
            if _version(folder.office) == NEWEST:
                return _read(folder)
    return None


async def remember(
    folder: Folder,
    stack: contextlib.AsyncExitStack,
    walker: Walker | None = None,
    known: Known | None = None,
    nearly: Callable[[], None] = nobody_waits,
) -> Memory:
    """What badges are answered from: books on a whole journal, and the school. `walker` may walk along the journal already; `known` was
    read before; `nearly` is called when most of the journal is read.
    """
    lost = [path for path in (folder.master_key, folder.office) if not path.exists()]
    books, edits = Books(), Edits()
    journal = await Journal.open(folder, stop_at_once, books.apply, walker, nearly)
    stack.push_async_callback(journal.close)
    if books.number and lost:  # made again, it would be empty: no badge would be known, or nobody's name
        raise DamageError(f"{lost[0]}: is missing beside a journal with {books.number} facts: restore the folder from a backup")
    master, school, seen = known or await _set_up(folder)
    if seen is not None:
        journal.refuse_other(*seen)
    return Memory(folder, journal, Desk(school, books, journal, edits, asyncio.to_thread), master, edits)


async def _set_up(folder: Folder) -> Known:
    """What is set up. A new folder gets its key and its tables; tables of before are brought up to date first."""
    load_master(folder.master_key)
    try:
        settle_log(folder.office)
        if not folder.office.exists() or _version(folder.office) != NEWEST:
            from hub.register import Register

            await (await Register.open(folder, stop_at_once, settled=True)).close()
        return _read(folder)
    except sqlite3.Error as error:
        damage = DamageError(f"{folder.office}: {error}: restore the folder from a backup")
        raise disk_full(folder.office, error) or damage from error


def _read(folder: Folder) -> Known:
    with rows.opened(folder.office) as office:
        return Known(load_master(folder.master_key), rows.read_school(office), rows.seen(office))


def _version(path: Path) -> str:
    with rows.opened(path) as office:
        return rows.version(office)
