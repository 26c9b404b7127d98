"""The derivation of a price as values: replay and "why this price?" need no old tariff (M3). Fields are only added at the end."""

import enum

from msgspec import Struct


class Rule(enum.StrEnum):
    PERIODS = "periods"
    SESSION = "session"
    PRICE = "price"
    BANDS = "bands"
    UNPRICED = "unpriced"  # no tariff was in force: nothing is charged
    ABSENCE = "absence"  # what the reason of an absence costs


class Part(Struct, frozen=True, array_like=True, gc=False):
    """What the minutes in one band of the clock came to; `start_min` and `end_min` count from the day's midnight."""

    start_min: int
    end_min: int
    minutes: int
    units: int
    period_min: int
    tolerance_min: int
    unit_tenths: int


class Terms(Struct, frozen=True, array_like=True, gc=False):
    """What made a price beside units and unit price; 0 = did not count.

    `line`: of the tariff, from 1. `percent` was taken off for `rank`. `file`: the family file behind `bracket` and `qf_cents`, 0 =
    none was valid, so the maximum. A unit price of QF × `rate_ppm` lies within `least_cents` and `most_cents`. `late_units` of
    `late_cents` were added. `before_cents`: what the tariff group had cost the pupil that day already, of `group_cents` at most.
    """

    line: int
    rank: int = 0
    percent: int = 0
    bracket: int = 0
    qf_cents: int = -1
    file: int = 0
    rate_ppm: int = 0
    least_cents: int = 0
    most_cents: int = 0
    late_after_min: int = 0
    late_min: int = 0
    late_units: int = 0
    late_cents: int = 0
    group: int = 0
    group_cents: int = 0
    before_cents: int = 0
    parts: tuple[Part, ...] = ()


class Why(Struct, frozen=True, array_like=True, gc=False):
    """The derivation of a price as values: replay and "why this price?" need no old tariff (requirement M3).

    `tariff`: the version that was in force, 0 = a price that stands with the product. `terms`: None where there were none.
    """

    rule: Rule
    from_ms: int = 0
    to_ms: int = 0
    minutes: int = 0
    units: int = 1
    period_min: int = 0
    tolerance_min: int = 0
    unit_tenths: int = 0
    max_cents: int = 0
    tariff: int = 0
    terms: Terms | None = None
    supplement_cents: int = 0
    """Added after the maximum: for what was not ordered."""
