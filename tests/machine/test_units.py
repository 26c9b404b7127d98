"""The real units around the real programs under a real systemd: ready, watched, walled in, and orderly at the end.

Installed by the guide's own commands, so a command that does not work there fails here. GPIO lines are the guest's business: here the
pins are gpiozero's mock, and what is seen of the lamps is the trace.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from edge.loop import WATCHDOG_MS
from proto.messages import YES
from tests.machine.conftest import Site
from tests.machine.container import CHECKOUT, Machine, until
from tests.machine.look import TRIES
from tests.test_provisioning import unit

PYTHON, HERE = "/opt/preau/bin/python", "/opt/preau/checkout/tests/machine"
NAMES = ("preau-edge", "preau-hub")
LIMIT_S = 8
"""WatchdogSec in place of the units' 20, so that nobody waits longer than needed; the device says every 5 s that it lives."""

REACHED = {
    "preau-edge": {"open a scanner's port", "read the device's settings"},
    "preau-hub": {"read the hub's settings", "read the hub's data"},
}
BOTH_REACH = {"write in its own folder", "reach the network", "load the hardware's libraries"}


@pytest.fixture
def at_work(site: Site) -> Site:
    site.start()
    return site


@contextmanager
def changed(machine: Machine, name: str, settings: str) -> Iterator[None]:
    """A unit with further settings in its [Service], and the unit as shipped again afterwards."""
    machine.put(f"/etc/systemd/system/{name}.service.d/test.conf", f"[Service]\n{settings}\n")
    machine.said("systemctl daemon-reload")
    try:
        yield
    finally:
        machine.said(f"rm -r /etc/systemd/system/{name}.service.d && systemctl daemon-reload")


# --- at work ------------------------------------------------------------------------------------


def test_what_the_guide_installs_is_up_and_gives_a_child_a_light(at_work: Site) -> None:
    """Both behind their walls, with the embedded broker between them."""
    for name in ("preau-hub", "preau-edge"):
        assert at_work.machine.shows(name, "ActiveState") == "active"
        assert at_work.machine.shows(name, "StatusErrno") == "0"
    assert at_work.tap("Léa") == "accepted"
    assert int(at_work.machine.said("find /var/lib/preau-edge /var/lib/preau-hub -perm /077 -type d | wc -l")) == 0


def test_systemd_waits_until_a_program_says_that_it_is_ready(site: Site) -> None:
    """The very units around a program that says nothing are not up."""
    quiet = "ExecStart=\nExecStart=/bin/sleep 30\nExecStopPost=\nTimeoutStartSec=1\nRestart=no\nRuntimeDirectoryPreserve=yes"
    silent = [f"silent-{name}" for name in NAMES]
    with ExitStack() as stack:
        for name, copy in zip(NAMES, silent, strict=True):
            site.machine.put(f"/etc/systemd/system/{copy}.service", (CHECKOUT / f"systemd/{name}.service").read_text())
            stack.enter_context(changed(site.machine, copy, quiet))
        assert site.machine.run(f"systemctl start {' '.join(silent)}").returncode == 1
        assert [site.machine.shows(copy, "Result") for copy in silent] == ["timeout", "timeout"]


# --- walled in ----------------------------------------------------------------------------------


def test_the_programs_reach_what_they_need_and_nothing_else(secrets: Machine) -> None:
    """The very units around a program that tries."""
    for name in NAMES:
        own = looked(secrets, f"look-{name}", (CHECKOUT / f"systemd/{name}.service").read_text())
        assert {what for what, why in own.items() if not why} == REACHED[name] | BOTH_REACH, own


def test_without_a_unit_everything_is_reached(secrets: Machine) -> None:
    """So each of the walls above is the unit's, and not the machine's."""
    bare = looked(secrets, "look-bare", "[Service]\nExecStart=/nothing\n")
    assert {what for what, why in bare.items() if why} == set(), bare


@pytest.fixture
def secrets(site: Site) -> Machine:
    """What others keep on this machine, open to every user: only a unit's walls are in the way."""
    site.machine.said(
        "install -d -m 0777 /etc/open /srv/open && echo secret > /home/pupil/diary && echo secret > /tmp/theirs"
        " && rm -f /dev/fuse /dev/scanner && mknod -m 0666 /dev/fuse c 10 229 && mknod -m 0666 /dev/scanner c 166 0"
    )
    return site.machine


def looked(machine: Machine, name: str, text: str) -> dict[str, str]:
    """What look.py reached inside a unit: nothing said, or why not."""
    machine.put(f"/etc/systemd/system/{name}.service", text)
    look = f"Type=oneshot\nRestart=no\nExecStart=\nExecStart={PYTHON} {HERE}/look.py\nExecStopPost=\nRuntimeDirectoryPreserve=yes"
    with changed(machine, name, look):
        machine.said(f"systemctl start {name}")
    found: dict[str, str] = json.loads(next(line for line in machine.log(name).splitlines() if line.startswith("{")))
    assert set(found) == set(TRIES)
    return found


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "result", "state"), [("", "success", "off"), ("KillSignal=SIGKILL", "signal", "lost")])
def test_a_device_that_is_stopped_says_that_it_is_off_and_one_that_is_killed_is_lost(
    at_work: Site, settings: str, result: str, state: str
) -> None:
    """And in both cases every output is switched off afterwards by a program of its own, behind the same walls."""
    with changed(at_work.machine, "preau-edge", settings):
        at_work.machine.said("systemctl stop preau-edge")
        assert at_work.machine.shows("preau-edge", "Result") == result
        assert json.loads(at_work.machine.said(f"{PYTHON} {HERE}/heard.py"))["status"] == state
        assert "outputs-off" in (ended := at_work.machine.shows("preau-edge", "ExecStopPost"))
        assert "code=exited ; status=0" in ended


def test_a_hub_that_is_stopped_leaves_nothing_behind(at_work: Site) -> None:
    assert at_work.machine.said("pgrep --uid preau-hub --list-name").split("\n")[0], "hub and broker"
    at_work.machine.said("systemctl stop preau-hub")
    assert at_work.machine.shows("preau-hub", "Result") == "success"
    assert at_work.machine.shows("preau-hub", "ExecMainStatus") == "0"
    assert at_work.machine.run("pgrep --uid preau-hub").stdout == ""


# --- watched ------------------------------------------------------------------------------------


def test_the_device_says_that_it_lives_three_times_in_the_time_its_unit_allows() -> None:
    assert 1000 * int(unit("preau-edge")["WatchdogSec"][0]) >= 3 * WATCHDOG_MS


def test_programs_that_stand_still_are_killed_and_started_again(site: Site) -> None:
    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(changed(site.machine, name, f"WatchdogSec={LIMIT_S}"))
        site.machine.said(f"systemctl restart {' '.join(NAMES)}")
        site.start()
        until(lambda: all(said_alive(site.machine, name) for name in NAMES), "two programs that say that they live")
        before = {name: restarts(site.machine, name) for name in NAMES}
        site.machine.said(f"systemctl kill --kill-who=main --signal=STOP {' '.join(NAMES)}")
        until(lambda: all(restarts(site.machine, name) > before[name] for name in NAMES), "two programs that are started again")
        site.start()
        assert {name: restarts(site.machine, name) - before[name] for name in NAMES} == dict.fromkeys(NAMES, 1)
        for name in NAMES:
            assert site.machine.log(name).count(f"Watchdog timeout (limit {LIMIT_S}s)!") == 1
    assert site.tap("Léa") in YES


def said_alive(machine: Machine, name: str) -> bool:
    """Whether systemd heard it since it was up."""
    heard, up = (int(machine.shows(name, f"{what}TimestampMonotonic")) for what in ("Watchdog", "ActiveEnter"))
    return heard > up


def restarts(machine: Machine, name: str) -> int:
    return int(machine.shows(name, "NRestarts"))
