"""How a device ends: killed while a door is open, stopped, its kernel crashed. No relay stays on, nothing lit is lost."""

import signal

import pytest

from tests.hil.conftest import Proof
from tests.hil.porch import OFF, OPEN, RELAYS, Porch
from tests.journey.place import PUPILS, everything_lit_is_booked_once

HALVES = {"in": PUPILS[:3], "out": PUPILS[3:]}


@pytest.mark.parametrize("reader", RELAYS)
async def test_a_device_killed_in_the_middle_of_a_pulse_leaves_the_relay_off(at_work: Porch, proof: Proof, reader: str) -> None:
    """And comes back by itself; the relay is not touched until the next grant."""
    here, readies = at_work, at_work.shown("ready")
    await here.enter(reader, HALVES[reader])
    await here.until(lambda: here.relay(reader) == OPEN[reader], "an open door")
    here.machine.do("kill", pid=here.pid(), number=signal.SIGKILL)
    await here.until(lambda: here.relay(reader) == OFF[reader], "a relay that is off")
    await here.ready(readies + 1)
    assert here.relay(reader) == OFF[reader]
    levels = [level for _, level in here.changes(RELAYS[reader])]
    assert levels == [OPEN[reader], OFF[reader]], "the relay moved once, and came back"
    everything_lit_is_booked_once(here, await here.books())
    proof.add(f"kill -9 with the {reader} relay on", f"off, reads {OFF[reader]}, and stays off through the restart")


async def test_a_device_stopped_in_the_middle_of_a_pulse_leaves_both_relays_off(at_work: Porch, proof: Proof) -> None:
    here = at_work
    for reader, pupils in HALVES.items():
        await here.enter(reader, pupils)
    here.stop_device()
    assert [here.relay(reader) for reader in RELAYS] == list(OFF.values())
    proof.add("systemctl stop with both relays on", "both off")


async def test_no_relay_is_touched_when_the_device_starts_stops_or_is_switched_off(here: Porch, proof: Proof) -> None:
    """Not even for the instant between taking a pin and saying which level it shall have: a fast lock would hear it."""
    here.machine.do("spy", numbers=list(RELAYS.values()))
    here.start_device()
    await here.ready()
    here.stop_device()
    driven = {reader: here.machine.do("driven", number=pin) for reader, pin in RELAYS.items()}
    assert {reader: set(levels) for reader, levels in driven.items()} == {reader: {OFF[reader]} for reader in RELAYS}
    proof.add("start, stop and outputs-off, the kernel's own trace of the pins", "no relay was driven on, not even for a microsecond")


async def test_without_its_pull_up_a_relay_that_is_on_when_low_stays_on(at_work: Porch, proof: Proof) -> None:
    """Why the guide demands the resistor, and that the tests above can fail."""
    here = at_work
    here.machine.do("pull", number=RELAYS["out"], way="pull-down")
    here.stop_device()
    assert here.relay("out") == OPEN["out"]
    proof.add("the pull-up of the exit's relay missing", "the relay falls on: the resistor of the guide is needed")


async def test_a_crashed_kernel_comes_back_by_its_watchdog_and_nothing_lit_is_lost(at_work: Porch, proof: Proof) -> None:
    here = at_work
    here.machine.run("systemctl", "enable", "preau-edge")
    assert (await here.tap("Léa", "in")).pattern == "accepted"
    here.machine.cable(plugged=False)
    assert (await here.tap("Tom", "out")).pattern == "accepted", "lit by the device alone, on its card"
    readies, starts, before = here.shown("ready"), here.shown("away"), here.lights()
    here.machine.run("modprobe", "halt_on_panic")
    here.machine.ask("put", path="/proc/sysrq-trigger", text="c")
    here.machine.event("WATCHDOG")
    here.machine.event("RESET")
    here.machine.hello()
    await here.until(lambda: here.shown("away") > starts, "a device that starts without a network")
    await here.listens()
    assert here.lights() == before, "a lamp was lit by a restart"
    assert (await here.tap("Noé", "out")).pattern == "accepted"
    here.machine.cable(plugged=True)
    await here.ready(readies + 1)
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert len(kept.books.inside) == 3
    proof.add("kernel crashed (sysrq) with a scan on the card", "watchdog reset, device back by itself, 3 of 3 lights in the books")
