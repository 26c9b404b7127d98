"""What a stay costs: tables worked out by hand, and what holds for every tariff."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import MINUTE_MS, CalendarDay, DayKind, day_of, instant_ms
from hub.core.days import ALL_SITES
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Late, Line, Periods, Session
from hub.core.school import FamilyFile, School, TariffGroup, edited
from hub.core.tariffs import Occasion, cents_of, grouped, price, price_of_product, started_periods
from hub.core.whys import Rule, Terms, Why
from tests.schools import CARE_LINE, LONG_DAY, MONDAY, SHORT_DAY, STUDY_LINE, TUESDAY, WEDNESDAY, ZONE, moment, number, small_school, tariff

TILLEULS = number("Tilleuls")
GRID = ByBracket(
    (100, 150, 200, 300, 400, 500, 600, 700, 800, 1000), (300_00, 400_00, 500_00, 600_00, 700_00, 800_00, 900_00, 1000_00, 1200_00)
)
"""Ten brackets from 0,10 € to 1,00 €, by the highest QF of the first nine."""
RATE = ByEffort(rate_ppm=1_200, least_cents=50, most_cents=3_00)
"""0,12 % of the QF, from 0,50 € to 3,00 €."""


def costs(*lines: Line, item: str = "care", group: str = "") -> School:
    """The small school with this tariff from always on."""
    return edited(small_school(), (tariff(item, *lines, group=group),))


def filed(school: School, bracket: int = 0, qf_cents: int = -1) -> School:
    """The Vanderzandes have a valid family file."""
    file = FamilyFile(1, number("Vanderzande"), date(2024, 9, 1), None, bracket, qf_cents, validated_day=date(2024, 9, 1))
    return edited(school, (file,))


def stay(school: School, from_ms: int, to_ms: int, item: str = "care", who: str = "Léa", before_cents: int = 0) -> tuple[int, Why]:
    what = Occasion(school.pupils[number(who)], school.sites[TILLEULS], number(item), from_ms, to_ms, before_cents=before_cents)
    return price(school, what)


def monday(school: School, start: str, end: str) -> int:
    """What Léa's stay in care costs on a Monday, in cents."""
    return stay(school, moment(start), moment(end))[0]


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
    assert monday(small_school(), from_clock, to_clock) == cents


@pytest.mark.parametrize(
    ("unit_tenths", "units", "cents"), [(333, 1, 33), (335, 1, 34), (333, 2, 67), (125, 3, 38), (124, 3, 37), (1, 4, 0)]
)
def test_tenths_of_a_cent_are_rounded_once_per_stay_and_not_per_period(unit_tenths: int, units: int, cents: int) -> None:
    school = costs(Line(Periods(Fixed(unit_tenths), period_min=10)))
    assert stay(school, moment("16:00"), moment("16:00") + units * 10 * MINUTE_MS)[0] == cents


@pytest.mark.parametrize("minutes", [0, 1, 70, 1440])
def test_a_session_costs_the_same_however_long_it_lasts(minutes: int) -> None:
    cents, why = stay(small_school(), moment("16:05"), moment("16:05") + minutes * MINUTE_MS, "study")
    assert (cents, why.rule) == (1_00, Rule.SESSION)


def test_minutes_are_counted_as_they_pass_when_the_clock_changes() -> None:
    hourly = costs(Line(Periods(Fixed(1000), period_min=60)))
    for day, cents in ((LONG_DAY, 4_00), (SHORT_DAY, 2_00)):
        assert stay(hourly, instant_ms(day, 60, ZONE), instant_ms(day, 240, ZONE))[0] == cents


def test_a_price_says_how_it_was_made() -> None:
    cents, why = stay(small_school(), moment("15:30"), moment("16:40"))
    assert (cents, why.rule, why.minutes, why.units, why.unit_tenths, why.max_cents) == (2_25, Rule.PERIODS, 70, 3, 750, 6_00)
    assert (why.period_min, why.tolerance_min, why.from_ms, why.to_ms) == (30, 5, moment("15:30"), moment("16:40"))
    assert (why.tariff, why.terms) == (tariff("care", CARE_LINE).id, None)


# --- which version, which line --------------------------------------------------------------------


def test_the_version_of_the_day_of_the_stay_counts_and_the_last_day_is_not_included() -> None:
    dearer = Line(Periods(Fixed(900), 30, 5))
    school = edited(small_school(), (tariff("care", CARE_LINE, until=TUESDAY), tariff("care", dearer, since=TUESDAY)))
    assert stay(school, moment("16:00"), moment("16:30"))[0] == 75
    assert stay(school, moment("23:50"), moment("00:20", TUESDAY))[0] == 75
    assert stay(school, moment("16:00", TUESDAY), moment("16:30", TUESDAY))[0] == 90


def test_on_a_day_without_a_tariff_nothing_is_charged_and_the_price_says_so() -> None:
    school = edited(small_school(), (tariff("care", CARE_LINE, until=MONDAY),))
    assert stay(school, moment("16:00"), moment("16:30")) == (0, Why(Rule.UNPRICED, units=0))


def test_a_product_costs_its_own_price_until_it_has_a_tariff() -> None:
    school = small_school()
    assert stay(school, moment("12:00"), moment("12:00"), "sandwich") == (3_20, Why(Rule.PRICE, unit_tenths=3200))
    school = edited(school, (tariff("sandwich", Line(Session(Fixed(3500))), since=TUESDAY),))
    assert stay(school, moment("12:00"), moment("12:00"), "sandwich")[0] == 3_20
    cents, why = stay(school, moment("12:00", TUESDAY), moment("12:00", TUESDAY), "sandwich")
    assert (cents, why.rule, why.units) == (3_50, Rule.PRICE, 1)


@pytest.mark.parametrize(
    ("child_type", "day", "cents", "number_of_line"),
    [
        ("", MONDAY, 1_50, 4),
        ("CPAS", MONDAY, 0, 1),
        ("CPAS", WEDNESDAY, 0, 1),
        ("staff", MONDAY, 1_50, 4),
        ("", WEDNESDAY, 3_00, 2),
        ("staff", WEDNESDAY, 3_00, 2),
        ("staff", date(2025, 1, 10), 1_00, 3),
        ("", date(2025, 1, 10), 1_50, 4),
    ],
)
def test_the_first_line_for_the_child_and_the_kind_of_day_counts(child_type: str, day: date, cents: int, number_of_line: int) -> None:
    lines = (
        Line(Session(Fixed(0)), child="CPAS"),
        Line(Session(Fixed(3000)), days=(DayKind.WEDNESDAY, DayKind.CAMP)),
        Line(Session(Fixed(1000)), child="staff", days=(DayKind.PEDAGOGIC,)),
        Line(Session(Fixed(1500))),
    )
    school = costs(*lines)
    lea = replace(school.pupils[number("Léa")], child_type=child_type)
    school = edited(school, (lea, CalendarDay(ALL_SITES, date(2025, 1, 10), DayKind.PEDAGOGIC)))
    found, why = stay(school, moment("16:00", day), moment("17:00", day))
    assert (found, why.terms) == (cents, Terms(number_of_line))


# --- bands of the clock -----------------------------------------------------------------------------

AFTERNOON = Bands(
    (Band(15 * 60 + 30, 16 * 60, Fixed(0), 30), Band(16 * 60, 17 * 60, Fixed(1000), 60), Band(17 * 60, 18 * 60 + 30, Fixed(500), 15, 5))
)
"""Free until four, 1,00 € for the first hour, then 0,50 € per quarter of an hour with five minutes forgiven."""


@pytest.mark.parametrize(
    ("start", "end", "cents"),
    [
        ("15:30", "16:00", 0),
        ("15:30", "16:01", 1_00),
        ("16:30", "17:00", 1_00),
        ("16:30", "17:05", 1_00),
        ("16:30", "17:06", 1_50),
        ("15:30", "17:50", 1_00 + 3 * 50),
        ("15:30", "17:51", 1_00 + 4 * 50),
        ("17:10", "18:30", 5 * 50),
        ("12:00", "15:31", 0),  # before the first band is free
        ("16:00", "20:00", 1_00 + 6 * 50),  # and so is after the last
        ("18:40", "19:00", 0),
    ],
)
def test_each_band_of_the_clock_has_its_own_price(start: str, end: str, cents: int) -> None:
    assert monday(costs(Line(AFTERNOON)), start, end) == cents


def test_the_price_of_bands_says_what_each_of_them_came_to() -> None:
    _, why = stay(costs(Line(AFTERNOON, max_cents=2_00)), moment("15:40"), moment("17:20"))
    assert why.terms is not None
    assert [(part.minutes, part.units, part.unit_tenths) for part in why.terms.parts] == [(20, 1, 0), (60, 1, 1000), (20, 1, 500)]
    assert (why.rule, cents_of(why)) == (Rule.BANDS, 1_50)


def test_bands_go_by_the_wall_clock_and_minutes_by_what_passed_when_the_clock_changes() -> None:
    night = costs(Line(Bands((Band(0, 240, Fixed(1000), 60), Band(240, 300, Fixed(0), 60)))))
    for day, cents in ((LONG_DAY, 5_00), (SHORT_DAY, 3_00)):
        assert stay(night, instant_ms(day, 0, ZONE), instant_ms(day, 300, ZONE))[0] == cents


# --- income -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bracket", "qf_cents", "tenths"),
    [
        (1, -1, 100),
        (4, -1, 300),
        (10, -1, 1000),
        (0, 0, 100),
        (0, 300_00, 100),
        (0, 300_01, 150),
        (0, 1200_00, 800),
        (0, 1200_01, 1000),
        (3, 1200_01, 200),
    ],
)
def test_the_bracket_of_the_family_file_or_else_its_quotient_decides_the_price(bracket: int, qf_cents: int, tenths: int) -> None:
    cents, why = stay(filed(costs(Line(Periods(GRID, 30))), bracket, qf_cents), moment("16:00"), moment("18:00"))
    assert (cents, why.unit_tenths) == ((4 * tenths + 5) // 10, tenths)
    assert why.terms is not None
    assert (why.terms.file, why.terms.qf_cents) == (1, qf_cents)


def test_without_a_valid_file_the_highest_bracket_counts() -> None:
    cents, why = stay(costs(Line(Periods(GRID, 30))), moment("16:00"), moment("18:00"))
    assert (cents, why.terms) == (4_00, Terms(1, bracket=10))


@pytest.mark.parametrize(
    ("qf_cents", "cents"),
    [
        (0, 50),
        (416_66, 50),
        (420_83, 50),
        (420_84, 51),
        (850_00, 1_02),
        (854_16, 1_02),
        (854_17, 1_03),
        (2500_00, 3_00),
        (9999_00, 3_00),
        (-1, 3_00),
    ],
)
def test_an_effort_rate_is_a_share_of_the_quotient_within_bounds(qf_cents: int, cents: int) -> None:
    found, why = stay(filed(costs(Line(Session(RATE))), 5, qf_cents), moment("16:00"), moment("18:00"))
    assert found == cents
    assert why.terms == Terms(1, file=1, qf_cents=qf_cents, rate_ppm=1_200, least_cents=50, most_cents=3_00)


# --- late pick-up, and tariff groups ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "end", "cents"),
    [
        (Late(18 * 60, 5_00), "18:00", 0),
        (Late(18 * 60, 5_00), "18:00:59", 0),
        (Late(18 * 60, 5_00), "18:01", 5_00),
        (Late(18 * 60, 5_00), "20:00", 5_00),
        (Late(18 * 60, 5_00, tolerance_min=5), "18:05", 0),
        (Late(18 * 60, 5_00, tolerance_min=5), "18:06", 5_00),
        (Late(18 * 60, 2_50, 15), "18:01", 2_50),
        (Late(18 * 60, 2_50, 15), "18:15", 2_50),
        (Late(18 * 60, 2_50, 15), "18:16", 5_00),
        (Late(18 * 60, 2_50, 15, 5), "18:20", 2_50),
    ],
)
def test_being_fetched_late_costs_a_supplement_above_the_maximum(late: Late, end: str, cents: int) -> None:
    school = costs(Line(Session(Fixed(7_000)), max_cents=6_00, late=late))
    assert monday(school, "16:00", end) == 6_00 + cents


def test_who_comes_when_it_is_late_already_is_late_from_then_on() -> None:
    school = costs(Line(Session(Fixed(0)), late=Late(18 * 60, 1_00, 15)))
    assert monday(school, "18:30", "18:50") == 2_00


@pytest.mark.parametrize(("quantity", "cents"), [(1, 1_00), (2, 2_00), (3, 3_00)])
def test_the_maximum_of_an_article_is_for_each_of_them(quantity: int, cents: int) -> None:
    school = costs(Line(Session(Fixed(1250)), max_cents=1_00), item="drink")
    pupil, drink = school.pupils[number("Léa")], school.products[number("drink")]
    assert price_of_product(school, pupil, drink, MONDAY, quantity)[0] == cents


@pytest.mark.parametrize(("before_cents", "cents"), [(0, 3_75), (1_00, 3_75), (2_00, 3_00), (4_99, 1), (5_00, 0), (9_00, 0)])
def test_the_programmes_of_a_group_cost_a_pupil_so_much_a_day_at_most(before_cents: int, cents: int) -> None:
    school = edited(costs(CARE_LINE, group="day"), (TariffGroup(number("day"), "Extrascolaire", 5_00),))
    found, why = stay(school, moment("15:30"), moment("18:00"), before_cents=before_cents)
    assert (found, why.terms) == (cents, Terms(1, group=number("day"), group_cents=5_00, before_cents=before_cents))


def test_a_group_is_what_its_tariffs_of_the_day_say() -> None:
    rows = (
        tariff("care", CARE_LINE, until=TUESDAY, group="day"),
        tariff("care", CARE_LINE, since=TUESDAY),
        tariff("study", STUDY_LINE, group="day"),
    )
    school = edited(small_school(), (*rows, TariffGroup(number("day"), "Extrascolaire", 5_00)))
    assert grouped(school, number("care"), MONDAY) == {number("care"), number("study")}
    assert grouped(school, number("study"), TUESDAY) == {number("study")}
    assert grouped(school, number("parc-care"), MONDAY) == frozenset()


# --- what holds for every tariff --------------------------------------------------------------------

fixed = st.builds(Fixed, st.integers(0, 100_000))
brackets = st.builds(
    ByBracket, st.lists(st.integers(0, 5_000), min_size=10, max_size=10).map(tuple), st.just(tuple(range(100_00, 1000_00, 100_00)))
)
efforts = st.builds(ByEffort, st.integers(0, 20_000), st.integers(0, 100), st.integers(100, 900))
units = fixed | brackets | efforts
periods = st.builds(Periods, units, period_min=st.integers(1, 600), tolerance_min=st.integers(0, 700))


@st.composite
def bands(draw: st.DrawFn) -> Bands:
    """Two to four that follow each other."""
    edges = sorted(draw(st.lists(st.integers(600, 1500), min_size=3, max_size=5, unique=True)))
    return Bands(
        tuple(Band(start, end, draw(units), draw(st.integers(1, 120)), draw(st.integers(0, 30))) for start, end in pairwise(edges))
    )


lates = st.none() | st.builds(Late, st.integers(900, 1200), st.integers(0, 900), st.integers(0, 60), st.integers(0, 20))
tariff_lines = st.builds(Line, periods | bands() | st.builds(Session, units), max_cents=st.integers(0, 10_000), late=lates)
minutes = st.integers(0, 1000)


@given(tariff_lines, minutes, minutes, minutes, st.integers(-1, 1500_00))
def test_a_longer_stay_is_never_cheaper_and_none_is_negative(line: Line, start: int, one: int, other: int, qf_cents: int) -> None:
    school = filed(costs(line), 0 if qf_cents >= 0 else 10, qf_cents)
    from_ms = moment("00:00") + start * MINUTE_MS
    shorter, longer = (stay(school, from_ms, from_ms + length * MINUTE_MS)[0] for length in sorted((one, other)))
    assert 0 <= shorter <= longer


@given(tariff_lines, minutes, minutes, st.integers(0, 9_00))
def test_no_stay_is_above_its_maximum_but_for_the_supplement_nor_the_day_above_the_groups(
    line: Line, start: int, length: int, before_cents: int
) -> None:
    from_ms = moment("00:00") + start * MINUTE_MS
    cents, why = stay(costs(line), from_ms, from_ms + length * MINUTE_MS)
    late_cents = why.terms.late_units * why.terms.late_cents if why.terms else 0
    assert not line.max_cents or cents - late_cents <= line.max_cents
    capped = edited(costs(line, group="day"), (TariffGroup(number("day"), "Jour", 9_00),))
    within = stay(capped, from_ms, from_ms + length * MINUTE_MS, before_cents=before_cents)[0]
    assert within == min(cents, 9_00 - before_cents)


@given(st.integers(0, 5_000), st.integers(1, 120), minutes, minutes)
def test_a_stay_cut_in_two_is_never_cheaper_where_no_minute_is_forgiven(tenths: int, period_min: int, first: int, second: int) -> None:
    school = costs(Line(Periods(Fixed(tenths * 10), period_min)))
    start = moment("07:00")
    middle, end = start + first * MINUTE_MS, start + (first + second) * MINUTE_MS
    whole, one, two = (stay(school, *span)[0] for span in ((start, end), (start, middle), (middle, end)))
    assert whole <= one + two <= whole + tenths


@given(tariff_lines, minutes, minutes)
def test_the_derivation_alone_gives_the_amount_again(line: Line, start: int, length: int) -> None:
    from_ms = moment("00:00") + start * MINUTE_MS
    cents, why = stay(costs(line), from_ms, from_ms + length * MINUTE_MS)
    assert cents_of(why) == cents
    assert (why.from_ms, why.to_ms, why.minutes) == (from_ms, from_ms + length * MINUTE_MS, length)
    assert day_of(why.from_ms, ZONE) == MONDAY
