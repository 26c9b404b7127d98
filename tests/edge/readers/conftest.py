"""A desk to which readers report, and readers that are stopped whatever happens."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.events import Layout
from edge.readers import opening
from edge.readers.framing import IDLE_MS
from edge.settings import ReaderSettings
from tests.edge.readers.scanner import Listener, stamp

Plug = Callable[..., None]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def listen(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Starts a reader on a path. A scan ends by a pause of `pause_ms`, so that a busy machine makes none; None: as sold."""
    readers = []

    def start(path: Path, kind: str, name: str = "door", pause_ms: int | None = 5_000) -> None:
        with monkeypatch.context() as patch:
            if pause_ms is not None:
                patch.setattr(opening, "line_idle_ms", lambda _baud: pause_ms)
            settings = ReaderSettings(id=name, kind=kind, path=str(path))  # type: ignore[arg-type]
            readers.append(opening.open_reader(settings, Layout("us", pause_ms or IDLE_MS), listener.put, stamp))
        readers[-1].start()

    yield start
    for reader in readers:
        reader.stop()
