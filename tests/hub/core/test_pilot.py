"""A pilot: everything is priced and nothing is charged, until the site goes live; what was promised for later is charged then."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from hub.core.canteen import Wish, cancel, charge_deferred, order, wait
from hub.core.codes import By, Reason, Stage
from hub.core.facts import Charged
from hub.core.menus import Canteen, Menu, Offer
from tests.hub.core.test_settlement import CARE, NEXT_MONDAY, TILLEULS, come, run
from tests.schools import MONDAY, TUESDAY, Day, moment, number


def pilot(live_from: date = NEXT_MONDAY) -> Day:
    lived = Day()
    lived.change((replace(lived.school.sites[TILLEULS], pilot_from=MONDAY, live_from=live_from),))
    lived.bring("Vanderzande", 20_00)
    return lived


def test_in_a_pilot_everything_is_priced_and_costs_nothing_but_a_top_up_counts() -> None:
    day = pilot()
    come(day)
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.cents, charged.stage, charged.entries) == (1_50, Stage.PILOT, ())
    day.buy("Léa", "sandwich", "10:15")
    day.buy("Noé", "sandwich", "10:15")  # without a cent: nothing is debited, so nothing stops it
    assert {fact.stage for facts in day.facts for fact in facts if isinstance(fact, Charged)} == {Stage.PILOT}
    assert day.balance_cents("Vanderzande") == 20_00


def test_a_pilot_charge_is_never_settled_not_even_where_runs_gather() -> None:
    day = pilot()
    day.change((replace(day.school.programmes[CARE], post_days=7, post_weekday=4),))
    come(day)
    day.next_day(7)
    day.close("19:31")
    run(day, 20250113)
    assert day.balance_cents("Vanderzande") == 20_00


def test_a_service_of_the_first_live_day_is_charged_and_one_before_it_is_not_whenever_it_is_known() -> None:
    day = pilot(live_from=TUESDAY)
    day.tap("Léa", "care-in", "15:40")
    day.next_day()
    come(day)
    assert day.balance_cents("Vanderzande") == 18_50
    day.date = MONDAY
    day.tap("Léa", "care-out", "16:40")  # it came a day late, and is of the pilot
    assert day.balance_cents("Vanderzande") == 18_50


def test_a_meal_ordered_in_the_pilot_for_a_day_after_it_is_charged_when_the_site_goes_live() -> None:
    day = pilot(live_from=TUESDAY)
    meal = number("meal")
    day.change((Menu(TILLEULS, TUESDAY + timedelta(days=1), (Offer(meal, 4_50),)), Menu(TILLEULS, MONDAY, (Offer(meal, 4_50),))))
    wish = Wish(number("Léa"), TILLEULS, TUESDAY + timedelta(days=1), By.PARENT, moment("08:00"))
    day.do(order, wish, meal)
    assert not any(isinstance(fact, Charged) for fact in day.last)
    (place,) = day.books.deferred
    assert day.do(charge_deferred, place, moment("23:59")) == ()
    day.do(charge_deferred, place, moment("00:00", TUESDAY))
    assert day.balance_cents("Vanderzande") == 15_50
    assert day.do(charge_deferred, place, moment("00:01", TUESDAY)) == ()
    assert day.balance_cents("Vanderzande") == 15_50


def test_a_meal_that_was_cancelled_late_in_the_pilot_is_charged_all_the_same_and_its_portion_stays_to_be_had() -> None:
    """Late is late, whatever the day of the cancellation cost; what is resold comes back."""
    day, wednesday, meal = pilot(live_from=TUESDAY), TUESDAY + timedelta(days=1), number("meal")
    day.bring("Quintelier", 20_00)
    day.change((Menu(TILLEULS, wednesday, (Offer(meal, 4_50),)), Canteen(TILLEULS, days_before=2)))

    def wish(who: str, at_ms: int) -> Wish:
        return Wish(number(who), TILLEULS, wednesday, By.PARENT, at_ms)

    day.do(order, wish("Léa", moment("08:00")), meal)
    day.do(cancel, wish("Léa", moment("10:00")))
    (place,) = day.books.deferred
    day.do(charge_deferred, place, moment("00:00", TUESDAY))
    assert (day.balance_cents("Vanderzande"), day.books.meals[place].late) == (15_50, True)
    day.do(wait, wish("Noé", moment("09:30", wednesday)), meal)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (20_00, 15_50)


@pytest.mark.parametrize(
    ("product", "brought_cents", "limit_cents", "reason"),
    [
        ("sandwich", 0, 0, Reason.PROMISED),  # its policy would have refused it
        ("sandwich", 20_00, 3_00, Reason.PROMISED),  # and so would the parents' daily limit
        ("sandwich", 3_20, 3_20, Reason.NONE),
        ("drink", -9_00, 0, Reason.PROMISED),  # below the site's minimum of -10,00
        ("drink", -8_50, 0, Reason.NONE),
        ("meal", -20_00, 1_00, Reason.NONE),  # a meal has no limit to pass
    ],
)
def test_an_article_that_a_pilot_promised_passes_a_limit_when_it_is_charged_and_says_so(
    product: str, brought_cents: int, limit_cents: int, reason: Reason
) -> None:
    """Nothing is looked at when it is ordered, so it is served; a breach of a limit always carries its reason (promise P7)."""
    day = Day()
    day.bring("Quintelier", brought_cents)
    offer = Offer(number(product), day.school.products[number(product)].price_cents)
    day.change((replace(day.school.sites[TILLEULS], pilot_from=MONDAY, live_from=TUESDAY), Menu(TILLEULS, TUESDAY, (offer,))))
    day.change((replace(day.school.pupils[number("Noé")], daily_limit_cents=limit_cents),))
    day.do(order, Wish(number("Noé"), TILLEULS, TUESDAY, By.PARENT, moment("08:00")), number(product))
    (place,) = day.books.deferred
    day.do(charge_deferred, place, moment("00:00", TUESDAY))
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.reason, day.balance_cents("Quintelier")) == (reason, brought_cents - charged.cents)
    spent_cents = day.books.spent.get(number("Noé"), {}).get(20250107, 0)
    assert spent_cents == (0 if product == "meal" else charged.cents), "what was promised counts towards the parents' daily limit"


def test_an_order_of_the_pilot_for_the_pilot_stays_free() -> None:
    day = pilot()
    meal = number("meal")
    day.change((Menu(TILLEULS, TUESDAY, (Offer(meal, 4_50),)),))
    day.do(order, Wish(number("Léa"), TILLEULS, TUESDAY, By.PARENT, moment("08:00")), meal)
    assert day.books.deferred == {}
    assert day.balance_cents("Vanderzande") == 20_00
