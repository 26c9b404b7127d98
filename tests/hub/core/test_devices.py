"""Devices and their readers: named, set to a use, blocked, let in again."""

from dataclasses import replace

import pytest

from hub.core.devices import OFFICE, add_reader, change_reader, rename, renew, shut_out
from hub.core.facts import Refusal
from hub.core.school import Device, Reader, Rows, School, edited
from proto.messages import MAX_READERS, Direction, Use
from tests.schools import number, small_school

DOOR = next(iter(small_school().devices.values()))
READER = next(reader for reader in small_school().readers.values() if reader.device == DOOR.id)
SECOND = Reader(DOOR.id, "second", "Porte du fond", Use.STUDY, Direction.OUT)


def done(rows: Rows | Refusal) -> School:
    assert not isinstance(rows, Refusal), rows
    return edited(small_school(), rows)


def test_a_device_gets_a_name_and_a_place_and_keeps_all_else() -> None:
    found = done(rename(small_school(), DOOR.id, "Porte du préau", "à gauche de l’entrée")).devices[DOOR.id]
    assert found == replace(DOOR, name="Porte du préau", place="à gauche de l’entrée")


@pytest.mark.parametrize(("name", "code"), [("", "no_name"), ("12", "no_name"), ("x" * 81, "too_long")])
def test_a_name_that_says_nothing_is_refused(name: str, code: str) -> None:
    assert rename(small_school(), DOOR.id, name, "") == Refusal(code)


def test_two_devices_never_have_one_name_and_none_is_made_by_naming_it() -> None:
    other = next(device for device in small_school().devices.values() if device.id != DOOR.id)
    assert rename(small_school(), DOOR.id, other.name.upper(), "") == Refusal("name_taken")
    assert rename(small_school(), DOOR.id, DOOR.name, "x" * 81) == Refusal("too_long")
    assert rename(small_school(), "nobody", "Porte", "") == Refusal("no_such_device")


def test_a_reader_is_added_and_set_to_another_use() -> None:
    school = done(add_reader(small_school(), SECOND))
    assert school.readers[DOOR.id, "second"] == SECOND
    changed = change_reader(school, replace(SECOND, use=Use.CARE, door_ms=500))
    assert changed == (replace(SECOND, use=Use.CARE, door_ms=500),)


@pytest.mark.parametrize(
    ("reader", "code"),
    [
        (replace(SECOND, id="Deux"), "no_reader_id"),
        (replace(SECOND, id=""), "no_reader_id"),
        (replace(SECOND, id=READER.id), "reader_taken"),
        (replace(SECOND, name=READER.name), "name_taken"),
        (replace(SECOND, name=" "), "no_name"),
        (replace(SECOND, device="nobody"), "no_such_device"),
        (replace(SECOND, product=number("nothing")), "no_such_article"),
        (replace(SECOND, door_ms=20), "no_door_ms"),
        (replace(SECOND, door_ms=10_001), "no_door_ms"),
    ],
)
def test_a_reader_that_makes_no_sense_is_refused(reader: Reader, code: str) -> None:
    assert add_reader(small_school(), reader) == Refusal(code)


def test_a_reader_that_is_not_there_is_not_changed_and_a_device_has_sixteen_at_most() -> None:
    assert change_reader(small_school(), SECOND) == Refusal("no_such_reader")
    many = tuple(replace(SECOND, id=f"r{n}", name=f"Lecteur {n}x") for n in range(MAX_READERS))
    assert add_reader(edited(small_school(), many), SECOND) == Refusal("too_many_readers")


def test_a_blocked_device_is_let_in_again_with_another_password_only() -> None:
    blocked = done(shut_out(small_school(), DOOR.id))
    assert blocked.devices[DOOR.id] == replace(DOOR, blocked=OFFICE)
    clone = replace(DOOR, blocked="clone")
    assert shut_out(edited(small_school(), (clone,)), DOOR.id) == (clone,), "the first reason stays"
    assert renew(blocked, DOOR.id) == (Device(DOOR.id, DOOR.site, DOOR.name, DOOR.generation + 1),)
    assert shut_out(small_school(), "nobody") == renew(small_school(), "nobody") == Refusal("no_such_device")
