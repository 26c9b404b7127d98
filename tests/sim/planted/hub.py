"""Bugs of the hub's shells: `hub/desk.py`, `hub/link.py`, `hub/orders.py`."""

from tests.sim.planting import Bug, Edit

_APPENDED = "            self._journal.append(outcome, lambda: self._committed(answer, done))"
_EARLY = "            self._journal.append(outcome, lambda: None)\n            self._committed(answer, done)"
_KNOWN = "        known = self.books.asks.get(ask)\n"
_WAITED = "for record in records])\n        self._desk.when_seen(lambda: self._done(reply))"

BUGS = (
    Bug("the office is answered before the commit", (Edit("hub.desk", _APPENDED, _EARLY),)),
    Bug(
        "a verdict leaves before the commit",
        (
            Edit("hub.desk", _APPENDED, _EARLY),
            Edit("hub.link", _WAITED, _WAITED.replace("self._desk.when_seen(lambda: self._done(reply))", "self._done(reply)")),
        ),
    ),
    Bug(
        "a repeated ask is answered before its commit",
        (
            Edit(
                "hub.desk",
                "            self._journal.after(last, lambda: _call(done, recent))",
                "            _call(done, recent)",
            ),
        ),
    ),
    Bug(
        "deduplication is lost at a restart",
        (
            Edit("hub.desk", _KNOWN, "        known = self.books.asks.get(ask) if ask in self._recent else None\n"),
            Edit("hub.core.canteen", "    if (pupil, what.site, number) in books.meals:", "    if number < 0:"),
        ),
    ),
    Bug(
        "an ask is decided as often as it comes", (Edit("hub.desk", _KNOWN, "        known = None if ask else self.books.asks.get(ask)\n"),)
    ),
    Bug("a scan behind a gap is taken", (Edit("hub.link", "        if scan.n > line.n + 1:\n", "        if scan.n < 0:\n"),)),
    Bug(
        "settled covers what was shown before it is booked",
        (Edit("hub.link", "return [Line(inc, line.n, line.shown_n) for inc in", "return [Line(inc, line.n, line.n) for inc in"),),
    ),
    Bug(
        "what was shown is never booked",
        (Edit("hub.link", "        elif scan.n > line.shown_n and not scan.shown.by_hub:", "        elif scan.n < 0:"),),
    ),
    Bug("the hub's challenge may take any time", (Edit("hub.link", " or self._clock.mono_s() - since_s > OPEN_WITHIN_S:", ":"),)),
    Bug(
        "a device's wall clock is believed",
        (Edit("hub.link", "            same_boot=scan.boot == message.boot,", "            same_boot=not scan.boot,"),),
    ),
    Bug(
        "the roster names badges that are over",
        (
            Edit(
                "hub.orders",
                "            if badge.state is BadgeState.ACTIVE and not over and",
                "            if badge.state is BadgeState.ACTIVE and",
            ),
        ),
    ),
    Bug(
        "the roster names blocked badges",
        (
            Edit(
                "hub.orders",
                "            if badge.state is BadgeState.ACTIVE and not over and",
                "            if badge.state is not BadgeState.ACTIVE or not over and",
            ),
        ),
    ),
)
