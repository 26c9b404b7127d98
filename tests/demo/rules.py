"""The made-up school of the two weeks: its rules and prices as plain numbers, and the same as `preau-hub setup` reads them.

Centre has one wallet for each household that pays, Moulin two for each pupil. Nothing is worked out here.
"""

from datetime import date, timedelta

from tests.demo.school import CENTRE, MOULIN

HOT, LIGHT, PACKED = "Repas chaud", "Repas léger", "Repas du Moulin"
SANDWICH, DRINK = "Sandwich", "Boisson"
CARE, STUDY = "Garderie", "Étude"
HOMEWORK, WORKSHOP = "Devoirs", "Atelier"
"""Homework takes its hours out of the care of who is registered; at the workshop who is registered counts as present."""
WEEKDAYS, WEDNESDAY = ("mon", "tue", "wed", "thu", "fri"), 2

CARE_TENTHS, CARE_TENTHS_LATER = 750, 850
"""A started half-hour of care, in tenths of a cent; later: from the second Monday on."""
CARE_PERIOD_MIN, CARE_MOST_CENTS = 30, 6_00
WEDNESDAY_TENTHS, WEDNESDAY_PERIOD_MIN, WEDNESDAY_MOST_CENTS = 1_005, 60, 4_00
TOLERANCE_MIN = 5
MORNING_ENDS_MS, EVENING_ENDS_MS, REACH_MS = 510 * 60_000, 18 * 3_600_000, 90 * 60_000
"""Of the hours before school, and of those after it (of care and of study); and how long after them somebody may still leave."""
LESS = (0, 25, 50)
"""Percents off for the first, the second, the third child and all who follow."""
STUDY_PPM, STUDY_LEAST_CENTS, STUDY_MOST_CENTS = 1_200, 40, 1_50
"""A session of study is 0,12 % of the QF within bounds; without a family file it is the most."""
HOMEWORK_CENTS, HOMEWORK_MS = 1_20, (965 * 60_000, 1020 * 60_000)
"""A session, and its hours, in ms after midnight; not on Wednesdays."""
WORKSHOP_CENTS, WORKSHOP_DAYS = 2_40, (1, 2)
ILL, UNEXCUSED = "Malade", "Non prévenu"
ABSENT = {ILL: (50, 0), UNEXCUSED: (0, 2_00)}
"""What it costs that a registered pupil does not come: percent of the session, or cents."""
CLASS_MS, LATE_MS, CLASS_ENDS_MS = 520 * 60_000, 525 * 60_000, 930 * 60_000
"""When class begins, who is late, and when it is over, in ms after midnight."""
HOT_CENTS = (4_50, 4_50, 0, 4_20, 5_00)
"""By weekday; Centre has no meal on Wednesdays."""
LIGHT_CENTS, PACKED_CENTS, WALK_UP_CENTS = 3_40, 4_10, 50
ARTICLES_CENTS = {SANDWICH: 3_20, DRINK: 1_15}


def care_numbers(weekday: int, *, later: bool) -> tuple[int, int, int]:
    """Tenths of a cent for a started period, its minutes, and the most a stay costs, in cents."""
    if weekday == WEDNESDAY:
        return WEDNESDAY_TENTHS, WEDNESDAY_PERIOD_MIN, WEDNESDAY_MOST_CENTS
    return (CARE_TENTHS_LATER if later else CARE_TENTHS), CARE_PERIOD_MIN, CARE_MOST_CENTS


def ends_ms(at_ms: int) -> int:
    """When the hours around an instant are over; both are ms after midnight."""
    return MORNING_ENDS_MS if at_ms < 11 * 3_600_000 else EVENING_ENDS_MS


def absent_cents(reason: str, session_cents: int) -> int:
    """What an absence costs."""
    percent, cents = ABSENT[reason]
    return cents + (session_cents * percent + 50) // 100


def meal_cents(product: str, weekday: int) -> int:
    """As the menu of such a day has it."""
    return {HOT: HOT_CENTS[weekday], LIGHT: LIGHT_CENTS, PACKED: PACKED_CENTS, **ARTICLES_CENTS}[product]


def wallet_name(site: str, owner: str) -> str:
    """As `preau-hub wallet list` names it: of a household, or the general one of a pupil."""
    return f"{site}/{owner}{'' if site == CENTRE else ' (general)'}"


def other_purse(name: str) -> str:
    """A pupil's other wallet."""
    return name.replace("(general)", "(reserve)") if "(general)" in name else name.replace("(reserve)", "(general)")


def cents(euros: str) -> int:
    """`12,50`."""
    whole, _, rest = euros.partition(",")
    return int(whole) * 100 + int(rest)


def euros(cents: int) -> str:
    """`-9,00`."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100},{abs(cents) % 100:02d}"


def _tenths(tenths: int) -> str:
    return f"{tenths // 1000},{tenths % 1000:03d}"


def care_tariff(tenths: int, since: date | None = None) -> str:
    """A version of the care tariff: Wednesdays by the hour, other days by the half-hour, less for brothers and sisters."""
    fewer = f"tolerance_min = {TOLERANCE_MIN}, siblings = {{ less = {list(LESS)} }}"
    half_hour = f'price = "{_tenths(tenths)}", period_min = {CARE_PERIOD_MIN}, at_most = "{euros(CARE_MOST_CENTS)}"'
    hour = f'price = "{_tenths(WEDNESDAY_TENTHS)}", period_min = {WEDNESDAY_PERIOD_MIN}, at_most = "{euros(WEDNESDAY_MOST_CENTS)}"'
    return f"""
[[tariffs]]
site = "{CENTRE}"
programme = "{CARE}"
{f"from = {since.isoformat()}" if since else ""}
lines = [
    {{ days = ["wednesday"], {hour}, {fewer} }},
    {{ {half_hour}, {fewer} }},
]
"""


def description(day_off: date, posted_on: date, live: date, group: str, later: date | None = None) -> str:
    """What `preau-hub setup` reads, with a public holiday, and care posted weekly on one weekday.

    Moulin goes `live` after a pilot; mornings are noted of one class (`group`). `later`: from when on the second version of the care
    tariff holds.
    """
    effort = f'{{ rate = "0,12", at_least = "{euros(STUDY_LEAST_CENTS)}", at_most = "{euros(STUDY_MOST_CENTS)}" }}'
    versions = care_tariff(CARE_TENTHS) + (care_tariff(CARE_TENTHS_LATER, later) if later else "")
    return f"""\
{_absences()}
{_centre(posted_on, group)}
{_moulin(live)}
{versions}
[[tariffs]]
site = "{MOULIN}"
programme = "{STUDY}"
lines = [{{ effort = {effort} }}]

[calendar]
days = [{{ day = {day_off.isoformat()}, kind = "public", name = "Jour férié" }}]
"""


def _absences() -> str:
    percent, cents = ABSENT[ILL][0], ABSENT[UNEXCUSED][1]
    return f'absences = [{{ name = "{ILL}", percent = {percent} }}, {{ name = "{UNEXCUSED}", amount = "{euros(cents)}" }}]'


def _centre(posted_on: date, group: str) -> str:
    return f"""\
[[sites]]
name = "{CENTRE}"
floor = "-10,00"
wallets = "household"
[[sites.class_hours]]
groups = ["{group}"]
days = [{", ".join(f'"{day}"' for day in WEEKDAYS)}]
start = "08:40"
tolerance_min = 5
absent_at = "09:30"
end = "15:30"

[sites.canteen]
walk_up = "surcharge"
walk_up_surcharge = "{euros(WALK_UP_CENTS)}"

[[sites.programmes]]
name = "{CARE}"
use = "care"
hours = [
    {{ days = ["mon", "tue", "wed", "thu", "fri"], start = "07:00", end = "08:30" }},
    {{ days = ["mon", "tue", "thu", "fri"], start = "15:30", end = "18:00" }},
    {{ days = ["wed"], start = "12:00", end = "18:00" }},
]
posting = {{ every_days = 7, weekday = "{WEEKDAYS[posted_on.weekday()]}" }}

[[sites.programmes]]
name = "{HOMEWORK}"
use = "study"
within = "{CARE}"
attendance = "registered"
price = "{euros(HOMEWORK_CENTS)}"
hours = [{{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "17:00" }}]
{_product(HOT, "meal", HOT_CENTS[0], "must_serve")}
{_product(LIGHT, "meal", LIGHT_CENTS, "must_serve")}
{_product(SANDWICH, "article", ARTICLES_CENTS[SANDWICH], "limit")}
{_product(DRINK, "article", ARTICLES_CENTS[DRINK], "must_have_funds")}
[[sites.devices]]
id = "care-door"
name = "Porte de la garderie"
readers = [
    {{ id = "door", name = "Porte de la garderie", use = "care", direction = "toggle", door_ms = 800 }},
    {{ id = "front", name = "Entrée", use = "entrance", direction = "in" }},
]

[[sites.devices]]
id = "till"
name = "Caisse du réfectoire"
readers = [
    {{ id = "meals", name = "Repas", use = "till", direction = "in", product = "{HOT}" }},
    {{ id = "snacks", name = "Sandwichs", use = "till", direction = "in", product = "{SANDWICH}" }},
]
"""


def _moulin(live: date) -> str:
    return f"""\
[[sites]]
name = "{MOULIN}"
wallets = "pupil"
pilot_from = {(live - timedelta(days=2)).isoformat()}
live_from = {live.isoformat()}
[sites.canteen]
cut_off = "15:00"
days_before = 1
waiting_until = "11:00"

[[sites.programmes]]
name = "{STUDY}"
use = "study"
scans = "entry"
hours = [{{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "18:00" }}]

[[sites.programmes]]
name = "{WORKSHOP}"
use = "care"
attendance = "auto"
price = "{euros(WORKSHOP_CENTS)}"
hours = [{{ days = [{", ".join(f'"{WEEKDAYS[day]}"' for day in WORKSHOP_DAYS)}], start = "13:30", end = "15:00" }}]
{_product(PACKED, "meal", PACKED_CENTS, "must_serve")}
[[sites.devices]]
id = "hall"
name = "Borne du hall"
readers = [{{ id = "tags", name = "Borne du hall", use = "study", direction = "in" }}]
"""


def _product(name: str, kind: str, cents: int, policy: str) -> str:
    return f"""
[[sites.products]]
name = "{name}"
kind = "{kind}"
price = "{euros(cents)}"
policy = "{policy}"
"""
