"""What the books keep of the things that facts tell of: one small record each. What is kept a million times is a Struct without cycles."""

from dataclasses import dataclass

from msgspec import Struct

from hub.core.codes import Compartment, Stage


@dataclass(slots=True)
class DeviceLine:
    """How far one incarnation of a device is: last record taken, last record whose shown outcome is booked."""

    n: int = 0
    shown_n: int = 0


Place = tuple[int, int, Compartment]
"""Site, owner (a household, or for a compartment a pupil), compartment: where there is at most one wallet."""


class Charge(Struct, frozen=True, gc=False):
    id: int
    wallet: int
    pupil: int
    site: int
    item: int
    cents: int
    stay: int = 0
    day: int = 0
    limit_day: int = 0
    stage: Stage = Stage.POSTED
    reversed: bool = False
    again: int = 0
    """The charge that was made in place of this one, 0 = none."""


class Wallet(Struct, frozen=True, gc=False):
    """Whose a wallet is: a household's, or (`household` 0) a pupil's; and what is written on a transfer to it."""

    id: int
    site: int
    household: int
    pupil: int
    compartment: Compartment
    reference: int

    @property
    def place(self) -> "Place":
        return self.site, self.pupil or self.household, self.compartment


class Hold(Struct, frozen=True, gc=False):
    cents: int
    until_ms: int
    who: int = 0


class Meal(Struct, frozen=True, gc=False):
    """`served_ms` 0 while it waits to be collected. `ask`: of the order, or of its last change; it made the charge that stands.

    `late`: cancelled after the cut-off.
    """

    id: int
    product: int
    served_ms: int = 0
    ask: int = 0
    late: bool = False


class TillAct(Struct, frozen=True, gc=False):
    """A sale or a top-up of a cashier, for a pupil. `charges` of a sale; a top-up has a `wallet` and a `receipt`."""

    site: int
    who: int
    cents: int
    at_ms: int
    charges: tuple[int, ...] = ()
    wallet: int = 0
    receipt: int = 0
    voided: bool = False
    pupil: int = 0


class CashSession(Struct, frozen=True, gc=False):
    """A cash desk session that is open."""

    id: int
    site: int
    desk: str
    who: int
    from_ms: int


class Grouped(Struct, frozen=True, gc=False):
    """A product that counts towards a tariff group's day: its charge, and when that day began."""

    charge: int
    from_ms: int


MealPlace = tuple[int, int, int]
"""Pupil, site, day as YYYYMMDD: where there is at most one meal."""
