"""What a small chart of bars and its table show: how fast lights were, how many scans waited. The template draws it as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.web.render import clock
from proto.messages import LATENCY_EDGES_MS

TALL = 100
"""Units of the highest bar in a chart's box."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`height`: of TALL; whatever is not nothing can be seen."""

    label: str
    count: int
    height: int


def latencies(counts: Sequence[int]) -> tuple[Bar, ...]:
    """Taps by how long the light took, since the device's start; empty without any tap."""
    if not any(counts):
        return ()
    labels = [*(f"≤ {edge} ms" for edge in LATENCY_EDGES_MS), f"> {LATENCY_EDGES_MS[-1]} ms"]
    padded = [*counts, *[0] * (len(labels) - len(counts))]
    return _bars(list(zip(labels, padded, strict=True)))


def depths(kept: Sequence[tuple[int, int]], zone: ZoneInfo) -> tuple[Bar, ...]:
    """The most scans that waited, in steps of five minutes, oldest first."""
    return _bars([(clock(at_ms, zone), depth) for at_ms, depth in kept])


def _bars(found: list[tuple[str, int]]) -> tuple[Bar, ...]:
    most = max((count for _, count in found), default=0)
    return tuple(Bar(label, count, max(2, count * TALL // most) if count else 0) for label, count in found)
