"""From a reader's settings to a running reader. A device without keyboards never loads evdev, one without ports never pyserial."""

from collections.abc import Callable
from functools import partial

from edge.events import Layout
from edge.readers.framing import IDLE_MS, KeyFraming, LineFraming, TagFraming, line_idle_ms
from edge.readers.keytables import LAYOUTS
from edge.readers.reading import Put, Reader, Stamp, ThreadReader
from edge.settings import ReaderSettings


def calibrated(settings: ReaderSettings, kept: Callable[[str], bytes | None]) -> Layout:
    """How a keyboard scanner starts: with the settings' own key table, else with the one that calibration found, else "us".

    `kept` is the card's (Outbox.kept). What another version kept and this one does not know is as good as nothing.
    """
    layout = (kept(f"layout-{settings.id}") or b"").decode() if settings.layout == "auto" else settings.layout
    idle_ms = kept(f"idle_ms-{settings.id}") or b""
    return Layout(layout if layout in LAYOUTS else "us", int(idle_ms) if idle_ms.isdigit() else IDLE_MS)


def open_reader(settings: ReaderSettings, learned: Layout, put: Put, stamp: Stamp) -> Reader:
    """The reader of these settings, not started yet; `learned` is for keyboards."""
    if settings.kind == "hid":
        from edge.readers import hid

        keys = KeyFraming(learned.layout, learned.idle_ms)
        return ThreadReader(settings.id, partial(hid.open_source, settings.path, keys), keys, put, stamp)
    from edge.readers import serial

    framing = LineFraming(line_idle_ms(settings.baud)) if settings.kind == "line" else TagFraming()
    return ThreadReader(settings.id, partial(serial.open_source, settings.path, settings.baud, framing), framing, put, stamp)
