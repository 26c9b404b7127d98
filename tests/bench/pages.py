"""Each page of the office with 2,000 pupils and two years of facts: how long the hub takes, what it weighs, how long it holds the loop.

`python -m tests.bench.pages` prints a line for every page; in the table of `make bench` (part `office`) stand the worst of them, beside a
bare file of the same hub. The hub is the real one, with its broker; it is asked over the network of this machine, one page after the other.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import httpx2
import msgspec

from hub.broker import HUB_USER, Account
from hub.clock import wall_ms
from hub.keys import device_password, hub_password, load_master
from tests import brokers
from tests.bench import addresses, processes, town, watched, world
from tests.bench.addresses import Address, asked_of
from tests.bench.pace import passed
from tests.bench.report import Row
from tests.bench.starts import Callback, callbacks
from tests.bench.world import World
from tests.hub.web.conftest import opened

PAGE_MS = 150.0
PAGE_BYTES = 60_000
LOOP_MS = 5.0
TIMES = 5
"""Each page is asked for so often, and once before: then its template is ready."""
WAIT_S = 600.0
"""Two years are replayed and copied into the history before the first page."""
LOOK_S = 0.5
FILE = "/static/"


class Prepared(msgspec.Struct, frozen=True):
    """What a child left in the folder: the school's instant, who is signed in, what there is to ask for."""

    now_ms: int
    tokens: dict[str, str]
    addresses: list[Address]


class Asked(msgspec.Struct, frozen=True):
    """A page: its answers in ms, bytes as it is served and as it would be without gzip, and whether it is a page or a file."""

    address: Address
    ms: list[float]
    wire: int
    plain: int
    kind: str


async def prepare(folder: Path, days: int) -> Prepared:
    """A town in a new data folder, everybody signed in."""
    built = await town.built(folder, days)
    async with opened(folder) as hub:
        hub.now_ms = built.now_ms
        return Prepared(built.now_ms, await addresses.welcomed(hub, wall_ms()), await addresses.addresses(hub))


def set_up(room: Path, kind: str, days: int) -> tuple[World, Prepared]:
    """The town in a folder of its own, ready to be run; built by a child, whose memory is then free again."""
    found = msgspec.json.decode(processes.run(["tests.bench.pages", "--prepare", str(room / "hub"), "--days", str(days)]), type=Prepared)
    port = brokers.free_port()
    config = room / "hub.toml"
    world.configured(room, kind, port)
    config.write_text(f"{config.read_text()}\n[clock]\nstart_ms = {found.now_ms}\n")
    master = load_master(room / "hub" / "master.key")
    devices = {name: device_password(master, name, 1) for name in town.TAPPERS}
    return World(room, kind, port, Account(HUB_USER, hub_password(master)), devices), found


async def measure(there: World, found: Prepared, times: int = TIMES) -> tuple[list[Asked], list[Callback]]:
    """All pages in turn, so many times over; and the longest callbacks of the hub's loop meanwhile."""
    report = there.folder / "longest"
    with world.hub_running(there, "tests.bench.watched", {watched.LONGEST: str(report)}) as hub:
        async with httpx2.AsyncClient(base_url=there.url, timeout=WAIT_S) as asking:
            await opened_doors(asking)
            wanted = await addresses.bring_list(asking, found.tokens, there.url, found.addresses)
            if times > 1:  # a single turn is for looking only
                await _turn(asking, wanted, found.tokens)
            hub.process.send_signal(signal.SIGUSR1)
            turns = [await _turn(asking, wanted, found.tokens) for _ in range(times)]
            hub.process.send_signal(signal.SIGUSR1)
    asked = [msgspec.structs.replace(one[0], ms=[each.ms[0] for each in one]) for one in zip(*turns, strict=True)]
    return asked, callbacks(report)


async def opened_doors(asking: httpx2.AsyncClient) -> None:
    """Until the hub answers pages: badges come first."""
    deadline_s = time.monotonic() + WAIT_S
    while (await asking.get("/sign-in")).status_code != 200:
        assert time.monotonic() < deadline_s, "no pages"
        await passed(LOOK_S)


async def _turn(asking: httpx2.AsyncClient, wanted: Sequence[Address], tokens: Mapping[str, str]) -> list[Asked]:
    return [await _ask(asking, address, tokens) for address in wanted]


async def _ask(asking: httpx2.AsyncClient, address: Address, tokens: Mapping[str, str]) -> Asked:
    since_ns = time.monotonic_ns()
    answer = await asking.get(address.path, headers=asked_of(address, tokens))
    took_ms = (time.monotonic_ns() - since_ns) / 1e6
    assert answer.status_code == 200, f"{address}: {answer.status_code}: whoever may open it cannot: give its parameters other samples"
    kind = answer.headers["content-type"].partition(";")[0]
    return Asked(address, [took_ms], answer.num_bytes_downloaded, len(answer.content), kind)


# --- the table -----------------------------------------------------------------------------------


def rows(asked: Sequence[Asked], longest: Sequence[Callback]) -> Iterator[Row]:
    """G1 to G3: the slowest, the heaviest, and the one that holds the loop up longest."""
    pages = [one for one in asked if one.kind == "text/html"]
    bare_ms = median(ms for one in asked if one.address.path.startswith(FILE) for ms in one.ms)
    slow, late = max(pages, key=lambda one: median(one.ms)), max(pages, key=lambda one: max(one.ms))
    heavy = max(pages, key=lambda one: one.wire)
    middle_ms = median(median(one.ms) for one in pages)
    beside = (
        f"{_called(slow)}; {median(slow.ms) / bare_ms:.0f} x a bare file ({bare_ms:.1f} ms), the middle page {middle_ms / bare_ms:.1f} x"
    )
    yield Row("G1", f"the slowest of {len(pages)} pages, p50 at the server, ms", median(slow.ms), PAGE_MS, beside)
    yield Row("G1", "the slowest single answer, ms", max(late.ms), PAGE_MS, _called(late))
    yield Row("G2", "bytes of the heaviest page over the wire", heavy.wire, PAGE_BYTES, f"{_called(heavy)}; {heavy.plain} without gzip")
    held = max((one for one in longest if one.name.startswith("GET ")), default=Callback(0.0, 0.0, "none"))
    beside = f"{held.name}; {held.wall_ms:.1f} ms by the clock"
    yield Row("G3", "the longest that a page holds the hub's loop, ms of processor", held.processor_ms, LOOP_MS, beside)


def _called(one: Asked) -> str:
    return f"{one.address.route} ({one.address.who})"


def lines(asked: Sequence[Asked], longest: Sequence[Callback]) -> Iterator[str]:
    """Every page, the slowest first."""
    held = {one.name: one.processor_ms for one in longest}
    yield f"{'p50':>7} {'max':>7} {'held':>6} {'wire':>7} {'plain':>7}  who     address"
    for one in sorted(asked, key=lambda one: -median(one.ms)):
        hold_ms = held.get(f"GET {one.address.path.partition('?')[0]}", 0.0)
        where = f"{one.address.who:7} {one.address.path}{' (block)' if one.address.block else ''}"
        yield f"{median(one.ms):7.1f} {max(one.ms):7.1f} {hold_ms:6.1f} {one.wire:7} {one.plain:7}  {where}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; with `--prepare` the child that builds the town."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages")
    parser.add_argument("--days", type=int, default=town.TWO_YEARS)
    parser.add_argument("--prepare", type=Path)
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    options = parser.parse_args(arguments)
    if options.prepare:
        print(msgspec.json.encode(asyncio.run(prepare(options.prepare, options.days))).decode())
        return
    with tempfile.TemporaryDirectory(prefix="preau-bench-") as folder:
        found = asyncio.run(measure(*set_up(Path(folder), options.broker, options.days)))
    print("\n".join(lines(*found)))
    for row in rows(*found):
        print(f"{row.key} {row.what}: {row.value:.4g} (at most {row.target:g}); {row.beside}")


if __name__ == "__main__":
    main(sys.argv[1:])
