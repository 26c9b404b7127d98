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
    items.sort(key=lambda item: item.path.parent.name not in LONG)
