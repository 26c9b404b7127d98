"""What every test gets: examples that are the same on every machine and every run."""

import hypothesis
import pytest

pytest_plugins = ["tests.brokers"]


def pytest_configure() -> None:
    # A slow machine is no defect, and a failure somebody saw must be the failure the next one sees.
    hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("house")


LONG = ("demo", "faults", "sim", "machine", "journey", "bench")
"""Rooms whose files take minutes: two workers begin with them, so that none of them is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """The long rooms, then what takes half a minute in a browser, then what is over at once."""
    return 0 if item.path.parent.name in LONG else 1 if item.path.stem.endswith("_browser") else 2
