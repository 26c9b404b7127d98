"""What the office learns late, and puts right: family files, families that are one, whose turn it is to pay.

Each is an edit first; then the money that went the old way is brought where it belongs, which can be cut off, and is asked for again.
"""

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from hub.core import families, merging, people, rerating
from hub.core.calendar import day_of
from hub.core.facts import Refusal
from hub.core.school import FamilyFile, Rows, School
from hub.desk import Answer, Desk
from tests import schools
from tests.sim.counter import BURSAR
from tests.sim.setting import FILES, HOUSEHOLDS, LATE_TURNS, TILLEULS, family, file_of, known_in, late_turn

if TYPE_CHECKING:
    from tests.sim.hub import HubLife
    from tests.sim.world import World

MADE_ONE = 3
"""So many pairs of families turn out to be one."""


class Late:
    """All of it, at the pace of the world. `busy`: files and turns that are being worked through."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance
        self.busy = 0

    def begin(self) -> None:
        """From now on families tell what a world's setting says."""
        setting, storm_s = self._world.plan.setting, self._world.plan.storm_s
        if setting.files:
            self._world.often(storm_s / 6, self.regularise)
        if setting.afterwards:
            self.learn()

    def again(self) -> None:
        """Once more for every file that is there and every turn that is told: a run that was cut off is simply run again."""
        school = self._world.disk.school
        for file in [file for files in school.files.values() for file in files]:
            self._price_again(file)
        for pupil in known_in(school).late:
            self._repay(pupil)

    def learn(self) -> None:
        """What families tell late, at some time of the storm: that two of them are one, and whose turn it is, which some tell twice."""
        for pupil in LATE_TURNS:
            for _ in range(self._chance.choice((1, 2))):
                self._some_time(self.tell_turn, pupil)
        for _ in range(MADE_ONE):
            self._some_time(self.make_one)

    def _some_time(self, tell: Callable[..., object], *about: int) -> None:
        self._world.loop.after_s(self._world.plan.storm_s * self._chance.uniform(0.1, 0.95), tell, *about)

    def make_one(self) -> None:
        """Two families turn out to be one that was entered twice: they are made one, and the money goes along."""
        hub = self._world.hub
        one, other = self._chance.sample(range(HOUSEHOLDS), 2)
        pair = family(one), family(other)
        if hub is None or self._world.calm:
            return
        shown = tuple(hub.desk.school.households[each] for each in pair)
        owners = {wallet.household for wallet in hub.desk.books.owners.values()}
        ask = self._world.random63()
        change = functools.partial(merging.merge, pair=pair, owners=owners, same=lambda now: now == shown, ask=ask)
        self._world.saw("families made one")
        self._world.forms.send(lambda ask, desk: desk.edit(ask, change), lambda _answer: self._bring_over(), ask)

    def _bring_over(self) -> None:
        async def money(ask: int, desk: Desk) -> Answer:
            return await desk.do(ask, merging.brought_over, ask, self._world.hub_wall_ms(), BURSAR)

        self._world.forms.send(money, kept=lambda ask, answer: ask if answer.facts else 0)

    def tell_turn(self, pupil: int) -> None:
        """It is told late whose turn it is; what was charged meanwhile is moved to who has to pay it. Told again, it changes nothing."""
        hub = self._world.hub
        if hub is None or self._world.calm:
            return
        turn = late_turn(pupil, hub.desk.school.households[LATE_TURNS[pupil][0]].id)

        def change(school: School) -> Rows | Refusal:
            return people.put_custody(school, turn, lambda _shown: True)

        self._world.saw("turns told late")
        self._world.forms.send(lambda ask, desk: desk.edit(ask, change), lambda _answer: self._repay(pupil))

    def _repay(self, pupil: int) -> None:
        self._at_work(lambda hub: self._repaid(hub, pupil))

    async def _repaid(self, hub: "HubLife", pupil: int) -> None:
        """As the page of a pupil's charges does: all that was charged, then ask by ask."""
        desk, now_ms = hub.desk, self._world.hub_wall_ms()
        await desk.seen()
        past = [fact for fact in self._world.disk.facts() if isinstance(fact, rerating.Past)]
        past += rerating.here_now(desk.books, rerating.families(desk.school, pupil))
        changes = rerating.repaid(desk.school, desk.books, past, pupil, LATE_TURNS[pupil][1])
        for ask, some in rerating.asks(desk.books, self._world.random63(), changes, day_of(now_ms, schools.ZONE)).items():
            await desk.do(ask, rerating.corrected, ask, some, now_ms, BURSAR)

    def regularise(self) -> None:
        """A family brings its file along; what it was charged since the file's first day is priced again."""
        file = file_of(self._chance.choice(list(FILES)))

        def change(school: School) -> Rows | Refusal:
            return families.regularise(school, TILLEULS, file, file.from_day)

        self._world.saw("files regularised")
        self._world.forms.send(lambda ask, desk: desk.edit(ask, change), lambda _answer: self._price_again(file))

    def _price_again(self, file: FamilyFile) -> None:
        self._at_work(lambda hub: self._corrected(hub, file))

    def _at_work(self, work: "Callable[[HubLife], Coroutine[None, None, None]]") -> None:
        hub = self._world.hub
        if hub is not None:
            self.busy += 1
            hub.task(work(hub)).add_done_callback(lambda _task: self._done())

    def _done(self) -> None:
        self.busy -= 1

    async def _corrected(self, hub: "HubLife", file: FamilyFile) -> None:
        """As `preau-hub files regularise` does: everything of the journal, then pupil by pupil."""
        desk, now_ms = hub.desk, self._world.hub_wall_ms()
        await desk.seen()
        past = [fact for fact in self._world.disk.facts() if isinstance(fact, rerating.Past)]
        changes = rerating.rerated(desk.school, desk.books, past, file.household, file.from_day)
        for ask, some in rerating.asks(desk.books, self._world.random63(), changes, self._world.oracle.witness.lunch.first).items():
            await desk.do(ask, rerating.corrected, ask, some, now_ms)
