"""Wallets: balances and debts by age, one wallet with its entries and holds, and what staff do with the money in it.

Every act shows the balance it leads to before it is done. What may be done is decided in core (wallets.py, transfers.py).
"""

from hub.web.wallets.routes import router

__all__ = ["router"]
