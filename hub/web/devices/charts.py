"""What a device's charts and their tables show: how fast lights were, how many scans waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.web.charts import WIDE, Columns, columns
from hub.web.render import clock
from proto.messages import LATENCY_EDGES_MS


@dataclass(frozen=True, slots=True)
class Measured:
    """A chart, and its figures: (label, how many)."""

    chart: Columns
    rows: tuple[tuple[str, int], ...]


def latencies(counts: Sequence[int]) -> Measured | None:
    """Taps by how long the light took, since the device's start; None without any tap."""
    if not any(counts):
        return None
    labels = [*(f"≤ {edge} ms" for edge in LATENCY_EDGES_MS), f"> {LATENCY_EDGES_MS[-1]} ms"]
    padded = [*counts, *[0] * (len(labels) - len(counts))]
    return _measured(tuple(zip(labels, padded, strict=True)))


def depths(kept: Sequence[tuple[int, int]], zone: ZoneInfo) -> Measured | None:
    """The most scans that waited, in steps of five minutes, oldest first; None where nothing is known."""
    return _measured(tuple((clock(at_ms, zone), depth) for at_ms, depth in kept)) if kept else None


def _measured(rows: tuple[tuple[str, int], ...]) -> Measured:
    return Measured(columns([label for label, _ in rows], [(count,) for _, count in rows], size=WIDE), rows)
