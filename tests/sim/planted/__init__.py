"""The planted bugs, by where they are. Each breaks a promise; the simulated world has to find each."""

from tests.sim.planted import counters, devices, harmless, hub, presence, rules, settings, stores
from tests.sim.planting import Bug


def every_bug() -> dict[str, Bug]:
    """By name, the harmless ones too."""
    bugs = (*devices.BUGS, *hub.BUGS, *rules.BUGS, *counters.BUGS, *presence.BUGS, *settings.BUGS, *stores.BUGS, *harmless.BUGS)
    found = {bug.name: bug for bug in bugs}
    assert len(found) == len(bugs), "two planted bugs have one name"
    return found
