"""The made-up school of the stopwatch, as the files a school would give: tills, and every family has money.

Over the wire a tap identifies, as it may do again and again within one day. What an order handed out and a cashier's sale cost is
measured at the desk (rush.py), where days pass as fast as they are asked for.
"""

from hub.core.money import read_cents
from proto.badge import code

PUPILS = 400
"""As many as can tap in a row without anybody coming back within the 3 s in which a tap is the same tap."""
EDGE = "till-0"
"""The real preau-edge; the others are scripted."""
SCRIPTED = tuple(f"till-{number}" for number in range(1, 65))
FRESH = tuple(f"till-{number}" for number in range(101, 151))
"""Scripted too, for what comes later in a run: a second life within a minute would be asked to tap again."""
READER, MEALS = "till", "meals"
"""At the one a tap identifies, at the other it hands the order of the day out; the real device has the first alone."""
DRINK, MEAL = "Boisson", "Repas"
SITE = "Les Tilleuls"
OPENING = "20000,00"


def description() -> str:
    """The school as TOML."""
    devices = "".join(_device(name) for name in (EDGE, *SCRIPTED, *FRESH))
    products = _product(DRINK, "article", "must_have_funds") + _product(MEAL, "meal", "must_serve")
    return f'[[sites]]\nname = "{SITE}"\n{products}{devices}'


def pupils() -> str:
    """The pupils as CSV, each in a family of its own, each with a badge."""
    lines = [f"Famille {n};{SITE};Nom {n};Élève {n};3A;{badge_code(n)}" for n in range(PUPILS)]
    return "\n".join(["household;site;last_name;first_name;group;badge", *lines, ""])


def balances() -> str:
    """What every family brings along: enough for all the drinks and meals of all the rounds."""
    assert read_cents(OPENING)
    return "\n".join(["site;household;balance", *(f"{SITE};Famille {n};{OPENING}" for n in range(PUPILS)), ""])


def badge_code(number: int) -> str:
    """The badge of one pupil, always the same."""
    return code((number + 1).to_bytes(10, "big"))


def _product(name: str, kind: str, policy: str) -> str:
    return f'[[sites.products]]\nname = "{name}"\nkind = "{kind}"\nprice = "0,10"\npolicy = "{policy}"\n'


def _device(name: str) -> str:
    readers = {READER: DRINK} if name == EDGE else {READER: DRINK, MEALS: MEAL}
    return f'[[sites.devices]]\nid = "{name}"\nname = "{name}"\n' + "".join(
        f'[[sites.devices.readers]]\nid = "{reader}"\nname = "{reader}"\nuse = "till"\ndirection = "in"\nproduct = "{product}"\n'
        for reader, product in readers.items()
    )
