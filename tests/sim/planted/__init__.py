"""The planted bugs, by where they are: devices, hub, rules, counters, stores. Each breaks a promise that the world has to find broken."""

from tests.sim.planted import counters, devices, harmless, hub, rules, stores
from tests.sim.planting import Bug


def every_bug() -> dict[str, Bug]:
    """By name, the harmless ones too."""
    bugs = (*devices.BUGS, *hub.BUGS, *rules.BUGS, *counters.BUGS, *stores.BUGS, *harmless.BUGS)
    found = {bug.name: bug for bug in bugs}
    assert len(found) == len(bugs), "two planted bugs have one name"
    return found
