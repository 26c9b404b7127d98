"""What a site's canteen is set up with: its menus, how it takes orders, what its pupils may eat. Orders themselves are canteen.py's."""

import enum
import functools
from dataclasses import dataclass
from datetime import date


class Allergen(enum.StrEnum):
    """The fourteen that must be declared (Regulation (EU) 1169/2011, annex II)."""

    GLUTEN = "gluten"
    CRUSTACEANS = "crustaceans"
    EGGS = "eggs"
    FISH = "fish"
    PEANUTS = "peanuts"
    SOY = "soy"
    MILK = "milk"
    NUTS = "nuts"
    CELERY = "celery"
    MUSTARD = "mustard"
    SESAME = "sesame"
    SULPHITES = "sulphites"
    LUPIN = "lupin"
    MOLLUSCS = "molluscs"


class Unordered(enum.StrEnum):
    """What becomes of a pupil who comes without an order (requirements S79, Q11)."""

    ALLOW = "allow"
    SURCHARGE = "surcharge"
    REFUSE = "refuse"  # never a meal


@dataclass(frozen=True, slots=True)
class Offer:
    """A product on a day's menu: its price of that day, and what it contains that day beside the product's own allergens."""

    product: int
    price_cents: int
    allergens: frozenset[Allergen] = frozenset()


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be ordered for a day at a site (requirements S71, S74)."""

    site: int
    day: date
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Canteen:
    """How a site takes orders and runs its till; a site without a row goes by these defaults (requirements S72, S73, S79, Q11, P16).

    Orders are taken `horizon_days` ahead, until `cut_off_min` after midnight `days_before` working days before; portions that are
    cancelled later are resold until `waiting_until_min` of the day. A pupil who comes without an order: `walk_up` for a meal,
    `unordered` for another product of the day's menu, each with its surcharge in cents. Above `void_limit_cents` another person voids.
    Raises ValueError for a walk-up meal that would be refused.
    """

    site: int
    horizon_days: int = 15
    cut_off_min: int = 9 * 60
    days_before: int = 0
    waiting_until_min: int = 12 * 60
    walk_up: Unordered = Unordered.ALLOW
    walk_up_cents: int = 0
    unordered: Unordered = Unordered.ALLOW
    unordered_cents: int = 0
    void_limit_cents: int = 10_00

    def __post_init__(self) -> None:
        if self.walk_up is Unordered.REFUSE:
            raise ValueError("a child who is there eats: a meal without an order is allowed, or has a surcharge")
        if min(self.horizon_days, self.days_before, self.walk_up_cents, self.unordered_cents, self.void_limit_cents) < 0:
            raise ValueError(f"a canteen has no negative days, surcharge or limit: {self}")


@dataclass(frozen=True, slots=True)
class Diet:
    """What a pupil eats: the code of a diet, empty for none, and allergens. Health data: for kitchen and cashier only."""

    pupil: int
    code: str = ""
    allergens: frozenset[Allergen] = frozenset()


@functools.lru_cache(maxsize=64)  # asked for with every tap at a till
def default_canteen(site: int) -> Canteen:
    """The one of a site without a row."""
    return Canteen(site)
