"""Rubbish guided by coverage, where atheris is installed: `python -m tests.faults.guided hub [-max_total_time=3600]`.

It is no part of `make faults`: atheris is not locked, for not every Python has it. What it finds becomes a case like any other.
"""

import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

FIRST = 200
"""Inputs by chance to begin with: by itself it would not guess a topic."""


def main(arguments: Sequence[str]) -> int:
    """Look for inputs of one target (fuzz.TARGETS) until one fails, or libFuzzer's own limits are reached."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("SKIPPED: atheris is not installed: pip install atheris", file=sys.stderr)
        return 0
    with atheris.instrument_imports(include=["hub", "edge", "proto"]):
        fuzz = importlib.import_module("tests.faults.fuzz")
    name = arguments[0]
    with fuzz.inside() as ward, tempfile.TemporaryDirectory() as first:
        trial, tally = fuzz.Trial(name, fuzz.CASES, ward), fuzz.Tally(name)
        for number in range(FIRST):
            (Path(first) / str(number)).write_bytes(trial.target.make(Random(number)))

        def one(given: bytes) -> None:
            if not fuzz.attempt(tally, trial, given, "by atheris"):
                raise AssertionError(tally.wrong[-1])

        atheris.Setup([sys.argv[0], *arguments[1:], first], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
