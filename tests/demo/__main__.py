"""`make demo`: the made-up school with its devices and virtual scanners, one day at a chosen speed, until Ctrl-C. Leaves nothing behind."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from tests.demo import dayplan, school
from tests.demo.pace import TooLateError
from tests.demo.player import Player
from tests.demo.town import Town, TownError, town

SPEED = 60.0
"""A school minute a second: the day takes twelve minutes."""
FIRST_TAP_S = 3.0
"""Real seconds from the start of the programs to the first planned tap; a child who comes to a device that is still dark waits."""
FAILED = 1
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    status = 0
    try:
        with contextlib.ExitStack() as stack:
            folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="preau-demo-"))
            Path(folder).mkdir(parents=True, exist_ok=True)
            asyncio.run(_until_told(options, Path(folder)))
    except* (TownError, TooLateError) as failed:
        print("\n".join(f"{one}" for one in failed.exceptions), file=sys.stderr)
        status = FAILED
    return status


async def _until_told(options: argparse.Namespace, folder: Path) -> None:
    """The demo, ended by Ctrl-C, by SIGTERM, or when its terminal is closed."""
    showing = asyncio.ensure_future(_show(options, folder))
    for end in ENDS:
        asyncio.get_running_loop().add_signal_handler(end, showing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await showing
    print("Stopped: nothing is left running.", flush=True)


async def _show(options: argparse.Namespace, folder: Path) -> None:
    everyone = school.children()
    day = dayplan.whole_day(everyone, options.seed)
    print(f"Making a school: {len(everyone)} pupils in {len(school.FAMILY_SIZES)} families on two sites …", flush=True)
    async with town(folder, everyone, options.speed, "embedded", with_cables=False) as place:
        await place.start(day.taps[0].at_s - FIRST_TAP_S * options.speed)
        _explain(place, options.speed)
        _open_page(place.first_link())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(options.seconds):
                    await _play(place, day)
        finally:
            print("Stopping …", flush=True)


def _explain(place: Town, speed: float) -> None:
    """What a visitor needs, a line each."""
    scanners = ", ".join(sorted({scanner.name for device in place.devices.values() for scanner in device.scanners.values()}))
    lines = (
        ("The page", f"{place.url}"),
        ("Sign in", f"{place.first_link()} makes the first account; it works once"),
        ("Scanners", scanners),
        ("Your own", "a USB scanner works too: `.venv/bin/preau-edge probe` names it and shows what it reads"),
        ("Speed", f"{speed:.0f} school seconds a second; `make demo SPEED=300` for another"),
        ("End", "Ctrl-C"),
    )
    print("\n".join(f"  {name:<10}{words}" for name, words in lines), flush=True)


def _open_page(url: str) -> None:
    """In the browser of whoever sits here; without a display there is none."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(url)


async def _play(place: Town, day: dayplan.Day) -> None:
    """The day, then quiet pages. Raises TownError when a program ends by itself."""
    playing = asyncio.ensure_future(Player(place, day, print).play())
    watching = {asyncio.ensure_future(program.ended()) for program in place.programs()}
    try:
        done, _ = await asyncio.wait({playing, *watching}, return_when=asyncio.FIRST_COMPLETED)
        if playing in done:
            playing.result()
            print("The day is over; the pages stay until Ctrl-C.", flush=True)
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        raise TownError(done.pop().result())
    finally:
        for task in (playing, *watching):
            task.cancel()
        await asyncio.gather(playing, *watching, return_exceptions=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description="A made-up school on this machine, one day at a chosen speed.")
    parser.add_argument("--speed", type=float, default=SPEED, help="school seconds a second")
    parser.add_argument("--seed", type=int, default=1, help="another number, another day")
    parser.add_argument("--seconds", type=float, help="end after so many seconds")
    parser.add_argument("--keep", help="a folder for everything, which is kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
