"""Bugs behind the two ports, planted in the stores' twins: what the real stores promise there, `make faults` holds on real disks."""

from tests.sim.planting import Bug, Edit

BUGS = (
    Bug(
        "the journal answers before its fsync",
        (
            Edit("tests.sim.disk", "        self._life.step()\n        self._tell(group)\n", "        self._life.step()\n"),
            Edit(
                "tests.sim.disk",
                "        delay_s = self._chance.uniform(0.0002, 0.004)",
                "        self._written += len(facts)\n"
                "        self._tell(group)\n"
                "        self._written -= len(facts)\n"
                "        delay_s = self._chance.uniform(0.0002, 0.004)",
            ),
        ),
    ),
    Bug(
        "the outbox answers before its fsync",
        (
            Edit(
                "tests.sim.card",
                "        self._base: MemoryOutbox | None = None\n",
                "        self._base: MemoryOutbox | None = self.content.copy()\n",
            ),
            Edit("tests.sim.card", "        self._lost(before, Fault.LYING_CARD)", "        assert before is not None"),
        ),
    ),
    Bug(
        "a commit that failed is tried again, and then believed",
        (
            Edit(
                "tests.sim.disk",
                "            self._fail()\n            return\n        self._disk.durable = len(self._disk.rows)\n",
                "            self._disk.failing = False\n"
                "            self._disk.rows.pop()\n"  # the kernel has told of it once; now it says yes, and the row is nowhere
                "        self._disk.durable = len(self._disk.rows)\n",
            ),
        ),
    ),
    Bug(
        "a start believes what was never made durable",
        (
            Edit(
                "tests.sim.disk",
                "        self.settle()\n"
                "        kept, self._replayed = self._replayed, None\n"
                "        return kept[1] if kept and kept[0] is self.rows[-1] else replay(self.facts())",
                "        durable, self.durable = self.durable, len(self.rows)\n"
                "        self._replayed, books = None, replay(self.facts())\n"
                "        self.durable = durable\n"
                "        return books",
            ),
        ),
    ),
)
