"""Planted bugs in short: the quickest are found, an edit without meaning is not, and nothing counts as planted that is not."""

import sys
from pathlib import Path

import pytest

from tests.sim.mutants import Found, hunts
from tests.sim.planted import NAMED, counters, every_bug
from tests.sim.planting import Bug, Edit, Planter, PlantingError, changed_source, plant

ROOT = Path(__file__).resolve().parents[2]
QUICKEST = (
    "a light before the card has the scan",
    "a late verdict lights a lamp",
    "numbers begin again after a restart",
    "a verdict leaves before the commit",
    "a decision writes the books",
    "a hold that has expired still counts",
    "a hub that comes is not asked first",
    "the other household pays in its weeks off",
    "a planned child counted present is charged twice when it scans",
    "a file counts for what was before it",
)
SHORT_CPU_S = 4.0
AS_IT_IS = Edit("edge.policy", "rows = known.rows", "rows = known.rows")


def test_the_quickest_planted_bugs_are_found_and_an_edit_without_meaning_is_not() -> None:
    harmless = [name for name, bug in every_bug().items() if bug.harmless]
    found = list(hunts([*QUICKEST, *harmless], SHORT_CPU_S))
    assert len(found) == len(QUICKEST) + len(harmless)
    assert [one for one in found if not one.good] == []


def test_a_bug_that_is_not_found_and_a_complaint_about_nothing_are_both_bad() -> None:
    bug, harmless = QUICKEST[0], next(name for name, one in every_bug().items() if one.harmless)
    assert not Found(bug).good
    assert not Found(bug, "complained of", error="the hunt ended with 1").good
    assert not Found(harmless, "complained of").good
    assert Found(bug, "complained of").good
    assert Found(harmless).good


@pytest.mark.parametrize("name", every_bug())
def test_each_bug_is_an_edit_of_the_code_as_it_is(name: str) -> None:
    bug = every_bug()[name]
    for room in {edit.room for edit in bug.edits}:
        path = ROOT / f"{room.replace('.', '/')}.py"
        source = path.read_text(encoding="utf-8")
        changed = changed_source(source, [edit for edit in bug.edits if edit.room == room])
        compile(changed, path, "exec")
        assert changed != source


def test_each_of_the_twenty_that_are_named_is_planted_or_a_test_of_its_own() -> None:
    assert len(NAMED) == 20
    for name, here in NAMED.items():
        path, _, test = here.partition("::")
        found = f"def {test}" in (ROOT / path).read_text(encoding="utf-8") if test else here in every_bug()
        assert found, f"{name}: {here} is not there"


def test_at_least_25_bugs_are_planted_and_10_of_them_at_the_counters() -> None:
    assert sum(not bug.harmless for bug in every_bug().values()) >= 25
    assert len(counters.BUGS) >= 10


@pytest.mark.parametrize("source", ["nothing of the kind", "rows = known.rows\nrows = known.rows"])
def test_a_text_that_does_not_stand_there_exactly_once_is_refused(source: str) -> None:
    with pytest.raises(PlantingError, match="stands there"):
        changed_source(source, [Edit("edge.policy", "rows = known.rows", "rows = ()")])


def test_an_edit_that_changes_nothing_is_refused() -> None:
    with pytest.raises(PlantingError, match="not changed"):
        changed_source("rows = known.rows", [AS_IT_IS])


def test_a_room_that_is_imported_already_is_refused() -> None:
    assert "tests.sim.planting" in sys.modules
    with pytest.raises(PlantingError, match="imported already"):
        plant(Bug("too late", (Edit("tests.sim.planting", "a", "b"),)))


def test_a_room_that_nobody_imports_is_told() -> None:
    with pytest.raises(PlantingError, match="nobody imported"):
        Planter({"edge.policy": [AS_IT_IS]}).check()
