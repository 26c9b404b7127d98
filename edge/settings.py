"""The device's own settings: who it is, where the broker is, what is plugged in where. Read once at start, frozen.

What a reader is *for* is the hub's to say (proto.messages.DeviceConfig). An unknown or wrong key stops the start with its name and line.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.errors import StartError
from proto.errors import SettingsError
from proto.messages import MAX_READERS, DeviceId, ReaderId
from proto.settings import Line, Written, parse

Pin = Annotated[int, Meta(ge=0, le=53)]
"""A BCM number. Lines 0 to 8 are pulled up at reset: a relay belongs on 9 or above (edge.md, section 4)."""


BAUD = 9600
"""What serial scanners and tag readers are sold with; USB ones read at any."""


class BrokerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    host: Written
    password: Written
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883


class ReaderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One reader. `path` is a port (`/dev/input/by-path/…`, `/dev/serial/by-path/…`), never a number that changes."""

    id: ReaderId
    kind: Literal["hid", "line", "rdm6300"]
    path: Written
    baud: Annotated[int, Meta(ge=300, le=3_000_000)] = BAUD
    layout: Literal["auto", "us", "fr", "be", "de"] = "auto"
    """Key table of a HID scanner. `auto`: what calibration found, else us (badge codes need no table)."""
    door_pin: Pin | None = None
    door_active_high: bool = True


class OutputSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lamps and buzzer. `pins`: lgpio on a Pi, mock for tests and the demo, none for a device without lamps."""

    pins: Literal["lgpio", "mock", "none"] = "none"
    ring: Pin | None = None
    accepted: Pin | None = None
    look: Pin | None = None
    adult: Pin | None = None
    buzzer: Pin | None = None
    trace: Line = ""
    """File to which each pattern shown and each door pulse is appended as a JSON line (demo, `make day`); empty: none."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    device: DeviceId
    data: Written
    broker: BrokerSettings
    readers: Annotated[list[ReaderSettings], Meta(min_length=1, max_length=MAX_READERS)]
    outputs: OutputSettings = OutputSettings()


def load(path: Path) -> Settings:
    """The settings in a file. Raises StartError with file, line and key."""
    try:
        settings = parse(path.read_text(encoding="utf-8"), Settings, str(path))
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StartError(f"{path}: is no text in UTF-8: save it as that") from error
    except SettingsError as error:
        raise StartError(str(error)) from error
    ids = [reader.id for reader in settings.readers]
    if len(set(ids)) != len(ids):
        raise StartError(f"{path}: key `readers`: two readers have the same `id`: give each its own")
    return settings
