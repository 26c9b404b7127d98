"""`make faults`: the parts that are named, or all of them, one after the other; then one table.

Exit status 1 when anything that was promised did not hold. `python -m tests.faults kills --seed 7 --count 20` is a part of its own.
"""

import argparse
import importlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.result import Order, Part, Result, complaints

PARTS = ("kills", "flood", "power", "writelog", "ioerrors", "full", "flips", "fuzz", "guided", "pages")
"""In the order of the table; each is the module of that name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    results = [_timed(name, options) for name in options.parts or PARTS]
    print(table(results, _same(options)), end="")
    return 1 if any(complaints(result) for result, _ in results) else 0


def table(results: Sequence[tuple[Result, float]], same: str) -> str:
    """For people: each part with its seconds, what was injected, what was proved, what went wrong and how to see it again.

    `same`: the options that make the same run.
    """
    lines = [f"{'part':20}{'seconds':>7}     what was injected ({same})"]
    for result, took_s in results:
        wrong = complaints(result)
        verdict = "SKIPPED" if result.skipped else "VIOLATED" if wrong else "holds"
        lines.append(f"{result.part:10}{verdict:10}{took_s:7.1f} s   {_counters(result)}")
        lines += [f"{'':10}{'skipped':10}{result.skipped}"] if result.skipped else []
        lines += [f"{'':10}{'proved':10}{sentence}" for sentence in result.proved]
        lines += [f"{'':10}{'VIOLATED':10}{sentence}" for sentence in wrong]
        lines += [f"{'':10}{'again':10}.venv/bin/python -m tests.faults {result.part} {same}"] if wrong else []
    return "\n".join([*lines, ""])


def _counters(result: Result) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in result.injected.items())


def _same(options: argparse.Namespace) -> str:
    more = [f" --{name} {value}" for name, value in (("count", options.count), ("case", options.case)) if value]
    return f"--seed {options.seed}{''.join(more)}"


def _timed(name: str, options: argparse.Namespace) -> tuple[Result, float]:
    """One part in a folder of its own; its result, and the seconds it took."""
    since_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix=f"preau-{name}-"))
    order = Order(
        options.seed, folder, lambda line: _say(f"{name}, {time.monotonic() - since_s:.0f} s: {line}"), options.count, options.case
    )
    try:
        result = tried(name, order, _load)
    finally:
        if options.keep:
            _say(f"{name}: its files are in {folder}")
        else:
            shutil.rmtree(folder)
    return result, time.monotonic() - since_s


def tried(name: str, order: Order, load: Callable[[str], Part]) -> Result:
    """A part that breaks, or cannot even be loaded, is a violation, and does not keep the others from running."""
    try:
        return load(name)(order)
    except Exception as broke:
        logging.getLogger("faults").exception("%s broke", name)
        return Result(name, {"part": 1}, violations=[f"it could not be run to its end: {broke!r}"])


def _load(name: str) -> Part:
    inject: Part = importlib.import_module(f"tests.faults.{name}").inject
    return inject


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"no part is called {name}: there are {', '.join(PARTS)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults", description="What the world does to the real programs, and what must hold.")
    parser.add_argument("parts", nargs="*", type=_part, metavar="part", help=f"none: all of {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=1, help="another number, another run")
    parser.add_argument("--count", type=int, default=0, help="how many faults, as the part counts them (default: as promised)")
    parser.add_argument("--case", default="", help="one case of a part, as a violation names it")
    parser.add_argument("--keep", action="store_true", help="leave the files of each part, and say where")
    parser.add_argument("--folder", type=Path, help="where files lie (default: the system's own place; it must not be in memory)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
