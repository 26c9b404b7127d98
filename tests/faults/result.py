"""What every part of `make faults` is asked and answers: an `Order` in, a `Result` out. Nothing is injected here.

A part is a module of this folder with the name that stands on the command line, and one function `inject(order) -> Result`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """What to do. `folder` is empty, on a real disk, and removed afterwards; `told` says a line on the way."""

    seed: int
    folder: Path
    told: Callable[[str], None]
    count: int = 0
    """How many faults, as the part counts them; 0: as many as the issue promises."""
    case: str = ""
    """One case of the part's own, to be played again; empty: all of them."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was done and what came of it. A part that its machine cannot run says in `skipped` why, and what to install."""

    part: str
    injected: Mapping[str, int]
    """Counters, by what they count; all above zero, or the part has not done its work."""
    proved: Sequence[str] = ()
    """Sentences with their figures: what held."""
    violations: Sequence[str] = ()
    """Sentences: what did not hold, each with the case that shows it again."""
    skipped: str = ""


class Part(Protocol):
    """One entry, named `inject` in its module."""

    def __call__(self, order: Order) -> Result: ...


def complaints(result: Result) -> list[str]:
    """Everything wrong with a result: its violations, and work that was not done."""
    if result.skipped:
        return []
    idle = [f"no {what} was injected" for what, count in result.injected.items() if count < 1]
    unproved = [] if result.injected and result.proved else ["it proved nothing"]
    return [*result.violations, *idle, *unproved]
