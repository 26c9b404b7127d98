"""The hub as a running program: every room opened in order, put together by hand, and closed in the opposite order.

Start: read what is set up, verify and replay the journal, start the broker towards the end of that, connect: badges are answered. Then
the office is opened behind that (opening.py). Nothing is answered before the journal is whole. Ends on SIGTERM or Ctrl-C.
"""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from hub.beside import Walker
from hub.broker import HUB_USER, EmbeddedBroker
from hub.broker import Account as BrokerAccount
from hub.clock import Clock
from hub.errors import BrokerError, StartError
from hub.fleet import Fleet
from hub.folder import Folder
from hub.journal import nobody_waits
from hub.keys import badge_key, hub_password
from hub.link import Link
from hub.memory import Known, Memory, known_before, remember
from hub.mqtt import Account, Wire
from hub.notify import ALIVE, READY, STOPPING, alive_every_s, notify
from hub.orders import Orders
from hub.settings import Settings, mail_password

log = logging.getLogger(__name__)

OFFICE_AFTER_S = 0.25
"""The office is loaded this long after READY: devices come back first, and loading it takes the processor from them."""
UNWATCHED_S = 60.0
"""Between two words to a watchdog that is not there."""


class Answering(NamedTuple):
    """What answers the devices."""

    fleet: Fleet
    clock: Clock
    link: Link


async def serve(settings: Settings, folder: Folder, walker: Walker) -> None:
    """The hub in its locked folder, until it is told to end. `walker` is on its way along the journal already."""
    if settings.mail is not None:
        mail_password(settings.mail)  # a file that cannot be read is told now, not when the first letter is due
    async with contextlib.AsyncExitStack() as remembered, contextlib.AsyncExitStack() as stack:
        remembered.callback(folder.close)
        broker, known = _Broker(settings, folder, stack), known_before(folder)
        stores = await remember(folder, remembered, walker, known, partial(broker.begin, known) if known else nobody_waits)
        port = _pages_port(settings)
        broker.begin(stores)
        answering = _make_link(settings, stores)
        await broker.started(stores)
        answering.link.start()
        stack.push_async_callback(answering.link.stop)
        ended = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, ended.set)
        notify(READY)
        async with _alive():
            await asyncio.sleep(OFFICE_AFTER_S)
            keep_open = await asyncio.to_thread(_load_office)
            await stores.open_office(remembered)
        await keep_open(settings, stores, answering, port, ended)
        notify(STOPPING)


class _Broker:
    """The embedded broker as our child, with the devices of the register; a mosquitto is run by systemd, not by us."""

    def __init__(self, settings: Settings, folder: Folder, stack: contextlib.AsyncExitStack) -> None:
        self._settings = settings.broker
        self._folder = folder
        self._stack = stack
        self._child: EmbeddedBroker | None = None
        self._starting: asyncio.Task[None] | None = None

    def begin(self, known: Known | Memory) -> None:
        """Start it, unless that was done before: it takes its time, and the rest of the journal is read meanwhile."""
        if self._settings.kind != "embedded" or self._child is not None:
            return
        hub = BrokerAccount(HUB_USER, hub_password(known.master))
        self._child = EmbeddedBroker(self._settings.host, self._settings.port, self._folder.broker, hub, known.accounts())
        self._starting = asyncio.create_task(self._child.start())
        self._stack.push_async_callback(self._child.stop)
        self._stack.callback(self._starting.cancel)

    async def started(self, stores: Memory) -> None:
        """Return once it accepts connections, and let it follow what is set up. Raises BrokerError."""
        if self._child is not None and self._starting is not None:
            await self._starting
            following = asyncio.create_task(_follow_devices(stores, self._child))
            self._stack.callback(following.cancel)


async def _follow_devices(stores: Memory, broker: EmbeddedBroker) -> None:
    """A device added, renewed or blocked at the office is let in or shut out at once."""
    changed = asyncio.Event()
    stores.desk.watch(lambda facts: None if facts else changed.set())
    known = stores.accounts()
    while True:
        await changed.wait()
        changed.clear()
        now = stores.accounts()
        if now == known:
            continue
        try:
            await broker.reload(now)
            known = now
        except BrokerError as error:
            log.error("the broker still lets the devices of before in: %s", error)  # noqa: TRY400 - the sentence is the whole story


def _make_link(settings: Settings, stores: Memory) -> Answering:
    blocking: set[asyncio.Task[object]] = set()

    def block(device: str) -> None:
        edit = stores.desk.edit(stores.new_ask(), lambda school: (replace(school.devices[device], blocked="clone"),))
        task = asyncio.ensure_future(edit)
        blocking.add(task)
        task.add_done_callback(blocking.discard)

    fleet, clock = Fleet(), Clock(settings.clock.speed, settings.clock.start_ms, settings.clock.since_ms)
    orders = Orders(badge_key(stores.master), stores.password, block)
    account = Account(settings.broker.host, settings.broker.port, HUB_USER, hub_password(stores.master))
    link = Link(stores.desk, fleet, orders, clock, partial(Wire, account), lambda: secrets.token_hex(8))
    return Answering(fleet, clock, link)


def _pages_port(settings: Settings) -> socket.socket:
    """The port of the pages is ours before anybody is told that we are ready; whoever comes early waits a second."""
    try:
        port = socket.create_server((settings.web.host, settings.web.port))
    except OSError as error:
        raise StartError(f"key `web.port`: {settings.web.host}:{settings.web.port} cannot be used: {error.strerror}") from error
    # Handed on to every connection, which asyncio leaves as it is: head and body are sent apart, and the second waited 40 ms.
    port.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return port


@contextlib.asynccontextmanager
async def _alive() -> AsyncIterator[None]:
    """Tell the watchdog that the loop turns while the office is loaded; then its upkeep tells."""

    async def tell(every_s: float) -> None:
        while True:
            notify(ALIVE)
            await asyncio.sleep(every_s)

    telling = asyncio.create_task(tell(alive_every_s() or UNWATCHED_S))
    try:
        yield
    finally:
        telling.cancel()


def _load_office() -> "Callable[[Settings, Memory, Answering, socket.socket, asyncio.Event], Coroutine[None, None, None]]":
    from hub.opening import keep_open

    return keep_open
