"""The hub as a running program: every room opened in order, put together by hand, and closed in the opposite order.

Start: lock the folder, verify and replay the journal, read what is set up, bring the history up to date, start the broker, connect,
serve the pages. Nothing is answered before the journal is whole. Ends on SIGTERM or Ctrl-C.
"""

import asyncio
import contextlib
import gc
import logging
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hub.accounts import Accounts
from hub.broker import HUB_USER, EmbeddedBroker
from hub.broker import Account as BrokerAccount
from hub.clock import Clock, wall_ms
from hub.credentials import edge_settings
from hub.days import belgian_days
from hub.errors import BrokerError, StartError
from hub.fleet import SILENT_MS, Fleet
from hub.keeping import keep_up
from hub.keys import badge_key, hub_password
from hub.link import Link
from hub.memory import Memory, memory
from hub.mqtt import Account, Wire
from hub.notes import Notes
from hub.notify import ALIVE, READY, STOPPING, alive_every_s, notify
from hub.orders import Orders
from hub.papers import Papers
from hub.reports import Reports
from hub.settings import Settings, mail_password, mail_sender
from hub.settlement import settle
from hub.trail import Trail
from hub.web.office import Office

if TYPE_CHECKING:
    import uvicorn

    from hub.web.render import Pages

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
"""How long a thread may hold the interpreter while the loop waits for it: pages and stores have threads, and a badge must not wait 5 ms."""
FULL_COLLECTION = 100
"""Collections of young garbage for one of the old, which holds everybody up for ten ms and finds next to nothing: ten times the usual."""
UPKEEP_S = 60.0
"""How often stays whose hours are over are looked for, in school seconds."""


async def serve(settings: Settings) -> None:
    """The hub, until it is told to end."""
    sys.setswitchinterval(SWITCH_S)
    async with memory(Path(settings.hub.data)) as stores, contextlib.AsyncExitStack() as stack:
        fleet, clock = Fleet(), Clock(settings.clock.speed, settings.clock.start_ms, settings.clock.since_ms)
        await _start_broker(settings, stores, stack)
        link = _make_link(settings, stores, fleet, clock)
        link.start()
        stack.push_async_callback(link.stop)
        post_alarms = await _start_post(settings, stores, stack)
        upkeep = asyncio.create_task(_upkeep(stores, clock, link, Trail(stores.register)))
        stack.callback(upkeep.cancel)
        await _serve_pages(settings, _make_office(settings, stores, fleet, clock, link, post_alarms))
        notify(STOPPING)


async def _start_broker(settings: Settings, stores: Memory, stack: contextlib.AsyncExitStack) -> None:
    """The embedded broker as our child, with the devices of the register; a mosquitto is run by systemd, not by us."""
    if settings.broker.kind != "embedded":
        return
    hub = BrokerAccount(HUB_USER, hub_password(stores.master))
    broker = EmbeddedBroker(settings.broker.host, settings.broker.port, stores.folder.broker, hub, stores.accounts())
    await broker.start()
    stack.push_async_callback(broker.stop)
    following = asyncio.create_task(_follow_devices(stores, broker))
    stack.callback(following.cancel)


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


def _make_link(settings: Settings, stores: Memory, fleet: Fleet, clock: Clock) -> Link:
    blocking: set[asyncio.Task[object]] = set()

    def block(device: str) -> None:
        edit = stores.desk.edit(stores.new_ask(), lambda school: (replace(school.devices[device], blocked="clone"),))
        task = asyncio.ensure_future(edit)
        blocking.add(task)
        task.add_done_callback(blocking.discard)

    orders = Orders(badge_key(stores.master), stores.password, block)
    account = Account(settings.broker.host, settings.broker.port, HUB_USER, hub_password(stores.master))
    return Link(stores.desk, fleet, orders, clock, partial(Wire, account), lambda: secrets.token_hex(8))


def _make_office(
    settings: Settings, stores: Memory, fleet: Fleet, clock: Clock, link: Link, post_alarms: Callable[[], list[str]]
) -> Office:
    from hub.imports import Lists

    return Office(
        desk=stores.desk,
        accounts=Accounts(stores.register),
        past=stores.history,
        reports=Reports(stores.register),
        papers=Papers(stores.register),
        notes=Notes(stores.register),
        trail=Trail(stores.register),
        lists=Lists(stores.desk),
        device_settings=lambda device, *seen: edge_settings(settings.broker, stores.desk.school, device, stores.password(device), *seen),
        fleet=fleet,
        badge_key=badge_key(stores.master),
        command=link.command,
        settle=partial(settle, stores.desk),
        now_ms=clock.now_ms,
        official_days=belgian_days,
        wall_ms=wall_ms,
        random_bytes=secrets.token_bytes,
        over_https=settings.web.over_https,
        silent_ms=clock.stretched(SILENT_MS),
        alarms=lambda: stores.folder.alarms() + post_alarms(),
        language=settings.web.language,
    )


async def _start_post(settings: Settings, stores: Memory, stack: contextlib.AsyncExitStack) -> Callable[[], list[str]]:
    """Letters to families, where there is a server that takes them; what is wrong with them. Loaded when badges are answered already."""
    from hub.mailqueue import MailQueue

    queue = MailQueue(stores.register)
    if settings.mail is None:
        log.info("no [mail] in the settings: no letters are sent")
        await queue.forget_head()
        return list
    from hub.post import Clockwork, Post, over_smtp

    mail_password(settings.mail)  # a file that cannot be read is told now, not when the first letter is due
    make_carrier = partial(over_smtp, settings.mail)
    post = Post(stores.desk, stores.journal, queue, mail_sender(settings.mail), make_carrier, Clockwork(wall_ms, random.random))
    post.start()
    stack.push_async_callback(post.close)
    return post.alarms


async def _upkeep(stores: Memory, clock: Clock, link: Link, trail: Trail) -> None:
    """What time alone brings: stays and days that are over, runs that are due, a trail that is old; rosters; tell the watchdog we live."""
    every_s = min(UPKEEP_S / clock.speed, alive_every_s() or UPKEEP_S)
    while True:
        notify(ALIVE)
        await keep_up(stores.desk, stores.new_ask, clock.now_ms())
        await trail.forget(wall_ms())
        link.republish()
        await asyncio.sleep(every_s)


async def _serve_pages(settings: Settings, office: Office) -> None:
    """Pages until a signal comes. The port is ours before anybody is told that we are ready; whoever comes early waits a second.

    Badges are answered meanwhile: what pages are made of takes as long to load as all the rest, so it is loaded on a thread.
    """
    try:
        port = socket.create_server((settings.web.host, settings.web.port))
        # Handed on to every connection, which asyncio leaves as it is: head and body are sent apart, and the second waited 40 ms.
        port.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise StartError(f"key `web.port`: {settings.web.host}:{settings.web.port} cannot be used: {error.strerror}") from error
    ended = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, ended.set)
    notify(READY)
    server, pages = await asyncio.to_thread(_load_pages, office)
    gc.freeze()  # books and pages are never garbage: a collection that walked through them would hold everybody up for 50 ms and more
    gc.set_threshold(700, 10, FULL_COLLECTION)
    gc.enable()
    await _announce(settings, office)
    from hub.web.compiling import compile_all

    serving = asyncio.create_task(server.serve(sockets=[port]))
    compiling = asyncio.create_task(compile_all(pages, settings.web.language))
    ending = asyncio.create_task(ended.wait())
    await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in (ending, compiling):
        task.cancel()
    await serving


def _load_pages(office: Office) -> "tuple[uvicorn.Server, Pages]":
    import uvicorn

    from hub.web.app import make_app
    from hub.web.render import Pages

    pages = Pages()
    config = uvicorn.Config(make_app(office, pages), log_config=None, access_log=False, timeout_graceful_shutdown=3)
    config.load()
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    return server, pages


async def _announce(settings: Settings, office: Office) -> None:
    """Where the pages are, and how to make the first account, in one line each."""
    from hub.web.account import first_account_link

    url = settings.web.url or f"http://{settings.web.host}:{settings.web.port}"
    print(f"Préau: {url}", flush=True)
    link = await first_account_link(office, url)
    if link:
        print(f"First account (this link works once): {link}", flush=True)
