"""Where events wait for the loop, and where the loop waits: for them, and for the link's socket at the same time.

Any thread may put; one takes. A wait costs one call of the kernel: between the link's socket and the loop is no other thread.
"""

import math
import os
import select
import threading
from collections import deque

from edge.events import Event

EVENTS = 10_000
"""Events that may wait; a reader thread that is faster waits itself. Nothing is discarded."""


class Inbox:
    """The events of one loop, oldest first; None asks it to end. `wait` and `take` are called by one thread."""

    def __init__(self) -> None:
        self._events: deque[Event | None] = deque()
        self._room = threading.Event()
        self._taker = 0
        """The thread that waits; what it puts itself needs no bell."""
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event | None) -> None:
        """Hand an event over; waits when too many wait already."""
        self._events.append(event)
        if threading.get_ident() == self._taker:
            return
        os.eventfd_write(self._bell, 1)
        while len(self._events) > EVENTS:
            self._room.clear()
            if len(self._events) > EVENTS:  # else the last one was taken in between, and nobody would tell us
                self._room.wait()

    def take(self) -> Event | None:
        """The next event; there must be one."""
        event = self._events.popleft()
        if not self._room.is_set():
            self._room.set()
        return event

    def wait(self, socket: int, timeout_s: float, *, writing: bool = False) -> bool:
        """Until there is an event, or the socket (-1: none) can be read or, where asked, written; whether it is the socket."""
        self._taker = threading.get_ident()
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        if socket >= 0:
            poll.register(socket, select.POLLIN | select.POLLOUT if writing else select.POLLIN)
        # Rounded up: waking a moment early would mean turning round until the time has come.
        ready = [fd for fd, _ in poll.poll(0 if self._events else math.ceil(timeout_s * 1000))]
        if self._bell in ready:
            os.eventfd_read(self._bell)
        return socket in ready

    def __del__(self) -> None:
        os.close(self._bell)
