"""The simulated world: the real devices and the real hub in one process, under one seeded clock, with everything going wrong.

What is real: edge.loop.Loop turned event by event, edge.station, edge.link's encoding and checking, hub.desk.Desk, hub.link.Link,
hub.orders, hub.core, hub.chain, hub.bodies, proto. What is simulated: time, brokers and wires, cards and disks (twins of the outbox, the
journal and the register), readers, lamps, people. What is not: see tests/README.md.

To plant a bug from outside, in a process of its own: patch functions or classes of the real code (`edge.station._verdicts`,
`hub.desk.Desk._committed`, `tests.sim.disk.HubDisk.settle`, …), then

    from tests.sim.runs import hunted, lived
    ending, cpu_s = hunted(iter(range(1000)), cpu_s=60)    # the first seed that fails, and the CPU seconds until then; None: not found
    ending = lived(7)                                      # one seed; ending.violation is empty when all promises were kept
    ending = lived(7, plan=replace(plan_of(7), faults=frozenset({Fault.LOST, Fault.HUB_KILL})))

Who asks: `people` at the readers, `counter` (families, cashiers, the bursar) and `carers` at the desk, by `forms` that are sent until they
are answered. Who judges: `oracle` and `ledgers` what was seen; `witness` what was asked and answered, by the rules told anew in `rules`
(orders, till, wallets, holds), `corrected` and `daysheet` (marks, what a day costs, runs), `roll` (class mornings), on the books of its own
in `reckoning`. What is set up is a world's `setting`: who pays, who is expected, pilots, mornings, files, prices; `features` counts which
of these rules had anything to say.

`faults` names what goes wrong, `smallday` is one small day with a death at every step. An Ending carries seed, violation, virtual
seconds, digest, and what struck and was seen, counted.
"""
