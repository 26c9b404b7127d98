"""`make day`: two school weeks without a screen, on the real processes, with their accidents; then a report, the checks, a picture a day.

Nights and the quiet hours between are left out: the hub is stopped in order, the office acts, and the hub is started at the next hour.
Exit status 0 when every check holds, 1 when one does not, 2 when the weeks could not be lived to their end.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.demo import picture, report, school
from tests.demo.amounts import compared
from tests.demo.checks import verdicts
from tests.demo.living import live_through
from tests.demo.pace import TooLateError, monday_of
from tests.demo.town import TownError
from tests.demo.weeks import two_short_days, two_weeks

SPEED = 800.0
"""The waking hours of a day in half a minute. A child's two taps at a reader are never less than 3 s apart: 40 minutes of that day."""
FAILED, NOT_LIVED = 1, 2
SAME_AMOUNTS = "every wallet, charge and page has the amounts that were reckoned apart from the hub"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    folder = Path(options.keep or tempfile.mkdtemp(prefix="preau-day-"))
    folder.mkdir(parents=True, exist_ok=True)
    status = NOT_LIVED
    try:
        status = asyncio.run(_live(options, folder))
    except* (TownError, TooLateError, AssertionError) as failed:
        print(f"it could not be lived to its end: {_sentences(failed)}", file=sys.stderr)
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

    everyone, monday = school.children(), monday_of(datetime.now(UTC).date())
    weeks = two_short_days(everyone, monday) if options.short else two_weeks(everyone, monday, options.seed)
    taps = sum(len(part.script.taps) for part in weeks.parts)
    told(f"{len(everyone)} pupils, {taps} taps planned, {options.speed:.0f} times as fast as life, broker: {options.broker}")
    lived = await live_through(folder, weeks, options.speed, options.broker, told)
    done = tuple(lived.office.done)
    found = [*verdicts(lived.evidence), (SAME_AMOUNTS, compared(weeks, done, lived.evidence))]
    print(f"\n{report.written(lived.evidence, lived.outages, found)}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    for day in dict.fromkeys(part.day for part in weeks.parts):
        drawn = options.out / f"day-{day.isoformat()}.svg"
        drawn.write_text(picture.of_day(lived.evidence, lived.outages, day, options.speed), encoding="utf-8")
        print(f"the picture: {drawn}")
    return FAILED if any(complaints for _, complaints in found) else 0


def _sentences(failed: BaseExceptionGroup[BaseException]) -> str:
    return "; ".join(_sentences(one) if isinstance(one, BaseExceptionGroup) else f"{one}" for one in failed.exceptions)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make day", description="Two school weeks on the real processes, checked.")
    parser.add_argument("--speed", type=float, default=SPEED, help="school seconds a second")
    parser.add_argument("--seed", type=int, default=1, help="another number, other weeks")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    parser.add_argument("--short", action="store_true", help="two short days with one dead hub and one pulled cable")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    parser.add_argument("--keep", help="a folder to live them in, and to keep")
    return parser


if __name__ == "__main__":
    sys.exit(main())
