"""How a bug is planted: a text of the real source is replaced at its import, in a process of its own. It knows no bug and no world.

An edit whose text is not found exactly once, or whose room nobody imports, raises: a planted bug can never silently be none.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class PlantingError(Exception):
    """The bug could not be planted as it is told."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In this room (`edge.station`) stands `old`, once; there `new` shall stand."""

    room: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Bug:
    """`name` says what is wrong, in words of the school. Several edits where one alone meets a second line of defence."""

    name: str
    edits: tuple[Edit, ...]
    harmless: bool = False
    """Whether the code means the same afterwards: then the world must not complain."""


@dataclass(slots=True)
class Planter:
    """Stands in front of the finders of `sys.meta_path`, and gives the rooms of its bug their changed source."""

    edits: dict[str, list[Edit]]
    planted: set[str] = field(default_factory=set)

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """The import system asks here first; None for every room without an edit."""
        spec = PathFinder.find_spec(name, path) if name in self.edits else None
        if spec is None:
            return None
        assert isinstance(spec.loader, InspectLoader), f"{name} has no source"
        source = spec.loader.get_source(name)
        assert source is not None, f"{name} has no source"
        loader = PlantedLoader(self, changed_source(source, self.edits[name]), spec.origin or name)
        changed = ModuleSpec(name, loader, origin=spec.origin)  # type: ignore[arg-type] # a loader needs no ancestor
        changed.has_location = True
        return changed

    def check(self) -> None:
        """Whether everything was planted that is told. Raises PlantingError."""
        missing = set(self.edits) - self.planted
        if missing:
            raise PlantingError(f"nobody imported {', '.join(sorted(missing))}: nothing is planted there")


@dataclass(frozen=True, slots=True)
class PlantedLoader:
    """Runs the changed source in place of the file's."""

    planter: Planter
    source: str
    path: str

    def create_module(self, _spec: ModuleSpec) -> None:
        """A module as any other."""

    def exec_module(self, module: ModuleType) -> None:
        """Import it."""
        exec(compile(self.source, self.path, "exec"), module.__dict__)
        self.planter.planted.add(module.__name__)


def plant(bug: Bug) -> Planter:
    """From now on the rooms of this bug are imported with it. Raises PlantingError where one is imported already."""
    edits: dict[str, list[Edit]] = defaultdict(list)
    for edit in bug.edits:
        edits[edit.room].append(edit)
    early = sorted(set(edits) & set(sys.modules))
    if early:
        raise PlantingError(f"{', '.join(early)} is imported already: nothing can be planted there")
    planter = Planter(dict(edits))
    sys.meta_path.insert(0, planter)
    return planter


def changed_source(source: str, edits: Sequence[Edit]) -> str:
    """The source with every edit made, each in the text as it was. Raises PlantingError unless each `old` stands there exactly once."""
    for edit in edits:
        count = source.count(edit.old)
        if count != 1 or edit.old == edit.new:
            raise PlantingError(f"{edit.room}: this text stands there {count} times, not once, or is not changed: {edit.old!r}")
        source = source.replace(edit.old, edit.new)
    return source
