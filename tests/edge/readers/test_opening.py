"""What a reader is opened with: its settings, and what the card remembers of its calibration."""

from contextlib import closing
from pathlib import Path

from edge.events import Layout, ReadIn
from edge.loop import Loop, Parts
from edge.outbox import SqliteOutbox
from edge.readers.framing import IDLE_MS
from edge.readers.opening import calibrated
from edge.settings import ReaderSettings
from tests.fakes import INC, NOON_MS, Clock, Lamps, MemoryOutbox, Wire, vitals

LEFT_OPEN = ReaderSettings(id="till", kind="hid", path="/nowhere")
BY_HAND = ReaderSettings(id="till", kind="hid", path="/nowhere", layout="de")


def calibrate(folder: Path, found: Layout) -> None:
    """One life of a device in which the till's scanner is shown the calibration code."""
    with closing(SqliteOutbox(folder, lambda: NOON_MS)) as card:
        loop, clock = Loop(INC, {"till": "hid"}), Clock()
        parts = Parts(card, Lamps(), Wire(), clock, vitals, bool, print, "1.0")
        loop.begin(parts)
        loop.turn(parts, ReadIn("till", found, clock.now(), "a" * 16))


def test_after_a_restart_a_scanner_is_still_calibrated(tmp_path: Path) -> None:
    """Its key table, where the settings leave it open, and how slowly it types."""
    calibrate(tmp_path, Layout("be", 160))
    calibrate(tmp_path, Layout("fr", 240))
    with closing(SqliteOutbox(tmp_path, lambda: NOON_MS)) as card:
        assert calibrated(LEFT_OPEN, card.kept) == Layout("fr", 240)
        assert calibrated(BY_HAND, card.kept) == Layout("de", 240)


def test_a_scanner_that_was_never_calibrated_starts_as_it_is_sold() -> None:
    assert calibrated(LEFT_OPEN, MemoryOutbox().kept) == Layout("us", IDLE_MS)
    assert calibrated(BY_HAND, MemoryOutbox().kept) == Layout("de", IDLE_MS)


def test_what_another_version_kept_of_a_calibration_stops_no_reader() -> None:
    card = MemoryOutbox(values={"layout-till": b"dvorak", "idle_ms-till": b"a quarter of a second"})
    assert calibrated(LEFT_OPEN, card.kept) == Layout("us", IDLE_MS)
