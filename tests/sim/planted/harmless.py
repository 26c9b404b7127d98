"""Edits that change no behaviour. A world that complains of one of them would find anything."""

from tests.sim.planting import Bug, Edit

BUGS = (
    Bug(
        "the same, said differently",
        (
            Edit(
                "edge.station",
                "    return scan.n <= (line.n if scan.shown and scan.shown.by_hub else line.shown_n)",
                "    return not scan.n > (line.n if scan.shown and scan.shown.by_hub else line.shown_n)",
            ),
            Edit(
                "hub.desk",
                "        known = self.books.asks.get(ask)\n",
                "        known = self.books.asks[ask] if ask in self.books.asks else None\n",
            ),
            Edit("hub.core.ledger", "    return total_cents == 0", "    return not total_cents"),
        ),
        harmless=True,
    ),
)
