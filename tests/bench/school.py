"""The made-up school of the stopwatch, as the files a school would give: one till sells an article, every family has money.

A till is measured because its rule does the most: identity, price with derivation, limit check against the purse, double entry.
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
READER = "till"
SITE = "Les Tilleuls"
OPENING = "20000,00"


def description() -> str:
    """The school as TOML."""
    devices = "".join(_device(name) for name in (EDGE, *SCRIPTED, *FRESH))
    product = '[[sites.products]]\nname = "Boisson"\nkind = "article"\nprice = "0,10"\npolicy = "must_have_funds"\n'
    return f'[[sites]]\nname = "{SITE}"\n{product}{devices}'


def pupils() -> str:
    """The pupils as CSV, each in a family of its own, each with a badge."""
    lines = [f"Famille {n};{SITE};Nom {n};Élève {n};3A;{badge_code(n)}" for n in range(PUPILS)]
    return "\n".join(["household;site;last_name;first_name;group;badge", *lines, ""])


def balances() -> str:
    """What every family brings along: enough for all the drinks of all the rounds."""
    assert read_cents(OPENING)
    return "\n".join(["site;household;balance", *(f"{SITE};Famille {n};{OPENING}" for n in range(PUPILS)), ""])


def badge_code(number: int) -> str:
    """The badge of one pupil, always the same."""
    return code((number + 1).to_bytes(10, "big"))


def _device(name: str) -> str:
    reader = f'[[sites.devices.readers]]\nid = "{READER}"\nname = "Caisse"\nuse = "till"\ndirection = "in"\nproduct = "Boisson"\n'
    return f'[[sites.devices]]\nid = "{name}"\nname = "{name}"\n{reader}'
