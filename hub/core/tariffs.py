"""What a stay costs: from a tariff and two instants to cents, with the derivation as values."""

from hub.core.calendar import MINUTE_MS
from hub.core.facts import Rule, Why
from hub.core.money import round_tenths
from hub.core.school import Per, Tariff


def price(tariff: Tariff, from_ms: int, to_ms: int) -> tuple[int, Why]:
    """Cents and derivation of one stay.

    Per started period (requirements, section 5): units = minutes // period, and one more when the rest exceeds the tolerance;
    whole minutes, the started one not counted. The cap is applied last.
    """
    minutes = max(to_ms - from_ms, 0) // MINUTE_MS
    units = started_periods(minutes, tariff.period_min, tariff.tolerance_min) if tariff.per is Per.PERIOD else 1
    cents = round_tenths(units * tariff.unit_tenths)
    why = Why(
        rule=Rule.PERIODS if tariff.per is Per.PERIOD else Rule.SESSION,
        from_ms=from_ms,
        to_ms=to_ms,
        minutes=minutes,
        units=units,
        period_min=tariff.period_min,
        tolerance_min=tariff.tolerance_min,
        unit_tenths=tariff.unit_tenths,
        max_cents=tariff.max_cents,
    )
    return (min(cents, tariff.max_cents) if tariff.max_cents else cents), why


def started_periods(minutes: int, period_min: int, tolerance_min: int) -> int:
    """How many periods were started, a rest within the tolerance not counting."""
    whole, rest = divmod(minutes, period_min)
    return whole + (1 if rest > tolerance_min else 0)
