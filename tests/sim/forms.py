"""Forms that people send to the desk: again until they are answered, always under the same ask, and now and then once more.

An answer may be lost on its way back; a button may be pressed twice, or long after. It must happen once all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from hub.desk import Answer, Desk
from tests.sim.acts import Act, asked

if TYPE_CHECKING:
    from tests.sim.hub import HubLife
    from tests.sim.world import World

Form = Callable[[int, Desk], Awaitable[Answer]]
Told = Callable[[Answer], None]
Kept = Callable[[int, Answer], int]

LOST_SHARE, LATER_SHARE, TWICE_SHARE = 0.05, 0.05, 0.1
"""How many answers never reach the browser; how many forms are sent again when all is over; how many buttons are pressed twice."""


class Forms:
    """All that was sent and is not answered."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance
        self._open: dict[int, Callable[[HubLife], Any]] = {}

    def ask(self, act: Act, told: Told | None = None) -> int:
        """One act at the desk; `told` when it was answered yes. What the hub receives, and when, the witness hears."""
        witness, world = self._world.oracle.witness, self._world

        async def form(ask: int, desk: Desk) -> Answer:
            at_ms = world.hub_wall_ms()
            witness.received(ask, at_ms, desk.school)
            answer = await asked(desk, ask, act, at_ms)
            hub = world.hub
            if hub is not None and hub.desk is desk:
                witness.answered(ask, answer, at_ms)
            return answer

        ask = world.random63()
        witness.wished(ask, act)
        return self.send(form, told, ask, kept=lambda ask, answer: ask if answer.facts else 0)

    def send(self, form: Form, told: Told | None = None, ask: int = 0, kept: Kept | None = None) -> int:
        """A form, until it is answered; its ask. `kept`: under which ask a yes is booked, if not its own; 0 = nothing was to do."""
        ask = ask or self._world.random63()

        async def sent(hub: "HubLife") -> None:
            answer = await form(ask, hub.desk)
            if hub.alive and ask in self._open:
                self._arrived(ask, answer, form, told)
                if ask not in self._open and answer.refusal is None and (booked := kept(ask, answer) if kept else ask):
                    self._world.oracle.promise(booked)

        self._open[ask] = sent
        self._try(ask)
        if self._chance.random() < TWICE_SHARE:
            self._try(ask)
        return ask

    def again(self) -> None:
        """The hub is back: what was not answered is sent again."""
        for ask in tuple(self._open):
            self._world.loop.after_s(self._chance.uniform(0.5, 5.0), self._try, ask)

    def waiting(self) -> int:
        """Forms without an answer."""
        return len(self._open)

    def _arrived(self, ask: int, answer: Answer, form: Form, told: Told | None) -> None:
        drawn = self._chance.random()
        if drawn < LOST_SHARE and not self._world.calm:
            self._world.saw("answer lost")
            self._world.loop.after_s(self._chance.uniform(0.5, 20.0), self._try, ask)
            return
        del self._open[ask]
        if answer.refusal is not None:
            return
        if told:
            told(answer)
        if drawn > 1 - LATER_SHARE:
            self._world.loop.after_s(self._chance.uniform(1.0, 600.0), self._once_more, ask, form)

    def _once_more(self, ask: int, form: Form) -> None:
        """Somebody finds the page still open, and presses the button."""
        hub = self._world.hub
        if hub is not None and not self._world.calm:
            hub.task(_to_the_end(form(ask, hub.desk)))

    def _try(self, ask: int) -> asyncio.Task[Any] | None:
        hub, sent = self._world.hub, self._open.get(ask)
        return hub.task(sent(hub)) if hub is not None and sent is not None else None


async def _to_the_end(answer: Awaitable[Answer]) -> None:
    await answer
