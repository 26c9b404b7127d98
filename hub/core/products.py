"""What a site's kitchen and tills have to give, and how it is ordered: as staff set it up, one edit each.

A price that changes is no matter of these rows: it is a tariff with its first day (tariffversions.py), and what was sold stays as it was.
"""

from collections.abc import Callable
from dataclasses import replace

from hub.core.canteen import MAX_PRICE_CENTS
from hub.core.facts import Refusal
from hub.core.lists import fold
from hub.core.menus import Canteen
from hub.core.school import Product, ProductKind, Rows, School
from hub.core.sites import named

DAY_MIN = 24 * 60
MAX_HORIZON_DAYS, MAX_DAYS_BEFORE = 366, 30
MAX_DIETS = 12
MAX_CODE = 40
"""Letters of a diet's code, as the diets of pupils have it."""


def put_product(school: School, product: Product, same: Callable[[object], bool]) -> Rows | Refusal:
    """A meal or an article that is new, or as it is from now on: its kind and its price stay what they were."""
    before = school.products.get(product.id)
    wrong = named(product.name, (one.name for one in sold_at(school, product.site) if one.id != product.id))
    if wrong:
        return wrong
    if not 0 <= product.price_cents <= MAX_PRICE_CENTS:
        return Refusal("no_price", {"most_cents": MAX_PRICE_CENTS})
    if len(product.diets) > MAX_DIETS or any(len(code) > MAX_CODE for code in product.diets):
        return Refusal("diets_long")
    if before is None:
        return (product,)
    return (replace(product, kind=before.kind, price_cents=before.price_cents),) if same(before) else Refusal("changed_meanwhile")


def sold_at(school: School, site: int) -> list[Product]:
    """The meals and articles of a site, meals first, by name; those that are withdrawn come last."""
    own = (one for one in school.products.values() if one.site == site and one.kind is not ProductKind.FEE)
    return sorted(own, key=lambda one: (one.withdrawn, one.kind is not ProductKind.MEAL, fold(one.name), one.id))


def put_canteen(school: School, canteen: Canteen, same: Callable[[object], bool]) -> Rows | Refusal:
    """How a site takes orders and runs its till from now on; what was ordered and sold stays as it was."""
    if not (0 <= canteen.cut_off_min < DAY_MIN and 0 <= canteen.waiting_until_min < DAY_MIN):
        return Refusal("no_time")
    if not (0 <= canteen.horizon_days <= MAX_HORIZON_DAYS and 0 <= canteen.days_before <= MAX_DAYS_BEFORE):
        return Refusal("no_days", {"most": MAX_HORIZON_DAYS, "before": MAX_DAYS_BEFORE})
    if max(canteen.walk_up_cents, canteen.unordered_cents, canteen.void_limit_cents) > MAX_PRICE_CENTS:
        return Refusal("no_price", {"most_cents": MAX_PRICE_CENTS})
    return (canteen,) if same(school.canteen(canteen.site)) else Refusal("changed_meanwhile")
