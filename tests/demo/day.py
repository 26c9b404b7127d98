"""`make day`: one whole school day without a screen, on the real processes, with their accidents; then a report, the checks, a picture.

Exit status 0 when every check holds, 1 when one does not, 2 when the day could not be lived to its end.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.demo import dayplan, picture, report, school
from tests.demo.checks import verdicts
from tests.demo.living import live_through
from tests.demo.pace import TooLateError
from tests.demo.town import TownError

SPEED = 400.0
"""A day of thirteen hours in two minutes. A child's two taps at a reader are never less than 3 s apart: 20 minutes of that day."""
FAILED, NOT_LIVED = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    folder = Path(options.keep or tempfile.mkdtemp(prefix="preau-day-"))
    folder.mkdir(parents=True, exist_ok=True)
    status = NOT_LIVED
    try:
        status = asyncio.run(_live(options, folder))
    except* (TownError, TooLateError, AssertionError) as failed:
        print(f"the day could not be lived to its end: {_sentences(failed)}", file=sys.stderr)
    except* KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    if options.keep or status:
        print(f"logs, journal and outboxes are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return status


async def _live(options: argparse.Namespace, folder: Path) -> int:
    began_s = time.monotonic()

    def told(sentence: str) -> None:
        print(f"{time.monotonic() - began_s:6.1f} s  {sentence}", flush=True)

    everyone = school.children()
    day = dayplan.short_day(everyone) if options.short else dayplan.whole_day(everyone, options.seed)
    told(f"{len(everyone)} pupils, {len(day.taps)} taps planned, {options.speed:.0f} times as fast as life, broker: {options.broker}")
    lived = await live_through(folder, everyone, day, options.speed, options.broker, told)
    found = verdicts(lived.evidence)
    print(f"\n{report.written(lived.evidence, lived.outages, found)}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    drawn = options.out / "day.svg"
    drawn.write_text(picture.drawn(lived.evidence, lived.outages, day.from_s, day.to_s, options.speed), encoding="utf-8")
    print(f"the picture: {drawn}")
    return FAILED if any(complaints for _, complaints in found) else 0


def _sentences(failed: BaseExceptionGroup[BaseException]) -> str:
    return "; ".join(_sentences(one) if isinstance(one, BaseExceptionGroup) else f"{one}" for one in failed.exceptions)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make day", description="One school day on the real processes, checked.")
    parser.add_argument("--speed", type=float, default=SPEED, help="school seconds a second")
    parser.add_argument("--seed", type=int, default=1, help="another number, another day")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    parser.add_argument("--short", action="store_true", help="a quarter of an hour with one dead hub and one pulled cable")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture")
    parser.add_argument("--keep", help="a folder to live the day in, and to keep")
    return parser


if __name__ == "__main__":
    sys.exit(main())
