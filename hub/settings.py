"""The hub's own settings: where its data is, which broker, where the pages are. Read once at start, frozen.

What is set up in the school is the register's (register.py). An unknown or wrong key stops the start with its name and line.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hub.addresses import Sender, read_address
from hub.errors import StartError
from proto.errors import SettingsError
from proto.settings import Line, Written, parse

Port = Annotated[int, Meta(ge=1, le=65_535)]
_HERE = ("localhost", "127.0.0.1", "::1")


def _refuse_strange(host: str) -> None:
    """Raises ValueError for what cannot be a host name: asked to listen there, Python would say that with an error of its own."""
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"`host`: `{host}` cannot be a host name") from error


class HubSettings(Struct, frozen=True, forbid_unknown_fields=True):
    data: Written


class BrokerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`embedded`: the hub starts nats-server and listens on host and port. `mosquitto`: it runs there already."""

    kind: Literal["embedded", "mosquitto"] = "embedded"
    host: Written = "127.0.0.1"
    port: Port = 1883

    def __post_init__(self) -> None:
        _refuse_strange(self.host)


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: how browsers reach the pages, where that is not host and port; one that begins with https binds cookies to it."""

    host: Written = "127.0.0.1"
    port: Port = 8080
    url: Annotated[str, Meta(pattern=r"\A(https?://[^\s\x00-\x1f\x7f]+)?\Z")] = ""
    language: Literal["fr", "nl", "de", "en"] = "fr"

    def __post_init__(self) -> None:
        _refuse_strange(self.host)

    @property
    def over_https(self) -> bool:
        return self.url.startswith("https://")


class MailSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The server that takes the school's letters, and from whom they are. Its certificate is always checked.

    `tls`: `starttls` (usually port 587), `tls` from the first byte (usually 465), `none` only for a server on this very machine.
    `ca_file`: an authority that is trusted beside the system's. `password_file` keeps the password out of this file.
    """

    server: Written
    sender: Written
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Line = ""
    user: Line = ""
    password: Line = ""
    password_file: Line = ""
    reply_to: Line = ""

    def __post_init__(self) -> None:
        for key, written in (("sender", self.sender), ("reply_to", self.reply_to or self.sender)):
            if read_address(written) is None:
                raise ValueError(f"`{key}`: `{written}` is not a mail address")
        if self.tls == "none" and self.server not in _HERE:
            raise ValueError(f'`tls`: letters tell who is short of money: "none" is for a server on this machine ({", ".join(_HERE)})')
        if bool(self.user) != bool(self.password or self.password_file) or (self.password and self.password_file):
            raise ValueError("`user` needs one password, and a password needs a user: give `password` or `password_file`")


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
    mail: MailSettings | None = None
    """None: no letter is sent."""


def mail_sender(mail: MailSettings) -> Sender:
    """From whom letters are."""
    address = read_address(mail.sender)
    assert address is not None, "it was read when the settings were"
    return Sender(address, read_address(mail.reply_to))


def mail_password(mail: MailSettings) -> str:
    """What the hub signs in to the mail server with; empty when it does not. Raises StartError for a file that cannot be read."""
    if not mail.password_file:
        return mail.password
    try:
        return Path(mail.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"key `mail.password_file`: {mail.password_file} cannot be read: {error}") from error


def load(path: Path) -> Settings:
    """The settings in a file. Raises StartError with file, line and key."""
    try:
        return parse(path.read_text(encoding="utf-8"), Settings, str(path))
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StartError(f"{path}: is no text in UTF-8: save it as that") from error
    except SettingsError as error:
        raise StartError(str(error)) from error
