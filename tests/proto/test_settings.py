"""Settings files: what is wrong is named with file, line and key, and what to do about it."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from proto import settings
from proto.errors import SettingsError


class Pins(Struct, frozen=True, forbid_unknown_fields=True):
    ring: Annotated[int, Meta(ge=0, le=53)] = 0


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: Literal["hid", "line"]
    pins: Pins = Pins()


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    device: str
    broker: Broker
    readers: list[Reader] = []


GOOD = """\
# Who we are
device = "porte-1"

[broker]
host = "hub.local"
port = 1884

[[readers]]
id = "qr"
kind = "line"

[[readers]]
id = "hid"      # the till's
kind = "hid"
[readers.pins]
ring = 17
"""


def complaint(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        settings.parse(text, Device, "device.toml")
    return str(raised.value)


def test_a_good_file_is_read() -> None:
    read = settings.parse(GOOD, Device, "device.toml")
    assert read == Device("porte-1", Broker("hub.local", 1884), [Reader("qr", "line"), Reader("hid", "hid", Pins(17))])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('device = "porte-1"', 'device = "porte-1"\ndevcie = 1', "device.toml:3: unknown key `devcie`: remove it or correct its spelling"),
        ("port = 1884", "prot = 1884", "device.toml:6: unknown key `broker.prot`: remove it or correct its spelling"),
        (
            'kind = "hid"',
            'kind = "hid"\nlayuot = "fr"',
            "device.toml:15: unknown key `readers[1].layuot`: remove it or correct its spelling",
        ),
        ("ring = 17", "rign = 17", "device.toml:16: unknown key `readers[1].pins.rign`: remove it or correct its spelling"),
        ("[broker]", "[[lamps]]\nx = 1\n[broker]", "device.toml:4: unknown key `lamps`: remove it or correct its spelling"),
        ('device = "porte-1"', "device = 7", "device.toml:2: key `device`: Expected `str`, got `int`"),
        ("port = 1884", 'port = "1884"', "device.toml:6: key `broker.port`: Expected `int`, got `str`"),
        ("port = 1884", "port = 0", "device.toml:6: key `broker.port`: Expected `int` >= 1"),
        ('kind = "hid"', 'kind = "hidden"', "device.toml:14: key `readers[1].kind`: Invalid enum value 'hidden'"),
        ('id = "qr"', "id = 1", "device.toml:9: key `readers[0].id`: Expected `str`, got `int`"),
        ("ring = 17", "ring = 54", "device.toml:16: key `readers[1].pins.ring`: Expected `int` <= 53"),
        ('host = "hub.local"\n', "", "device.toml:4: key `host` is missing in `broker`: add it"),
        ('device = "porte-1"\n', "", "device.toml:1: key `device` is missing in the file: add it"),
        ('id = "hid"      # the till\'s\n', "", "device.toml:12: key `id` is missing in `readers[1]`: add it"),
        ("[readers.pins]\nring = 17", "pins = { ring = 17, rgb = 1 }", "device.toml:15: unknown key `readers[1].pins.rgb`"),
        ("[readers.pins]\nring = 17", "pins.ring = 54", "device.toml:15: key `readers[1].pins.ring`: Expected `int` <= 53"),
        ('"hub.local"\nport', '"hub.local"\n"port" = 1\nport', "device.toml: not TOML: Cannot overwrite a value (at line 7,"),
        ("port = 1884", "port =", "device.toml: not TOML: Invalid value (at line 6,"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_key(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert complaint(GOOD.replace(old, new)).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('device = "x"\nbroker = { host = "h", prot = 1 }', "device.toml:2: unknown key `broker.prot`"),
        ('device = "x"\nbroker.host = "h"\nbroker.port = 0', "device.toml:3: key `broker.port`"),
        ('device = "x"\nbroker = 3', "device.toml:2: key `broker`: Expected `object`, got `int`"),
        ('device = "x"\n[broker]\nhost = "h"\n[broker.tls]\nca = 1', "device.toml:4: unknown key `broker.tls`"),
        ('readers = [{ id = "a", kind = "hid" }, { id = 2, kind = "hid" }]\ndevice = "x"', "device.toml:1: key `readers[1].id`"),
        (
            'device = "x"\nreaders = [\n  { id = "a", kind = "hid" },\n  { id = "{", kinds = 2 },\n]',
            "device.toml:4: unknown key `readers[1].kinds`",
        ),
        (
            'device = "x"\nreaders = [{ id = "]", kind = "hid" }, # {\n{ id = "b", kind = "hid", pins = {} },\n\n{ id = "c", kind = 2 }]',
            "device.toml:5: key `readers[2].kind`",
        ),
        (
            'device = "x"\nreaders = [\n  { id = "a", kind = "hid" },\n  7,\n]',
            "device.toml:2: key `readers[1]`: Expected `object`, got `int`",
        ),
        ('device = "x"\nreaders = 7\n# [{', "device.toml:2: key `readers`: Expected `array`, got `int`"),
        ("", "device.toml:1: key `device` is missing in the file: add it"),
    ],
)
def test_tables_in_one_line_and_dotted_keys_are_found_too(text: str, expected: str) -> None:
    assert complaint(text).startswith(expected)


@pytest.mark.parametrize("value", ["1" * 5_000, "[" * 5_000])
def test_a_value_beyond_the_limits_of_python_is_refused_in_a_sentence(value: str) -> None:
    assert complaint(f"device = {value}").startswith("device.toml: not TOML: ")
