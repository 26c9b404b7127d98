"""Devices and their readers as edits of what is set up: names and places, what each reader is for, blocking and letting in again.

Each returns the rows to write, or a refusal. A device keeps its site: its scans, doors and tills belong there. A reader is never
taken away: scans name it.
"""

import re
from dataclasses import replace

from hub.core.facts import Refusal
from hub.core.lists import MAX_NAME, fold
from hub.core.school import Reader, Rows, School
from proto.messages import MAX_PULSE_MS, MAX_READERS, MIN_PULSE_MS, READER

OFFICE = "office"
"""Why the hub does not listen to a device: somebody at the office said so."""
_READER = re.compile(READER)


def rename(school: School, device: str, name: str, place: str) -> Rows | Refusal:
    """Another name, or where it hangs."""
    found = school.devices.get(device)
    if found is None:
        return Refusal("no_such_device")
    others = [other.name for other in school.devices.values() if other.id != device]
    return _named(name, others) or (Refusal("too_long") if len(place) > MAX_NAME else (replace(found, name=name, place=place),))


def add_reader(school: School, reader: Reader) -> Rows | Refusal:
    """A further reader. Its id is the one in the device's own settings file."""
    if not _READER.fullmatch(reader.id):
        return Refusal("no_reader_id")
    if (reader.device, reader.id) in school.readers:
        return Refusal("reader_taken")
    mine = [other for other in school.readers.values() if other.device == reader.device]
    return Refusal("too_many_readers") if len(mine) >= MAX_READERS else _reader(school, reader)


def change_reader(school: School, reader: Reader) -> Rows | Refusal:
    """Another name, use, direction, product or door."""
    return _reader(school, reader) if (reader.device, reader.id) in school.readers else Refusal("no_such_reader")


def shut_out(school: School, device: str) -> Rows | Refusal:
    """The hub does not listen to it any more: stolen, lent, broken."""
    found = school.devices.get(device)
    return Refusal("no_such_device") if found is None else (replace(found, blocked=found.blocked or OFFICE),)


def renew(school: School, device: str) -> Rows | Refusal:
    """A new password: the old one and any block end. What was shown of the old one is worth nothing."""
    found = school.devices.get(device)
    return Refusal("no_such_device") if found is None else (replace(found, generation=found.generation + 1, blocked=""),)


def _reader(school: School, reader: Reader) -> Rows | Refusal:
    device = school.devices.get(reader.device)
    if device is None:
        return Refusal("no_such_device")
    others = [other.name for other in school.readers.values() if other.device == device.id and other.id != reader.id]
    product = school.products.get(reader.product)
    if reader.product and (product is None or product.site != device.site):
        return Refusal("no_such_article")
    if reader.door_ms and not MIN_PULSE_MS <= reader.door_ms <= MAX_PULSE_MS:
        return Refusal("no_door_ms")
    return _named(reader.name, others) or (reader,)


def _named(name: str, others: list[str]) -> Refusal | None:
    if not any(letter.isalpha() for letter in name):
        return Refusal("no_name")
    if len(name) > MAX_NAME:
        return Refusal("too_long")
    return Refusal("name_taken") if fold(name) in map(fold, others) else None
