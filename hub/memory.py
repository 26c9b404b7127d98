"""What is remembered, opened in order: the folder, the three stores, and the desk over them. Pages and broker are not here.

The commands that only read or write the stores need nothing else, and start quickly.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from hub.broker import Account
from hub.core.books import Books
from hub.core.school import Device
from hub.desk import Desk
from hub.errors import DamageError
from hub.folder import Folder, stop_at_once
from hub.history import History
from hub.journal import Journal
from hub.keys import device_password, load_master
from hub.register import Register


@dataclass(frozen=True, slots=True)
class Memory:
    """The three stores, the desk over them, and the master key."""

    folder: Folder
    journal: Journal
    register: Register
    history: History
    desk: Desk
    master: bytes

    def new_ask(self) -> int:
        """A fresh ask id, for what the hub itself begins."""
        return secrets.randbits(63) or 1

    def password(self, device: Device) -> str:
        """The broker password of a device."""
        return device_password(self.master, device.id, device.generation)

    def accounts(self) -> list[Account]:
        """The broker accounts of all devices that may speak."""
        return [Account(device.id, self.password(device)) for device in self.desk.school.devices.values() if not device.blocked]


@contextlib.asynccontextmanager
async def memory(data: Path) -> AsyncIterator[Memory]:
    """Open a data folder: locked, verified, replayed. Raises StartError (BusyError, DamageError) and KeyFileError."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Folder(data)
        stack.callback(folder.close)
        lost = [path for path in (folder.master_key, folder.office) if not path.exists()]
        books = Books()
        journal = await Journal.open(folder, stop_at_once, books.apply)
        stack.push_async_callback(journal.close)
        if books.number and lost:  # made again, it would be empty: no badge would be known, or nobody's name
            raise DamageError(f"{lost[0]}: is missing beside a journal with {books.number} facts: restore the folder from a backup")
        master = load_master(folder.master_key)
        register = await Register.open(folder, stop_at_once)
        stack.push_async_callback(register.close)
        history = await History.open(register, journal)
        stack.push_async_callback(history.close)
        desk = Desk(await register.read_school(), books, journal, register, asyncio.to_thread)
        yield Memory(folder, journal, register, history, desk, master)
