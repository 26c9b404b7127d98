"""The office of a running hub, opened when badges are answered: register, history, letters, what time brings, and the pages.

What all this is made of takes longer to load than what badges need: it is loaded on a thread, and nothing here is loaded before.
"""

import asyncio
import contextlib
import gc
import logging
import random
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from hub.accounts import Accounts
from hub.clock import wall_ms
from hub.credentials import edge_settings
from hub.days import belgian_days
from hub.fleet import SILENT_MS
from hub.imports import Lists
from hub.keeping import keep_up
from hub.keys import badge_key
from hub.mailqueue import MailQueue
from hub.memory import Memory
from hub.notes import Notes
from hub.notify import ALIVE, alive_every_s, notify
from hub.papers import Papers
from hub.reports import Reports
from hub.settings import Settings, mail_sender
from hub.settlement import settle
from hub.trail import Trail
from hub.web.office import Office

if TYPE_CHECKING:
    import uvicorn

    from hub.run import Answering
    from hub.web.render import Pages

log = logging.getLogger(__name__)

FULL_COLLECTION = 100
"""Collections of young garbage for one of the old, which holds everybody up for ten ms and finds next to nothing: ten times the usual."""
UPKEEP_S = 60.0
"""How often stays whose hours are over are looked for, in school seconds."""


async def keep_open(settings: Settings, stores: Memory, answering: "Answering", port: socket.socket, ended: asyncio.Event) -> None:
    """Letters, upkeep and pages on an office that is open, until the hub is told to end."""
    async with contextlib.AsyncExitStack() as stack:
        post_alarms = await _start_post(settings, stores, stack)
        upkeep = asyncio.create_task(_upkeep(stores, answering, Trail(stores.register)))
        stack.callback(upkeep.cancel)
        await _serve_pages(settings, _make_office(settings, stores, answering, post_alarms), port, ended)


def _make_office(settings: Settings, stores: Memory, answering: "Answering", post_alarms: Callable[[], list[str]]) -> Office:
    fleet, clock, link = answering
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
    queue = MailQueue(stores.register)
    if settings.mail is None:
        log.info("no [mail] in the settings: no letters are sent")
        await queue.forget_head()
        return list
    from hub.post import Clockwork, Post, over_smtp

    make_carrier = partial(over_smtp, settings.mail)
    post = Post(stores.desk, stores.journal, queue, mail_sender(settings.mail), make_carrier, Clockwork(wall_ms, random.random))
    post.start()
    stack.push_async_callback(post.close)
    return post.alarms


async def _upkeep(stores: Memory, answering: "Answering", trail: Trail) -> None:
    """What time alone brings: stays and days that are over, runs that are due, a trail that is old; rosters; tell the watchdog we live."""
    _, clock, link = answering
    every_s = min(UPKEEP_S / clock.speed, alive_every_s() or UPKEEP_S)
    while True:
        notify(ALIVE)
        await keep_up(stores.desk, stores.new_ask, clock.now_ms())
        await trail.forget(wall_ms())
        link.republish()
        await asyncio.sleep(every_s)


async def _serve_pages(settings: Settings, office: Office, port: socket.socket, ended: asyncio.Event) -> None:
    """Pages until the hub is told to end; whoever came early has waited."""
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
