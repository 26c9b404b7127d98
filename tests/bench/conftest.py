"""What the tests of the stopwatch share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory(prefix="preau-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
