"""What `make hil` is made of, as far as it can be checked without booting anything: these run in `make test`."""

import json
import lzma
import socket

import pytest

from edge.readers.keytables import character
from tests.hil import image, kernel, machine
from tests.hil.guest import hardware
from tests.hil.machine import GuestError, Lines

LETTER_KEYS = {
    4 + place: code
    for place, code in enumerate((30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44))
}
"""USB usages of A to Z as the kernel's key codes (drivers/hid/hid-input.c)."""


def bzimage(payload: bytes) -> bytes:
    """One setup sector, a payload right behind the protected-mode code's start, four bytes of length after it."""
    header = bytearray(1024)
    header[0x1F1] = 1
    header[0x248:0x24C] = (16).to_bytes(4, "little")
    header[0x24C:0x250] = (len(payload) + 4).to_bytes(4, "little")
    return bytes(header) + bytes(16) + payload + bytes(4) + b"what comes behind"


def test_the_kernel_is_found_in_a_bzimage() -> None:
    assert kernel.unpacked(bzimage(lzma.compress(b"\x7fELF kernel"))) == b"\x7fELF kernel"
    with pytest.raises(ValueError, match="not packed with xz"):
        kernel.unpacked(bzimage(b"\x1f\x8b something else"))


def test_the_guest_is_set_up_by_the_commands_of_the_guide() -> None:
    commands = image.device_commands()
    assert "systemctl mask ctrl-alt-del.target getty@tty1.service" in commands
    assert any("RuntimeWatchdogSec=15" in command for command in commands)
    assert any("preau-edge.service" in command for command in commands)
    assert not any(command.startswith("/opt/preau/bin") or "--now" in command for command in commands), "nothing runs in an image"
    assert {path.name for path in image.provisioned()} >= {"99-preau.rules", "preau-edge.service"}


def test_the_scanner_types_what_a_badge_holds() -> None:
    """Its reports, read by the kernel's table of usages and our own key table."""
    for sign in "BCDEFGHIJKLNOPRSTUVX":
        modifiers, usage = hardware.key(sign)
        assert modifiers == hardware.SHIFT
        assert character("us", LETTER_KEYS[usage], shift=True, caps=False) == sign
    assert hardware.key("\n") == (0, hardware.ENTER)


def test_a_machine_that_cannot_run_a_guest_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "QEMU", "no-such-emulator")
    assert "no-such-emulator" in machine.missing()
    assert "make hil" in machine.missing()


def test_lines_wait_for_those_who_want_them_and_a_silent_guest_is_told() -> None:
    ours, guests = socket.socketpair()
    with ours, guests:
        lines = Lines(ours)
        guests.sendall(b'half a line"}\n{"hello": "boot"}\n{"id": 7, "got": [1')
        assert lines.take(lambda line: "hello" in line, 5) == {"hello": "boot"}
        guests.sendall(b"]}\n" + json.dumps({"event": "RESET"}).encode() + b"\n")
        assert lines.take(lambda line: line.get("event") == "RESET", 5)
        assert lines.take(lambda line: line.get("id") == 7, 5) == {"id": 7, "got": [1]}
        with pytest.raises(GuestError, match="silent"):
            lines.take(lambda line: True, 0.01)
        guests.close()
        with pytest.raises(GuestError, match="ended"):
            lines.take(lambda line: True, 5)
