"""The short form of `flips`: some bits of each folder, and that the check would see a hash that nobody looks at."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from hub.chain import Row, unpack
from hub.core.facts import Facts
from tests.faults import flips
from tests.faults.flips import Fate, Flip, Scene
from tests.faults.result import Order, complaints

SOME = 400
BODIES = 120
"""Bits of a file that lie in the facts of some row."""


def test_no_flipped_bit_of_a_journal_is_believed(tmp_path: Path) -> None:
    result = flips.inject(Order(1, tmp_path, print, count=SOME))
    assert complaints(result) == []
    assert sum(result.injected.values()) == SOME
    assert len(result.injected) == 4, "bits of files and logs, of a closed, a cut and a torn journal"
    assert len(result.proved) == 3, f"a fate was never met: {result.proved}"


def test_a_start_that_did_not_look_at_the_hashes_would_believe_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unseen(row: Row, before: Row | None) -> Facts:
        return unpack(row) if before else ()

    (closed, *_) = asyncio.run(flips.scenes(tmp_path / "scenes"))
    monkeypatch.setattr("hub.journal.verified", unseen)
    tally = flips.examine([closed], _in_a_body(closed), tmp_path)
    assert tally.fates[Fate.BELIEVED]
    assert len(tally.wrong) == tally.fates[Fate.BELIEVED], "each is told, with the case that shows it again"


def _in_a_body(scene: Scene) -> list[Flip]:
    """Bits of digits: what JSON reads as another number, and SQLite as the same row."""
    content = scene.files["journal.db"]
    digits = [place for place, byte in enumerate(content) if chr(byte).isdecimal()]
    return [Flip(scene.name, "journal.db", place * 8) for place in Random(1).sample(digits, BODIES)]
