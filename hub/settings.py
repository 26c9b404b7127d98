"""The hub's own settings: where its data is, which broker, where the pages are. Read once at start, frozen.

What is set up in the school is the register's (register.py). An unknown or wrong key stops the start with its name and line.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hub.errors import StartError
from proto.errors import SettingsError
from proto.settings import parse

Port = Annotated[int, Meta(ge=1, le=65_535)]


class HubSettings(Struct, frozen=True, forbid_unknown_fields=True):
    data: str


class BrokerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`embedded`: the hub starts nats-server and listens on host and port. `mosquitto`: it runs there already."""

    kind: Literal["embedded", "mosquitto"] = "embedded"
    host: str = "127.0.0.1"
    port: Port = 1883


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: how browsers reach the pages, where that is not host and port; one that begins with https binds cookies to it."""

    host: str = "127.0.0.1"
    port: Port = 8080
    url: str = ""
    language: Literal["fr", "en"] = "fr"

    @property
    def over_https(self) -> bool:
        return self.url.startswith("https://")


class ClockSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For exercises: a day that begins with `start_ms` (Unix ms; 0: the machine's clock counts) and runs `speed` times as fast.

    `since_ms`: when it began, by the machine's clock (0: when the hub starts), so that a hub started again goes on in the same day.
    """

    speed: Annotated[float, Meta(ge=1, le=10_000)] = 1.0
    start_ms: Annotated[int, Meta(ge=0)] = 0
    since_ms: Annotated[int, Meta(ge=0)] = 0


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    hub: HubSettings
    broker: BrokerSettings = BrokerSettings()
    web: WebSettings = WebSettings()
    clock: ClockSettings = ClockSettings()


def load(path: Path) -> Settings:
    """The settings in a file. Raises StartError with file, line and key."""
    try:
        return parse(path.read_text(encoding="utf-8"), Settings, str(path))
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from error
    except SettingsError as error:
        raise StartError(str(error)) from error
