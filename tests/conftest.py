"""What every test gets: examples that are the same on every machine and every run."""

import hypothesis

pytest_plugins = ["tests.brokers"]


def pytest_configure() -> None:
    # A slow machine is no defect, and a failure somebody saw must be the failure the next one sees.
    hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("house")
