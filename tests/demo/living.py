"""One day lived through: the town built, the day played, everything stopped in order, and the evidence read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.core.facts import Fact
from hub.keys import badge_key
from hub.memory import Memory, memory
from proto.badge import badge_hash
from tests.demo.browser import Browser
from tests.demo.checks import Evidence, Live, Past
from tests.demo.dayplan import Day, Means
from tests.demo.player import Outage, Player, SentTap
from tests.demo.school import Child
from tests.demo.town import BrokerKind, Town, town

WARM_UP_S = 6.0
"""Real seconds between the start of the programs and the day's first minute: they have to find each other first."""
EVERYTHING = 1_000_000
"""More rows than any day has."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What is left of a day."""

    evidence: Evidence
    outages: tuple[Outage, ...]


async def live_through(
    folder: Path, everyone: Sequence[Child], day: Day, speed: float, broker: BrokerKind, told: Callable[[str], None]
) -> Lived:
    """The whole day, its accidents included. Raises TownError, TooLateError or an ExceptionGroup of them."""
    async with town(folder, everyone, speed, broker, with_cables=True) as place:
        await place.start(day.from_s - WARM_UP_S * speed)
        player = Player(place, day, told)
        async with Browser(place.url) as office:
            await office.sign_up(place.first_link())
            if day.blocked:
                await office.block(day.blocked)
            await player.play()
            told("the day is over: waiting for empty outboxes")
            await place.drained()
            live = await look(office, everyone)
        evidence = await left_behind(place, player.sent, live)
    return Lived(evidence, tuple(player.outages))


async def left_behind(place: Town, sent: Sequence[SentTap], live: Live) -> Evidence:
    """Stop a town in order, and read everything it leaves behind."""
    statuses = await place.stop()
    async with memory(place.hub_folder) as stores:
        return Evidence(
            sent=tuple(sent),
            hashes=_hashes(sent, badge_key(stores.master)),
            lit={device.id: tuple(device.lit()) for device in place.devices.values()},
            facts=await _facts(stores),
            books=stores.desk.books,
            paper=place.paper(),
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
