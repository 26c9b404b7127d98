"""What a stay costs: tables worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import MINUTE_MS, instant_ms
from hub.core.facts import Rule
from hub.core.school import Per, Programme, Tariff
from hub.core.tariffs import price, started_periods
from proto.messages import Use
from tests.schools import CARE_TARIFF, LONG_DAY, SHORT_DAY, STUDY_TARIFF, ZONE, moment


@pytest.mark.parametrize(
    ("minutes", "units"),
    [(0, 0), (1, 0), (5, 0), (6, 1), (29, 1), (30, 1), (31, 1), (35, 1), (36, 2), (60, 2), (65, 2), (66, 3), (150, 5), (156, 6), (600, 20)],
)
def test_half_hours_that_were_started_with_five_minutes_forgiven(minutes: int, units: int) -> None:
    assert started_periods(minutes, 30, 5) == units


@pytest.mark.parametrize(
    ("period_min", "tolerance_min", "minutes", "units"),
    [(60, 0, 1, 1), (60, 0, 60, 1), (60, 0, 61, 2), (15, 14, 14, 0), (15, 15, 29, 1), (1, 0, 7, 7)],
)
def test_other_periods_and_tolerances(period_min: int, tolerance_min: int, minutes: int, units: int) -> None:
    assert started_periods(minutes, period_min, tolerance_min) == units


@pytest.mark.parametrize(
    ("from_clock", "to_clock", "cents"),
    [
        ("15:30", "15:30", 0),
        ("15:30", "15:35", 0),
        ("15:30", "15:35:59", 0),  # the started minute does not count
        ("15:30", "15:36", 75),
        ("15:30", "16:05:59", 75),
        ("15:30", "16:06", 1_50),
        ("15:30", "18:00", 3_75),
        ("15:30", "19:24", 6_00),  # eight half hours are just the maximum
        ("07:00", "18:00", 6_00),  # 22 half hours would be 16,50 €
        ("16:00", "15:00", 0),
    ],
)
def test_the_price_of_a_stay_in_care(from_clock: str, to_clock: str, cents: int) -> None:
    assert price(CARE_TARIFF, moment(from_clock), moment(to_clock))[0] == cents


@pytest.mark.parametrize(
    ("unit_tenths", "units", "cents"), [(333, 1, 33), (335, 1, 34), (333, 2, 67), (125, 3, 38), (124, 3, 37), (1, 4, 0)]
)
def test_tenths_of_a_cent_are_rounded_once_per_stay_and_not_per_period(unit_tenths: int, units: int, cents: int) -> None:
    tariff = Tariff(Per.PERIOD, unit_tenths, period_min=10)
    assert price(tariff, 0, units * 10 * MINUTE_MS)[0] == cents


@pytest.mark.parametrize("minutes", [0, 1, 70, 1440])
def test_a_session_costs_the_same_however_long_it_lasts(minutes: int) -> None:
    assert price(STUDY_TARIFF, 0, minutes * MINUTE_MS)[0] == 1_00


def test_minutes_are_counted_as_they_pass_when_the_clock_changes() -> None:
    hourly = Tariff(Per.PERIOD, unit_tenths=1000, period_min=60)
    for day, cents in ((LONG_DAY, 4_00), (SHORT_DAY, 2_00)):
        assert price(hourly, instant_ms(day, 60, ZONE), instant_ms(day, 240, ZONE))[0] == cents


def test_a_price_says_how_it_was_made() -> None:
    cents, why = price(CARE_TARIFF, moment("15:30"), moment("16:40"))
    assert (cents, why.rule, why.minutes, why.units, why.unit_tenths, why.max_cents) == (2_25, Rule.PERIODS, 70, 3, 750, 6_00)
    assert (why.period_min, why.tolerance_min, why.from_ms, why.to_ms) == (30, 5, moment("15:30"), moment("16:40"))
    assert price(STUDY_TARIFF, 0, 0)[1].rule is Rule.SESSION


tariffs = st.builds(
    Tariff,
    st.just(Per.PERIOD),
    unit_tenths=st.integers(0, 100_000),
    period_min=st.integers(1, 600),
    tolerance_min=st.integers(0, 700),
    max_cents=st.integers(0, 10_000),
)


@given(tariffs, st.integers(0, 3000), st.integers(0, 3000))
def test_a_longer_stay_is_never_cheaper_and_none_is_negative_or_above_the_maximum(tariff: Tariff, one: int, other: int) -> None:
    shorter, longer = (price(tariff, 0, minutes * MINUTE_MS)[0] for minutes in sorted((one, other)))
    assert 0 <= shorter <= longer
    assert not tariff.max_cents or longer <= tariff.max_cents


@pytest.mark.parametrize(
    "wrong",
    [
        {"per": Per.PERIOD, "unit_tenths": 750},
        {"per": Per.PERIOD, "unit_tenths": 750, "period_min": -30},
        {"per": Per.SESSION, "unit_tenths": -1},
        {"per": Per.SESSION, "unit_tenths": 1, "max_cents": -1},
        {"per": Per.PERIOD, "unit_tenths": 1, "period_min": 30, "tolerance_min": -1},
    ],
)
def test_a_tariff_of_which_no_price_can_be_made_cannot_be_set_up(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a tariff"):
        Tariff(**wrong)  # type: ignore[arg-type]


def test_a_programme_without_exits_cannot_be_priced_by_the_hour() -> None:
    with pytest.raises(ValueError, match="Étude: a price per period needs an exit scan"):
        Programme(1, 1, Use.STUDY, "Étude", (), CARE_TARIFF, needs_exit=False)
