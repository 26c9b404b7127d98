"""What people and cables do to a device: scanners pulled out, typed commands, a network that goes."""

import re

from tests.demo.pace import after
from tests.hil.conftest import Proof
from tests.hil.machine import GuestError
from tests.hil.porch import Porch
from tests.journey.place import BADGES, everything_lit_is_booked_once

CUT_S = 10.0
REFUSED = re.compile(r"ctrl-alt-del\.target.*masked")


async def test_a_scanner_pulled_out_in_the_middle_of_a_scan_and_plugged_in_again(at_work: Porch, proof: Proof) -> None:
    here = at_work
    for name, other, half in (("out", "in", "type_text"), ("in", "out", "say")):
        ready, asked = here.log().count("is ready"), here.shown("again")
        here.machine.do(half, name=name, text=BADGES["Léa"][:9])
        here.machine.do("unplug", name=name)
        await here.until(lambda name=name: f"reader is gone reader={name}" in here.log(), "a device that misses its scanner")  # type: ignore[misc]
        await here.until(lambda asked=asked: here.shown("again") == asked + 1, "half a code that is spoilt")  # type: ignore[misc]
        assert (await here.tap("Mia", other)).pattern in {"accepted", "again"}, "the other scanner goes on"
        here.machine.do("plug", name=name)
        await here.listens(ready + 1)
        assert (await here.tap({"out": "Tom", "in": "Noé"}[name], name)).pattern == "accepted"
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert len(kept.books.inside) == 3
    proof.add("2 scanners pulled out in mid-scan, plugged in again", "half a code spoilt, the other reads on, both read again")


async def test_ctrl_alt_del_from_a_scanner_does_nothing(here: Porch, proof: Proof) -> None:
    """Before the device's program has the scanner for itself, its keys are everybody's; afterwards they are only its own."""
    here.machine.do("ctrl_alt_del", name="out")
    await here.until(lambda: len(_refused(here)) == 1, "a typed reboot that is refused")
    here.start_device()
    await here.ready()
    await here.listens()
    here.machine.do("ctrl_alt_del", name="out")
    await here.until(lambda: here.shown("again") == 1, "keys that are no badge")
    assert (await here.tap("Tom", "out")).pattern == "accepted"
    assert len(_refused(here)) == 1, "a scanner that is ours still typed for everybody"
    proof.add("Ctrl-Alt-Del from a scanner, before and after the grab", "no reboot; after the grab nobody else hears it")


async def test_without_the_guide_ctrl_alt_del_restarts_the_device(here: Porch, proof: Proof) -> None:
    """The test above could not fail if nothing came of these keys anyway."""
    here.machine.run("systemctl", "unmask", "ctrl-alt-del.target")
    here.machine.do("ctrl_alt_del", name="out")
    here.machine.event("RESET")
    proof.add("the same, unmasked", "the guest restarts: the mask of the guide is needed")


async def test_the_link_is_cut_for_ten_seconds_and_comes_back(at_work: Porch, proof: Proof) -> None:
    here = at_work
    await here.enter("in", ["Léa", "Tom", "Noé"])
    online, opened = len(here.lights()), here.shown("pulse")
    readies = here.shown("ready")
    here.machine.cable(plugged=False)
    alone = [(await here.tap("Mia", "in")).pattern, (await here.tap("Zoé", "out")).pattern]
    await after(CUT_S)
    assert alone == ["accepted"] * 2, "the roster says yes"
    assert here.shown("pulse") == opened, "without the hub no door opens"
    assert here.unsettled() >= 2
    here.machine.cable(plugged=True)
    await here.ready(readies + 1)
    await here.until(lambda: here.unsettled() == 0, "an empty outbox")
    assert here.shown("pulse") == opened, "an answer that came late opened a door"
    assert (await here.tap("Ali", "in")).pattern == "accepted"
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert len(kept.scans) == online + 3
    proof.add(f"link cut for {CUT_S:.0f} s, 2 taps meanwhile", f"{online} + 2 + 1 lights, all in the books once, no door opened in the cut")


def _refused(here: Porch) -> list[str]:
    try:
        said = here.machine.run("journalctl", "--boot", "--output=cat", "--no-pager", "_PID=1")
    except GuestError:
        return []
    return REFUSED.findall(said)
