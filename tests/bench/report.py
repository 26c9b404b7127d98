"""What was measured, as a table, as JSON and as a picture. Arithmetic only: nothing here is measured.

Every figure is a ratio or a count that carries over to other machines; the absolute ones beside it belong to the machine in the head.
"""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from statistics import median

import msgspec

WHAT = 78
"""Width of the column that says what was measured."""
BAR_MAX_TARGETS = 2.0
"""Bars of the picture end at twice the target."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `value` is held against `target`: at most that, or `least` that; without one it is told for understanding."""

    key: str
    what: str
    value: float
    target: float | None
    beside: str = ""
    """The absolute figures of this machine."""
    least: bool = False

    @property
    def used(self) -> float | None:
        """Share of the target that is used up; above 1 it is missed."""
        if not self.target:
            return None
        return self.target / max(self.value, 1e-9) if self.least else self.value / self.target

    @property
    def holds(self) -> bool | None:
        return None if self.used is None else self.used <= 1

    @property
    def limit(self) -> str:
        """The target in words."""
        return "" if self.target is None else f"{'>=' if self.least else ''}{self.target:g}"


@dataclass(frozen=True, slots=True)
class Report:
    """A run: when, on what, how loaded, and what came out. `load` is the one-minute average before and after."""

    day: str
    machine: str
    load: tuple[float, float]
    rounds: int
    broker: str
    rows: tuple[Row, ...]


def machine() -> str:
    """What the figures depend on, without the machine's name."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel, python = platform.release().split("-")[0], platform.python_version()
    order = {os.SCHED_OTHER: f"nice {os.nice(0)}"}.get(os.sched_getscheduler(0), "real-time scheduling")
    return f"{os.cpu_count()} x {platform.machine()}, {memory_gb:.0f} GB, Linux {kernel}, Python {python}, {order}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values do not exceed."""
    if not values:
        raise ValueError("no values: nothing was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(rounds: Sequence[tuple[Sequence[float], Sequence[float]]], share: float) -> float:
    """The median over the rounds of (percentile of the first) / (percentile of the second), each pair measured side by side."""
    return median(percentile(measured, share) / percentile(floor, share) for measured, floor in rounds)


def middle(rounds: Sequence[Sequence[float]], share: float) -> float:
    """The median over the rounds of a percentile."""
    return median(percentile(values, share) for values in rounds)


def as_text(report: Report) -> str:
    """The table."""
    lines = [
        f"{report.day}  {report.machine}",
        f"{report.rounds} rounds, medians; broker: {report.broker}; load {report.load[0]:.1f} before, {report.load[1]:.1f} after",
        "",
        f"{'':6}{'measure':{WHAT}}{'value':>9}{'target':>9}  {'':6}on this machine",
    ]
    for row in report.rows:
        verdict = {None: "", True: "holds", False: "MISSED"}[row.holds]
        lines.append(f"{row.key:6}{row.what:{WHAT}}{_number(row.value):>9}{row.limit:>9}  {verdict:8}{row.beside}".rstrip())
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> bytes:
    """The same, to be read again."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def as_svg(report: Report) -> str:
    """A bar for each row with a target: its length is the share of it that is used, the line is the target."""
    rows = [row for row in report.rows if row.target]
    height = 26 * len(rows) + 70
    full, left, scale = 1060, 560, 200
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{full}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{full}" height="{height}" fill="white"/>',
        f'<text x="10" y="20" font-weight="bold">{escape(report.day)}: share of the target used (the line is the target)</text>',
        f'<text x="10" y="38" fill="#555">{escape(report.machine)}; {report.rounds} rounds; broker: {escape(report.broker)}</text>',
    ]
    for place, row in enumerate(rows):
        y = 50 + 26 * place
        width = min(row.used or 0.0, BAR_MAX_TARGETS) * scale
        colour = "#2a7f3f" if row.holds else "#b3261e"
        parts.append(f'<text x="10" y="{y + 15}">{escape(f"{row.key} {row.what}")[:88]}</text>')
        parts.append(f'<rect x="{left}" y="{y + 3}" width="{width:.1f}" height="16" fill="{colour}"/>')
        parts.append(f'<text x="{left + max(width, scale) + 8:.0f}" y="{y + 15}">{_number(row.value)} of {escape(row.limit)}</text>')
    bottom = 50 + 26 * len(rows)
    parts.append(f'<line x1="{left + scale}" y1="46" x2="{left + scale}" y2="{bottom}" stroke="black" stroke-width="1.5"/>')
    return "\n".join([*parts, "</svg>", ""])


def today() -> str:
    """The day of the run, for the head and the file names."""
    return date.today().isoformat()  # noqa: DTZ011 - the day on the wall of whoever runs it


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
