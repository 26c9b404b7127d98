"""The calendar of a country and of the school's own days, as rows that staff may change."""

from datetime import date

import pytest

from hub.core.calendar import CalendarDay, DayKind
from hub.core.days import ALL_SITES, day_kind
from hub.core.school import School, edited
from hub.days import CalendarFile, DayFile, calendar_rows
from hub.errors import ImportRefusedError
from tests.schools import number, small_school

YEAR = CalendarFile(country="BE", part="French", since=date(2025, 9, 1), until=date(2026, 9, 1))
TILLEULS, PARC = number("Tilleuls"), number("Parc")


def opened(file: CalendarFile, school: School | None = None) -> School:
    before = school or small_school()
    return edited(before, calendar_rows(file, "school.toml", before))


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2025, 9, 1), DayKind.SCHOOL),
        (date(2025, 9, 3), DayKind.WEDNESDAY),
        (date(2025, 10, 20), DayKind.HOLIDAY),  # the autumn break of the French community
        (date(2025, 10, 25), DayKind.WEEKEND),
        (date(2025, 11, 11), DayKind.PUBLIC),
        (date(2025, 12, 25), DayKind.PUBLIC),  # in the winter break
        (date(2025, 12, 26), DayKind.HOLIDAY),
        (date(2026, 4, 6), DayKind.PUBLIC),
        (date(2026, 9, 1), DayKind.SCHOOL),
    ],
)
def test_a_belgian_school_year_of_the_french_community(day: date, kind: DayKind) -> None:
    assert day_kind(opened(YEAR), TILLEULS, day) is kind


def test_another_country_and_only_the_days_asked_for() -> None:
    france = CalendarFile(country="FR", part="Zone A", since=date(2025, 7, 1), until=date(2025, 8, 1))
    assert [(row.day, row.kind) for row in calendar_rows(france, "f", small_school()) if row.kind is DayKind.PUBLIC] == [
        (date(2025, 7, 14), DayKind.PUBLIC)
    ]


def test_what_staff_have_said_of_a_day_stays_when_the_file_is_read_again() -> None:
    school = edited(opened(YEAR), (CalendarDay(ALL_SITES, date(2025, 11, 11), DayKind.SCHOOL, "Ouvert"),))
    again = opened(YEAR, school)
    assert again.days == school.days
    assert day_kind(again, PARC, date(2025, 11, 11)) is DayKind.SCHOOL


def test_a_day_that_is_written_goes_before_the_countrys_and_for_one_site_only() -> None:
    file = CalendarFile(
        country="BE",
        part="French",
        since=date(2025, 9, 1),
        until=date(2026, 9, 1),
        days=[
            DayFile(day=date(2025, 10, 20), kind=DayKind.CAMP, site="Les Tilleuls", name="Plaine"),
            DayFile(day=date(2025, 11, 17), kind=DayKind.PEDAGOGIC),
        ],
    )
    school = opened(file)
    assert [day_kind(school, site, date(2025, 10, 20)) for site in (TILLEULS, PARC)] == [DayKind.CAMP, DayKind.HOLIDAY]
    assert [day_kind(school, site, date(2025, 11, 17)) for site in (TILLEULS, PARC)] == [DayKind.PEDAGOGIC, DayKind.PEDAGOGIC]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (CalendarFile(country="XX", since=date(2025, 1, 1), until=date(2026, 1, 1)), "XX"),
        (CalendarFile(country="BE", part="Lune", since=date(2025, 1, 1), until=date(2026, 1, 1)), "Lune"),
        (CalendarFile(country="NL", since=date(2025, 1, 1), until=date(2026, 1, 1)), "NL `` has no school holidays"),
        (CalendarFile(country="BE"), "say `from` and `until`"),
        (CalendarFile(country="BE", since=date(2026, 1, 1), until=date(2025, 1, 1)), "say `from` and `until`"),
        (CalendarFile(country="BE", since=date(2025, 1, 1), until=date(2225, 1, 1)), "10 years"),
        (CalendarFile(days=[DayFile(day=date(2025, 1, 1), kind=DayKind.CAMP, site="Lune")]), "site `Lune` is not known"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_in_a_sentence(file: CalendarFile, said: str) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        calendar_rows(file, "school.toml", small_school())
    assert said in str(caught.value)
