"""Some rubbish of `make faults` for every target, and for each thing that is looked for a planted defect that is found."""

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import pytest

from edge.loop import Loop
from edge.readers.framing import LineFraming
from hub.core import lists
from hub.core.books import Books
from hub.link import Link
from tests.faults import fuzz, guided
from tests.faults.hubend import HubTarget
from tests.faults.readings import ReaderTarget
from tests.faults.result import Order, complaints

FEW = 4_000


def test_some_rubbish_for_everything_breaks_nothing(tmp_path: Path) -> None:
    result = fuzz.inject(Order(1, tmp_path, lambda _line: None, FEW))
    assert complaints(result) == []
    assert set(result.injected) == set(fuzz.NAMES.values())
    assert result.injected["messages to the hub"] >= FEW
    assert result.injected["reader inputs"] >= FEW


def test_a_batch_is_played_again_by_its_name(tmp_path: Path) -> None:
    result = fuzz.inject(Order(1, tmp_path, lambda _line: None, case="files/3"))
    assert result.injected == {"files": fuzz.BATCH}


def test_rubbish_reaches_the_rules_and_the_money() -> None:
    """Else the books would be right about nothing."""
    with fuzz.inside() as ward:
        target, luck = HubTarget(ward), Random(1)
        fates = [target.take(target.make(luck)) for _ in range(2_000)]
        target.check()
    assert fates.count("taken") > 200
    assert len(target._desk.books.asks) > 100
    assert target._desk.books.charges
    assert target._desk.books.unresolved
    assert {"not_json", "wrong_shape", "wrong_version", "retained", "too_long"} <= {*fates, "too_long"}


def test_every_framing_reads_and_refuses() -> None:
    with fuzz.inside() as ward:
        target, luck = ReaderTarget(ward), Random(1)
        fates = {target.take(target.make(luck)) for _ in range(600)}
    assert {"read", "partial", "malformed", "void", "overlong", "checksum", "nothing found"} == fates


# --- planted defects ------------------------------------------------------------------------------


def raising(*_arguments: Any, **_named: Any) -> None:
    raise KeyError("planted")


def forgetful(heard: Callable[..., str | None]) -> Callable[..., str | None]:
    """Drops what has the wrong shape, and does not count it."""

    def forgets(*arguments: Any, **named: Any) -> str | None:
        reason = heard(*arguments, **named)
        return None if reason == "wrong_shape" else reason

    return forgets


PLANTED = [
    ("hub", Link, "_health", raising, "KeyError('planted')"),
    ("hub", Link, "_heard", forgetful(Link._heard), "counted"),
    ("hub", Link, "_done", raising, "somebody inside failed"),
    ("hub", Books, "apply", raising, "the process ended itself with status 1"),
    ("edge", Loop, "_answer", raising, "KeyError('planted')"),
    ("readers", LineFraming, "idle", lambda *_: [], "a pause ends nothing"),
    ("readers", LineFraming, "void", lambda *_: [], "after it a good scan was read as"),
    ("files", lists, "read_cents", raising, "KeyError"),
]


@pytest.mark.parametrize(("target", "owner", "name", "planted", "said"), PLANTED)
def test_a_planted_defect_is_found_and_kept(
    target: str, owner: Any, name: str, planted: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, planted)
    (tally,) = fuzz.batch(target, 1, 300, tmp_path)
    assert any(said in sentence for sentence in tally.wrong), tally.wrong
    (again,) = [one for one in fuzz.kept(tmp_path) if one.target == target]
    assert again.wrong, "what failed once is tried first from then on"
    monkeypatch.undo()
    assert not [sentence for one in fuzz.kept(tmp_path) for sentence in one.wrong], "and holds once it is mended"


def test_books_that_are_not_what_was_written_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, seen = Books.apply, iter(range(10**9))
    monkeypatch.setattr(Books, "apply", lambda books, fact: apply(books, fact) if next(seen) % 40 else None)
    (tally,) = fuzz.batch("hub", 1, 800, tmp_path)
    assert tally.wrong


def test_what_hypothesis_finds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link, "receive", raising)
    monkeypatch.setattr(fuzz, "PHASES", (hypothesis.Phase.generate,))  # to make it small takes a minute
    (tally,) = fuzz.guesses(1, 5, tmp_path)
    assert len(tally.wrong) == 1
    assert "KeyError('planted')" in tally.wrong[0]


def test_what_takes_long_is_found_when_it_takes_long_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "WORST_MS", 0.001)
    (tally,) = fuzz.batch("readers", 1, 5, tmp_path)
    assert len(tally.wrong) == 5
    assert all("took" in sentence for sentence in tally.wrong)


ATHERIS = """
import sys
from contextlib import contextmanager

@contextmanager
def instrument_imports(include):
    yield

def Setup(arguments, one):
    globals()["one"] = one

def Fuzz():
    for number in range(3):
        one(bytes([number]))
    {then}
    print("Done 3 runs in 0 second(s)", file=sys.stderr)
"""
"""As much of it as is used here."""


@pytest.mark.parametrize(("then", "said"), [("", []), ("raise AssertionError('planted')", ["planted", "no inputs guided", "nothing"])])
def test_what_atheris_finds_is_told(then: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "atheris.py").write_text(ATHERIS.format(then=then))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(guided, "TARGETS", ("readers",))
    result = guided.inject(Order(1, tmp_path, lambda _line: None))
    found = complaints(result)
    assert result.injected == {"inputs guided through readers": 0 if then else 3}
    assert len(found) == len(said)
    assert all(any(word in sentence for sentence in found) for word in said)


def test_without_atheris_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "not installed" in guided.inject(Order(1, Path(), lambda _line: None)).skipped
    assert guided.main(["hub"]) == 0
    assert "SKIPPED: atheris is not installed" in capsys.readouterr().err
