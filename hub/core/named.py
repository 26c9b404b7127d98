"""What people read instead of numbers: the names of pupils, households, programmes and products, and what an amount changes to.

Who or what is not set up any more is called by its number. It decides nothing; meant.py goes the other way.
"""

from hub.core.kept import Wallet
from hub.core.money import write_cents
from hub.core.school import School


def pupil_name(school: School, pupil: int) -> str:
    """`Léa Vanderzande`."""
    known = school.pupils.get(pupil)
    return f"{known.first_name} {known.last_name}" if known else str(pupil)


def household_name(school: School, household: int) -> str:
    """`Vanderzande`."""
    known = school.households.get(household)
    return known.name if known else str(household)


def owner_name(school: School, wallet: Wallet) -> str:
    """Whose a wallet is."""
    return household_name(school, wallet.household) if wallet.household else pupil_name(school, wallet.pupil)


def item_name(school: School, item: int) -> str:
    """The programme or product that something is charged for."""
    known = school.programmes.get(item) or school.products.get(item)
    return known.name if known else str(item)


def change(before_cents: int, after_cents: int) -> str:
    """`3,00 € -> 1,20 € (-1,80 €)`."""
    sign = "+" if after_cents > before_cents else ""
    return f"{write_cents(before_cents)} -> {write_cents(after_cents)} ({sign}{write_cents(after_cents - before_cents)})"
