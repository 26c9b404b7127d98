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
    Bug(
        "the same at the counter and in care, said differently",
        (
            Edit("hub.core.canteen", "    return None if wish.at_ms < last_ms else", "    return None if not wish.at_ms >= last_ms else"),
            Edit(
                "hub.core.wallets",
                "    return balance_cents(books, wallet) - held_cents(books, wallet, at_ms)",
                "    return -held_cents(books, wallet, at_ms) + balance_cents(books, wallet)",
            ),
            Edit("hub.core.till", "books.receipts.get(site.id, 0) + 1", "1 + books.receipts.get(site.id, 0)"),
            Edit("hub.core.dues", "    if not (visit.lit or verified):", "    if not verified and not visit.lit:"),
        ),
        harmless=True,
    ),
)
