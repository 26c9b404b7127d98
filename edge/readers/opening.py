"""From a reader's settings to a running reader. A device without keyboards never loads evdev, one without ports never pyserial."""

from functools import partial

from edge.readers.framing import KeyFraming, LineFraming, TagFraming, line_idle_ms
from edge.readers.reading import Put, Reader, Stamp, ThreadReader
from edge.settings import ReaderSettings


def open_reader(settings: ReaderSettings, layout: str, put: Put, stamp: Stamp) -> Reader:
    """The reader of these settings, not started yet.

    `layout` is the key table it starts with: the settings' own, or for `auto` what calibration found, else "us".
    """
    if settings.kind == "hid":
        from edge.readers import hid

        keys = KeyFraming(layout)
        return ThreadReader(settings.id, partial(hid.open_source, settings.path, keys), keys, put, stamp)
    from edge.readers import serial

    framing = LineFraming(line_idle_ms(settings.baud)) if settings.kind == "line" else TagFraming()
    return ThreadReader(settings.id, partial(serial.open_source, settings.path, settings.baud, framing), framing, put, stamp)
