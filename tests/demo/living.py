"""Days lived through: the town built, each part of a day played, the office at work between them, and the evidence read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.core.calendar import instant_ms
from hub.core.facts import Fact
from hub.keys import badge_key
from hub.memory import Memory, memory
from proto.badge import badge_hash
from tests.demo.browser import Browser
from tests.demo.checks import Evidence, Live, Past
from tests.demo.dayplan import Day, Means
from tests.demo.fortnight import Act, Fortnight, Part
from tests.demo.office import Office
from tests.demo.pace import ZONE, until
from tests.demo.player import Outage, Player, SentTap
from tests.demo.report import clock
from tests.demo.school import Child
from tests.demo.town import BrokerKind, Town, town

WARM_UP_S, WAKE_UP_S = 6.0, 3.0
"""Real seconds from a start to the first minute of a part: of all programs, and of the hub alone. They have to find each other first."""
EVENING_S = 20 * 3600
"""When everything is looked at: the stays that nobody ended are over."""
SETTLED_S = 30.0
"""How long the hub may take to settle a day that is over."""
EVERYTHING = 1_000_000
"""More rows than any two weeks have."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What is left of some days. Times of taps and outages count from the first midnight."""

    evidence: Evidence
    outages: tuple[Outage, ...]
    office: Office


async def live_through(folder: Path, weeks: Fortnight, speed: float, broker: BrokerKind, told: Callable[[str], None]) -> Lived:
    """All days, with their accidents. Raises TownError, TooLateError or an ExceptionGroup of them."""
    async with town(folder, weeks.everyone, speed, broker, with_cables=True, founding=weeks.founding) as place:
        life = _Life(place, told, weeks)
        async with Browser(place.url) as page:
            for number, part in enumerate(weeks.parts):
                await life.begin(part, page, first=number == 0)
                await life.play(part.script)
            await life.end(weeks.after)
            live = await look(page, weeks.everyone)
        evidence = replace(await left_behind(place, life.sent, live), midnight_ms=instant_ms(weeks.monday, 0, ZONE))
    return Lived(replace(evidence, statuses={**evidence.statuses, **life.statuses}), tuple(life.outages), life.office)


@dataclass(slots=True)
class _Life:
    """Goes through the parts of a plan, the hub stopped between them."""

    place: Town
    told: Callable[[str], None]
    weeks: Fortnight
    office: Office = field(init=False)
    sent: list[SentTap] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    """Of a hub that did not end as it should."""
    wake_up_s: float = WAKE_UP_S

    def __post_init__(self) -> None:
        self.office = Office(self.place)

    async def begin(self, part: Part, page: Browser, *, first: bool) -> None:
        """The hub runs when the part begins; a badge is blocked on the first day."""
        begins_s, speed = part.script.from_s, self.place.time.speed
        if first:
            await self.place.start(begins_s - WARM_UP_S * speed)
            await page.sign_up(self.place.first_link())
            if part.script.blocked:
                await page.block(part.script.blocked)
        else:
            await self._rest(part.before)
            await self.place.open_hub(part.day, begins_s - self.wake_up_s * speed)
        while self.place.time.now_s() > begins_s:  # a loaded machine: nobody comes late because of that
            await self._close()
            self.wake_up_s *= 2
            await self.place.open_hub(part.day, begins_s - self.wake_up_s * speed)

    async def play(self, script: Day) -> None:
        player = Player(self.place, script, self.told)
        await player.play()
        await self.place.drained()
        gone_s = (self.place.time.midnight_ms - instant_ms(self.weeks.monday, 0, ZONE)) / 1000
        self.sent += [replace(tap, at_s=tap.at_s + gone_s) for tap in player.sent]
        self.outages += [replace(one, from_s=one.from_s + gone_s, to_s=one.to_s + gone_s) for one in player.outages]

    async def end(self, acts: Sequence[Act]) -> None:
        """The last evening, until what was gathered is posted."""
        await self._rest(acts)
        await self.place.open_hub(self.place.time.day, EVENING_S)
        settled = f"is settled through {self.place.time.day:%Y%m%d}"
        await until(lambda: settled in self.place.hub.log.read_text(errors="replace"), SETTLED_S, "the last settlement")

    async def _rest(self, acts: Sequence[Act]) -> None:
        """The hub is stopped; the office acts."""
        ended = await self._close()
        await self.office.act(acts)
        self.told(f"{ended}: {len(self.sent)} taps so far; the office did {len(acts)} things")

    async def _close(self) -> str:
        """Stop the hub; the school's time then."""
        ended = f"{self.place.time.day:%a} {clock(self.place.time.now_s())}"
        status = await self.place.close_hub()
        if status:
            self.statuses[f"hub ({ended})"] = status
        return ended


async def left_behind(place: Town, sent: Sequence[SentTap], live: Live) -> Evidence:
    """Stop a town in order, and read everything it leaves behind."""
    statuses = await place.stop()
    async with memory(place.hub_folder) as stores:
        facts = await _facts(stores)
        return Evidence(
            sent=tuple(sent),
            hashes=_hashes(sent, badge_key(stores.master)),
            lit={device.id: tuple(device.lit()) for device in place.devices.values()},
            facts=facts,
            books=stores.desk.books,
            paper={fact.ask for before, after in place.written for fact in facts[before:after]},
            school=stores.desk.school,
            midnight_ms=place.time.midnight_ms,
            speed=place.time.speed,
            live=live,
            past=await _past(stores),
            unsettled={device.id: device.unsettled() for device in place.devices.values()},
            statuses=statuses,
        )


async def look(office: Browser, everyone: Sequence[Child]) -> Live:
    """What the pages show now."""
    groups = sorted({child.group for child in everyone})
    balances = {(pupil, site): cents for pupil in await office.pupils(groups) for site, cents in (await office.balances(pupil)).items()}
    return Live(await office.board(), balances)


def _hashes(sent: Sequence[SentTap], key: bytes) -> dict[str, str]:
    return {tap.badge: badge_hash(key, tap.badge) for tap in sent if tap.means is not Means.TORN}


async def _facts(stores: Memory) -> tuple[Fact, ...]:
    return tuple([fact async for commit in stores.journal.read() for fact in commit.facts])


async def _past(stores: Memory) -> Past:
    """Everything the history tells, by the questions the pages ask."""
    await stores.history.caught_up(stores.desk.books.number)
    history, books, school = stores.history, stores.desk.books, stores.desk.school
    return Past(
        scans=tuple(await history.scans(EVERYTHING)),
        entries={wallet: tuple(await history.entries_of(wallet, EVERYTHING)) for wallet in books.wallets.values()},
        stays={pupil: tuple(await history.stays_of(pupil, EVERYTHING)) for pupil in school.pupils},
    )
