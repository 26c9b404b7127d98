"""The school calendar: what kind of day it is at a site, and until when an order may be changed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import MINUTE_MS, CalendarDay, DayKind, at, day_of, instant_ms
from hub.core.days import ALL_SITES, cut_off_ms, day_kind, is_working
from hub.core.school import School, edited
from tests.schools import LONG_DAY, SHORT_DAY, ZONE, number, small_school

TILLEULS, PARC = number("Tilleuls"), number("Parc")
NINE = 9 * 60


def closed() -> School:
    """Autumn 2025 and spring 2025: All Saints and armistice, two weeks without school, a pedagogic day and a camp at one site."""
    breaks = [CalendarDay(ALL_SITES, date(2025, 10, 20) + timedelta(days=n), DayKind.HOLIDAY, "Vacances d'automne") for n in range(12)]
    return edited(
        small_school(),
        (
            *breaks,
            CalendarDay(ALL_SITES, date(2025, 11, 11), DayKind.PUBLIC, "Armistice"),
            CalendarDay(ALL_SITES, date(2025, 4, 21), DayKind.PUBLIC, "Lundi de Pâques"),
            CalendarDay(TILLEULS, date(2025, 10, 22), DayKind.CAMP),
            CalendarDay(PARC, date(2025, 11, 11), DayKind.SCHOOL),
            CalendarDay(PARC, date(2025, 11, 17), DayKind.PEDAGOGIC),
            CalendarDay(PARC, date(2025, 11, 22), DayKind.SCHOOL, "Portes ouvertes"),
        ),
    )


@pytest.mark.parametrize(
    ("site", "day", "kind"),
    [
        (TILLEULS, date(2025, 11, 10), DayKind.SCHOOL),
        (TILLEULS, date(2025, 11, 12), DayKind.WEDNESDAY),
        (TILLEULS, date(2025, 11, 15), DayKind.WEEKEND),
        (TILLEULS, date(2025, 10, 21), DayKind.HOLIDAY),
        (TILLEULS, date(2025, 10, 22), DayKind.CAMP),
        (PARC, date(2025, 10, 22), DayKind.HOLIDAY),
        (TILLEULS, date(2025, 11, 11), DayKind.PUBLIC),
        (PARC, date(2025, 11, 11), DayKind.SCHOOL),
        (PARC, date(2025, 11, 17), DayKind.PEDAGOGIC),
        (TILLEULS, date(2028, 2, 29), DayKind.SCHOOL),
    ],
)
def test_a_day_is_what_its_weekday_says_unless_the_calendar_of_all_or_of_the_site_says_otherwise(
    site: int, day: date, kind: DayKind
) -> None:
    assert day_kind(closed(), site, day) is kind


@pytest.mark.parametrize(
    ("why", "site", "day", "days_before", "last"),
    [
        ("the day itself", TILLEULS, date(2025, 11, 13), 0, date(2025, 11, 13)),
        ("the day before", TILLEULS, date(2025, 11, 14), 1, date(2025, 11, 13)),
        ("a Monday: the Friday before", TILLEULS, date(2025, 11, 17), 1, date(2025, 11, 14)),
        ("over a weekend and a public holiday", TILLEULS, date(2025, 11, 12), 2, date(2025, 11, 7)),
        ("a site that works on the public holiday", PARC, date(2025, 11, 12), 2, date(2025, 11, 10)),
        ("school holidays are working days", TILLEULS, date(2025, 11, 3), 1, date(2025, 10, 31)),
        ("a pedagogic day is a working day", PARC, date(2025, 11, 18), 1, date(2025, 11, 17)),
        ("a Saturday with school is one", PARC, date(2025, 11, 24), 1, date(2025, 11, 22)),
        ("over Easter", TILLEULS, date(2025, 4, 22), 1, date(2025, 4, 18)),
        ("a day that does not work still has its own cut-off", TILLEULS, date(2025, 11, 11), 0, date(2025, 11, 11)),
        ("the 29th of February counts", TILLEULS, date(2028, 3, 1), 1, date(2028, 2, 29)),
        ("there is none in 2027", TILLEULS, date(2027, 3, 1), 1, date(2027, 2, 26)),
        ("over a new year", TILLEULS, date(2026, 1, 2), 3, date(2025, 12, 30)),
    ],
)
def test_an_order_may_be_changed_until_nine_so_many_working_days_before(
    why: str, site: int, day: date, days_before: int, last: date
) -> None:
    school = closed()
    assert cut_off_ms(school, school.sites[site], day, days_before, NINE) == instant_ms(last, NINE, ZONE)


@pytest.mark.parametrize(("day", "after_midnight_h"), [(LONG_DAY, 10), (SHORT_DAY, 8), (date(2025, 11, 13), 9)])
def test_nine_is_nine_by_the_wall_clock_on_the_days_of_25_and_23_hours(day: date, after_midnight_h: int) -> None:
    school = closed()
    cut_ms = cut_off_ms(school, school.sites[TILLEULS], day, 0, NINE)
    assert at(cut_ms, ZONE).strftime("%H:%M") == "09:00"
    assert cut_ms - instant_ms(day, 0, ZONE) == after_midnight_h * 60 * MINUTE_MS


@given(st.dates(date(2024, 1, 1), date(2029, 12, 31)), st.integers(0, 10))
def test_a_longer_notice_is_never_later_and_ends_on_a_working_day(day: date, days_before: int) -> None:
    school = closed()
    site = school.sites[TILLEULS]
    earlier, later = (cut_off_ms(school, site, day, notice, NINE) for notice in (days_before + 1, days_before))
    assert earlier < later
    assert is_working(school, TILLEULS, day_of(earlier, ZONE))
