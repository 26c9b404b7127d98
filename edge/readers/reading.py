"""What the readers' threads share: one thread a reader, which opens it, follows it, and opens it again when it was unplugged.

A thread only puts events where it is told to. What a read means is decided by framing and station; opening a port is the
business of `hid` and `serial`. No failure ends a thread: it becomes ReaderChanged(ok=False), a line in the log and another try.
"""

import errno
import logging
import math
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from edge.errors import ReaderGoneError
from edge.events import Clock, Found, ReaderChanged, ReadIn
from proto.messages import TEXT_CHARACTERS

RETRY_FIRST_S, RETRY_MOST_S = 0.2, 2.0
"""Between two tries to open a reader, doubling, in s: a replug is seen at once, an empty port costs nothing."""
STOP_S = 2.0
"""How long stop() waits for the thread, in s. It is a daemon: one that hangs in a driver does not keep the program."""

log = logging.getLogger(__name__)

Put = Callable[[ReadIn | ReaderChanged], None]
"""Where events go: the loop's queue. It may block when the loop is behind, and must not raise."""
Stamp = Callable[[], tuple[Clock, str]]
"""The device's clocks now, and a fresh nonce."""


class Reader(Protocol):
    """One reader of the device, running by itself between start() and stop()."""

    @property
    def name(self) -> str:
        """Its id in the settings."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Stop:
    """Says once that it is time to end, and wakes whoever waits: for a time, or for a file to become readable."""

    def __init__(self) -> None:
        self._said = False
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def set(self) -> None:
        self._said = True
        os.eventfd_write(self._event, 1)

    def is_set(self) -> bool:
        """Asked twice for each read: the kernel is not."""
        return self._said

    def wait(self, timeout_s: float) -> bool:
        """Whether it is set, after `timeout_s` at most."""
        return bool(_readable([self._event], timeout_s))

    def wait_readable(self, fd: int, timeout_s: float | None) -> bool:
        """Whether `fd` can be read (or is gone), after `timeout_s` at most (None: as long as it takes), or false when set."""
        return _readable([self._event, fd], timeout_s) == [fd]

    def __del__(self) -> None:
        os.close(self._event)


def _readable(fds: list[int], timeout_s: float | None) -> list[int]:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    # Rounded up: waking a moment early would mean turning round until the time has come.
    return [fd for fd, _ in poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000))]


class Source(Protocol):
    """An open port or keyboard. It feeds its framing, and raises ReaderGoneError once it was unplugged."""

    @property
    def name(self) -> str:
        """What the device calls itself, for people."""

    def fileno(self) -> int: ...
    def read(self, now_ms: int) -> list[Found]: ...
    def close(self) -> None: ...


class Framing(Protocol):
    """What the reading thread asks of any framing (framing.py)."""

    @property
    def due_ms(self) -> int | None: ...
    def idle(self, now_ms: int, /) -> list[Found]: ...
    def void(self) -> list[Found]: ...


Open = Callable[[Stop], Source]
"""Opens a reader. Raises ReaderGoneError when it is not there, is not ours, or Stop was set."""


def trouble(path: str, error: OSError) -> str:
    """The sentence for a reader that cannot be used, with what to do."""
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return f"{path}: nothing is plugged in there"
        case errno.EACCES | errno.EPERM:
            return f"{path}: not allowed: the user of this program must be in the group that owns it (input, dialout)"
        case errno.EBUSY | errno.EAGAIN:
            return f"{path}: another program has it: end that program"
        case _:
            return f"{path}: {error}"


class ThreadReader:
    """A reader with a thread of its own."""

    def __init__(self, name: str, open_source: Open, framing: Framing, put: Put, stamp: Stamp) -> None:
        self.name = name
        self._open, self._framing, self._put, self._stamp = open_source, framing, put, stamp
        self._stop = Stop()
        self._thread = threading.Thread(target=self._run, name=f"reader-{name}", daemon=True)
        self._ok: bool | None = None
        self._trouble = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """At once, also in the middle of a wait; nothing is put afterwards."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        retry_s = RETRY_FIRST_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._while_plugged()
            except Exception:
                log.exception("reader %s: failed, and is opened again", self.name)
            if time.monotonic() - began_s > RETRY_MOST_S:
                retry_s = RETRY_FIRST_S  # it worked for a while; one that comes and goes is asked ever less often
            self._stop.wait(retry_s)
            retry_s = min(2 * retry_s, RETRY_MOST_S)

    def _while_plugged(self) -> None:
        """From one plug to the next unplug."""
        try:
            with closing(self._open(self._stop)) as source:
                self._changed(ok=True, name=source.name)
                self._follow(source)
        except ReaderGoneError as gone:
            self._complain(str(gone))
        finally:
            self._changed(ok=False)

    def _follow(self, source: Source) -> None:
        came = True  # opening may have fetched something already
        try:
            while not self._stop.is_set():
                self._found(source.read(_now_ms()) if came else self._framing.idle(_now_ms()))
                due_ms = self._framing.due_ms
                timeout_s = None if due_ms is None else max(0, due_ms - _now_ms()) / 1000
                came = self._stop.wait_readable(source.fileno(), timeout_s)
        finally:
            self._found(self._framing.void())

    def _found(self, found: list[Found]) -> None:
        for one in found:
            if not self._stop.is_set():
                self._put(ReadIn(self.name, one, *self._stamp()))

    def _changed(self, *, ok: bool, name: str = "") -> None:
        if ok == self._ok or self._stop.is_set():
            return
        self._put(ReaderChanged(self.name, ok, name[:TEXT_CHARACTERS]))
        self._ok = ok
        if ok:
            self._trouble = ""
            log.info("reader %s: %s is ready", self.name, name)

    def _complain(self, trouble: str) -> None:
        """Each new trouble once: an empty port is asked every other second, for days."""
        if trouble != self._trouble and not self._stop.is_set():
            self._trouble = trouble
            log.warning("reader %s: %s", self.name, trouble)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
