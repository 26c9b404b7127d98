"""Rubbish guided by coverage, where atheris is installed; `.venv/bin/python -m tests.faults.guided hub -max_total_time=3600` for longer.

atheris is not locked, for not every Python has it: without it this part of `make faults` is skipped, and says so. What it finds
becomes a case like any other.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.faults.result import Order, Result

ABSENT = "atheris is not installed: .venv/bin/uv pip install atheris"
TARGETS = ("hub", "edge", "readers", "files")
SECONDS = 60
"""For each of them."""
FIRST = 200
"""Inputs by chance to begin with: by itself it would not guess a topic."""


def inject(order: Order) -> Result:
    """`count` seconds for each target (fuzz.TARGETS), in a process of its own: atheris changes what is imported."""
    if importlib.util.find_spec("atheris") is None:
        return Result("guided", {}, skipped=ABSENT)
    injected: dict[str, int] = {}
    violations = []
    for target in TARGETS:
        order.told(target)
        words = (f"-max_total_time={order.count or SECONDS}", f"-seed={order.seed}", f"-artifact_prefix={order.folder}/")
        done = subprocess.run([sys.executable, "-m", __name__, target, *words], capture_output=True, text=True, check=False)
        runs = re.search(r"^Done (\d+) runs", done.stderr, re.MULTILINE)
        injected[f"inputs guided through {target}"] = int(runs[1]) if runs else 0
        violations += [f"{target}: {done.stderr[-400:]}"] if done.returncode else []
    return Result("guided", injected, [f"{sum(injected.values()):,} inputs, no exception"] if not violations else [], violations)


def main(arguments: Sequence[str]) -> int:
    """Look for inputs of one target (fuzz.TARGETS) until one fails, or libFuzzer's own limits are reached."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print(f"SKIPPED: {ABSENT}", file=sys.stderr)
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
