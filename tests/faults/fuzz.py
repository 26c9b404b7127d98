"""Rubbish for everything that reads from outside: no exception, no input that holds the processor for 50 ms, all of it counted.

Targets: `hub` and `edge` get malformed messages, `readers` bytes and key events, `files` settings, lists and rosters. An input is made by
chance from good ones, or by hypothesis (or by atheris: see `guided.py`). What ever failed lies in `cases/<target>/`, in hex, and is
tried first.
"""

import hashlib
import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging.handlers import QueueHandler
from pathlib import Path
from random import Random
from typing import Protocol

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from proto import topics
from tests.faults.edgeend import EdgeTarget
from tests.faults.hubend import DEVICES, KINDS, TREES, BrokenError, HubTarget, Ward
from tests.faults.readings import FileTarget, ReaderTarget
from tests.faults.result import Order, Result
from tests.faults.rubbish import Tree

log = logging.getLogger(__name__)

CASES = Path(__file__).parent / "cases"
WORST_MS = 50
"""What one input may cost at most, in ms of processor time: by the clock a busy machine would be measured instead."""
AGAIN = 3
"""How often an input that took longer is tried alone before it counts: garbage collection and a busy cache are not its own."""
BATCH = 4_000
"""Inputs one fresh target gets: long enough to build up a state, short enough to be played again."""
CORES = 2
LETTERS = st.characters(codec="utf-8")
GUESSES = 1_500
"""Examples of hypothesis, each at a fresh hub; one costs as much as fifty inputs by chance."""
GUESSED = 80
"""One of them for so many inputs by chance, where fewer are wanted."""
PHASES = (hypothesis.Phase.generate, hypothesis.Phase.shrink)
ANY = tuple(hypothesis.HealthCheck)


class Target(Protocol):
    """Something that takes bytes from outside."""

    def make(self, luck: Random) -> bytes: ...
    def take(self, given: bytes) -> str: ...
    def check(self) -> None: ...


TARGETS: dict[str, Callable[[Ward], Target]] = {
    "hub": HubTarget,
    "edge": EdgeTarget,
    "readers": ReaderTarget,
    "files": FileTarget,
}
PROMISED = {"hub": 1_000_000, "readers": 1_000_000, "edge": 200_000, "files": 60_000}
NAMES = {"hub": "messages to the hub", "readers": "reader inputs", "edge": "messages to a device", "files": "files"}


@dataclass(slots=True)
class Tally:
    """What became of some inputs of one target."""

    target: str
    fates: Counter[str] = field(default_factory=Counter)
    worst_ms: float = 0.0
    wrong: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """As many inputs as promised, or `count` for the hub and the readers each; `case` is one batch, as `hub/17`."""
    total = {name: Tally(name) for name in TARGETS}
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as cores:
        works = [cores.submit(kept, CASES)] if not order.case else []
        works += [cores.submit(batch, name, seed, count) for name, seed, count in _batches(order)]
        works += [] if order.case else [cores.submit(guesses, order.seed, min(order.count // GUESSED, GUESSES) or GUESSES)]
        for number, done in enumerate(as_completed(works), 1):
            for tally in done.result():
                _add(total[tally.target], tally, order.told)
            if number % 100 == 0:
                order.told(f"{sum(sum(tally.fates.values()) for tally in total.values()):,} inputs")
    used = [tally for tally in total.values() if tally.fates]
    injected = {NAMES[tally.target]: sum(tally.fates.values()) for tally in used}
    proved = [f"{NAMES[one.target]}: {_said(one.fates)}; the worst took {one.worst_ms:.1f} ms" for one in used]
    return Result("fuzz", injected, proved, [sentence for tally in total.values() for sentence in tally.wrong])


def _batches(order: Order) -> Iterator[tuple[str, int, int]]:
    """Target, seed and number of inputs of each batch."""
    if order.case:
        name, seed = order.case.split("/")
        yield name, int(seed), BATCH
        return
    for name, promised in PROMISED.items():
        count = order.count * promised // PROMISED["hub"] if order.count else promised
        for place in range(0, count, BATCH):
            yield name, order.seed * 1_000_000 + place // BATCH, min(BATCH, count - place)


def _add(total: Tally, more: Tally, told: Callable[[str], None]) -> None:
    total.fates += more.fates
    total.worst_ms = max(total.worst_ms, more.worst_ms)
    total.wrong += more.wrong
    for sentence in more.wrong:
        told(sentence)


def _said(fates: Counter[str]) -> str:
    return ", ".join(f"{count:,} {fate}" for fate, count in fates.most_common())


# --- one process ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Trial:
    """A fresh target of this name; what fails is kept as a case below `cases`."""

    name: str
    cases: Path
    ward: Ward
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        self.target = TARGETS[self.name](self.ward)


def kept(cases: Path = CASES) -> list[Tally]:
    """Every input that ever failed, each at a fresh target."""
    tallies = {name: Tally(name) for name in TARGETS}
    with inside() as ward:
        for path in sorted(cases.glob("*/*")):
            name = path.parent.name
            attempt(tallies[name], Trial(name, cases, ward), bytes.fromhex(path.read_text()), "a kept case")
    return list(tallies.values())


def batch(name: str, seed: int, count: int, cases: Path = CASES) -> list[Tally]:
    """Inputs by chance, one after the other at one target."""
    tally, luck = Tally(name), Random(seed)
    with inside() as ward:
        trial = Trial(name, cases, ward)
        for _ in range(count):
            if not attempt(tally, trial, trial.target.make(luck), f"--case {name}/{seed}"):
                trial = Trial(name, cases, ward)
        try:
            trial.target.check()
        except Exception as error:  # whatever it is, it is what was looked for
            log.exception("%s: afterwards", name)
            tally.wrong.append(f"{name}: afterwards: {error!r} (--case {name}/{seed})")
    return [tally]


def guesses(seed: int, count: int, cases: Path = CASES) -> list[Tally]:
    """Messages by hypothesis, each at a fresh hub; it makes a failing one as small as it can."""
    tally = Tally("hub")

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, derandomize=False, phases=PHASES, suppress_health_check=ANY)
    @hypothesis.given(st.sampled_from(DEVICES), st.sampled_from(sorted(set(KINDS))).flatmap(_guess))
    def one(device: str, guess: tuple[str, Tree]) -> None:
        kind, tree = guess
        given = f"{topics.PREFIX}/{device}/{kind}\n".encode() + msgspec.json.encode(tree)
        assert attempt(tally, Trial("hub", cases, ward), given, "by hypothesis")

    with inside() as ward:
        try:
            one()
        except AssertionError:
            tally.wrong = tally.wrong[-1:]  # the smallest
    return [tally]


@contextmanager
def inside() -> Iterator[Ward]:
    """What hub and device would log as a defect of their own is told; and where they would end themselves, they raise."""
    ward = Ward()
    listening = QueueHandler(ward.told)
    listening.addFilter(lambda record: bool(record.exc_info))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "_exit", _ended)
        for program in (logging.getLogger("hub"), logging.getLogger("edge")):
            patch.setattr(program, "handlers", [listening])
            patch.setattr(program, "level", logging.ERROR)
            patch.setattr(program, "propagate", False)
        logging.root.manager._clear_cache()  # type: ignore[attr-defined]
        yield ward
    ward.loop.close()
    logging.root.manager._clear_cache()  # type: ignore[attr-defined]


def _ended(status: int) -> None:
    raise BrokenError(f"the process ended itself with status {status}")


def _guess(kind: topics.Kind) -> st.SearchStrategy[tuple[str, Tree]]:
    names = [name for name in TREES if name.split("-")[0] == kind.value]
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(kind.value), _like(TREES[name])))


def _like(tree: Tree) -> st.SearchStrategy[Tree]:
    """A tree of this shape, in which now and then something is missing, repeated, or something else."""
    if isinstance(tree, dict):
        whole = {key: _like(value) for key, value in tree.items()}
        return st.fixed_dictionaries(whole) | st.fixed_dictionaries({}, optional=whole)
    if isinstance(tree, list) and tree:
        return st.just(tree) | st.lists(st.one_of([_like(value) for value in tree]), max_size=3)
    return st.one_of(*[st.just(tree)] * 9, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(LETTERS))


def attempt(tally: Tally, trial: Trial, given: bytes, where: str) -> bool:
    """One input; False when something is wrong with what became of it, which is said and kept."""
    since_ns = time.thread_time_ns()
    try:
        fate = trial.target.take(given)
    except Exception as error:  # whatever it is, it is what was looked for
        log.exception("%s: %r", trial.name, given[:120])
        return _failed(tally, trial, given, f"{error!r} ({where})")
    took_ms = (time.thread_time_ns() - since_ns) / 1e6
    if took_ms > WORST_MS:
        took_ms = min(_alone_ms(trial, given) for _ in range(AGAIN))
    tally.fates[fate] += 1
    tally.worst_ms = max(tally.worst_ms, took_ms)
    return took_ms <= WORST_MS or _failed(tally, trial, given, f"took {took_ms:.0f} ms ({where})")


def _alone_ms(trial: Trial, given: bytes) -> float:
    target = TARGETS[trial.name](trial.ward)
    since_ns = time.thread_time_ns()
    target.take(given)
    return (time.thread_time_ns() - since_ns) / 1e6


def _failed(tally: Tally, trial: Trial, given: bytes, sentence: str) -> bool:
    """Keep the input as a case, so that it is tried first from now on."""
    path = trial.cases / trial.name / hashlib.sha256(given).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(given.hex())
    tally.fates["failed"] += 1
    tally.wrong.append(f"{trial.name}: {sentence}: kept as cases/{trial.name}/{path.name}: {given[:120]!r}")
    return False
