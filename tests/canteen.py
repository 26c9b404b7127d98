"""The words of the canteen for tests: `order(day, "Léa", "soup")`, and what stands on the menu."""

from dataclasses import replace
from datetime import date, timedelta

from hub.core import canteen
from hub.core.canteen import Wish
from hub.core.codes import By
from hub.core.facts import Facts, Refusal
from hub.core.menus import Canteen, Menu, Offer
from hub.core.school import Policy, Product, ProductKind
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, Day, moment, number

TILLEULS = number("Tilleuls")
OFFERS = (Offer(number("meal"), 4_50), Offer(number("soup"), 2_00), Offer(number("sandwich"), 3_20))
DAYS = (*(MONDAY + timedelta(days=ahead) for ahead in range(18)), LONG_DAY, SHORT_DAY)


def put_on_the_menu(day: Day) -> None:
    """Meal 4,50, soup 2,00 and sandwich 3,20 at Les Tilleuls, on every day of these tests."""
    soup = Product(number("soup"), TILLEULS, ProductKind.MEAL, "Potage", 2_50, Policy.MUST_SERVE)
    day.change((soup, *(Menu(TILLEULS, each, OFFERS) for each in DAYS)))


def wish(day: Day, who: str, clock: str = "08:00", on: date | None = None, by: By = By.PARENT, person: int = 77) -> Wish:
    """For today unless said otherwise, received today at this time."""
    return Wish(number(who), TILLEULS, on or day.date, by, moment(clock, day.date), person)


def order(day: Day, who: str, product: str = "meal", clock: str = "08:00", on: date | None = None) -> Facts | Refusal:
    return day.do(canteen.order, wish(day, who, clock, on), number(product))


def change(day: Day, who: str, product: str, clock: str = "08:30") -> Facts | Refusal:
    return day.do(canteen.change, wish(day, who, clock), number(product))


def cancel(day: Day, who: str, clock: str = "08:30", on: date | None = None) -> Facts | Refusal:
    return day.do(canteen.cancel, wish(day, who, clock, on))


def wait(day: Day, who: str, product: str = "meal", clock: str = "09:30") -> Facts | Refusal:
    return day.do(canteen.wait, wish(day, who, clock), number(product))


def code(outcome: Facts | Refusal) -> str:
    """The code of a refusal; empty for what was done."""
    return outcome.code if isinstance(outcome, Refusal) else ""


def rules(day: Day, **changed: object) -> None:
    day.change((replace(Canteen(TILLEULS), **changed),))  # type: ignore[arg-type]
