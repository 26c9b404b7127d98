"""What every trip begins with: a school that was set up once, through the real commands."""

import pytest

from tests.journey.place import SetUp, set_up


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    return set_up(tmp_path_factory.mktemp("school"))
