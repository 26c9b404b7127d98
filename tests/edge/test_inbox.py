"""The inbox: nothing is lost or overtaken, whoever waits is woken, and a reader that is too fast waits itself."""

import socket
import threading

from edge import events as e
from edge.inbox import EVENTS, Inbox

LONG_S = 10.0


def test_what_another_thread_puts_ends_the_wait() -> None:
    inbox = Inbox()
    putting = threading.Thread(target=inbox.put, args=(e.LinkDown(),))
    putting.start()
    assert not inbox.wait(-1, LONG_S)
    assert inbox.take() == e.LinkDown()
    putting.join()
    assert not inbox.wait(-1, 0.001), "a bell that was heard is silent again"
    assert len(inbox) == 0


def test_what_came_is_taken_in_order_and_needs_no_waiting() -> None:
    inbox = Inbox()
    inbox.wait(-1, 0)
    events = [e.LinkUp("a" * 16), e.LinkDown(), None]
    for event in events:
        inbox.put(event)
    assert not inbox.wait(-1, LONG_S), "our own puts ring no bell, and yet nobody waits for long"
    assert [inbox.take() for _ in range(len(inbox))] == events


def test_the_socket_ends_the_wait_when_it_can_be_read_or_where_asked_written() -> None:
    inbox = Inbox()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not inbox.wait(ours.fileno(), 0)
        assert inbox.wait(ours.fileno(), LONG_S, writing=True)
        theirs.send(b"x")
        assert inbox.wait(ours.fileno(), LONG_S)


def test_a_reader_that_is_too_fast_waits_and_nothing_is_lost() -> None:
    inbox, count = Inbox(), 2 * EVENTS
    taken: list[e.Event | None] = []
    most = 0

    def read() -> None:
        for n in range(count):
            inbox.put(e.Backlog(n))

    reading = threading.Thread(target=read)
    reading.start()
    while len(taken) < count:
        inbox.wait(-1, LONG_S)
        most = max(most, len(inbox))
        taken += [inbox.take() for _ in range(len(inbox))]
    reading.join(LONG_S)
    assert taken == [e.Backlog(n) for n in range(count)]
    assert most <= EVENTS + 1
