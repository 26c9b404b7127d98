"""Double entry in whole cents: accounts, and bookings that sum to zero."""

from hub.core.facts import Entry

SALES = "sales"
OPENING = "opening"


def wallet_account(wallet: int) -> str:
    """What a household has at a site; positive is the family's money."""
    return f"wallet:{wallet}"


def sales_account(site: int, item: int) -> str:
    """What a site has earned with a programme or product."""
    return f"{SALES}:{site}:{item}"


def opening_account(site: int) -> str:
    """The other side of opening balances."""
    return f"{OPENING}:{site}"


def clearing_account(site: int) -> str:
    """The other side of money that came from the world or went there: what the bank's account has, as minus."""
    return f"clearing:{site}"


def cash_account(site: int, desk: str) -> str:
    """What is in the drawer of a cash desk, as minus: for the school it is money of others."""
    return f"cash:{site}:{desk}"


def vault_account(site: int) -> str:
    """Where a drawer's change comes from, and where its takings go."""
    return f"vault:{site}"


def imbalance_account(site: int) -> str:
    """What counts have shown to be missing (minus) or too much."""
    return f"imbalance:{site}"


def move(source: str, target: str, cents: int) -> tuple[Entry, ...]:
    """`cents` leave one account and arrive in another; nothing for nothing."""
    return (Entry(source, -cents), Entry(target, cents)) if cents else ()


def balanced(entries: tuple[Entry, ...]) -> bool:
    """Whether the entries sum to zero."""
    total_cents = 0
    for entry in entries:  # a sum over a generator takes twice as long, and a replay asks a million times
        total_cents += entry.cents
    return total_cents == 0
