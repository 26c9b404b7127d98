"""What a device's lamps have shown, followed from outside while it is written: its trace, each line once. It knows no tap."""

import json
from pathlib import Path

from proto.messages import Light

ANSWERS = frozenset(light.value for light in Light) - {Light.AGAIN.value}
"""Patterns that tell a pupil that the tap is done with; after "again" the badge is held once more."""


class Lamps:
    """The lamps of one device; `look` reads what is new. Times are CLOCK_BOOTTIME in µs."""

    def __init__(self, trace: Path) -> None:
        self._ready = False
        self.answers = 0
        self.answered_us: dict[str, int] = {}
        """Reader -> its last answer to anybody."""
        self.read_us: dict[str, int] = {}
        """Reader -> when it last showed that it had read something."""
        self._trace = trace
        self._place = 0

    def ready(self) -> bool:
        """Whether the ring last told that the hub is there."""
        self.look()
        return self._ready

    def look(self) -> None:
        """Everything written since the last look; a line that is not whole yet is left for the next one."""
        if not self._trace.exists():
            return
        with self._trace.open("rb") as trace:
            trace.seek(self._place)
            lines = trace.read().rpartition(b"\n")[0]
        self._place += len(lines) + 1 if lines else 0
        for line in lines.splitlines():
            self._lit(json.loads(line))

    def _lit(self, line: dict[str, str | int]) -> None:
        pattern, reader, at_us = str(line["pattern"]), str(line["reader"]), int(line["mono_us"])
        if pattern in {"away", "ready"} and not reader:
            self._ready = pattern == "ready"
        elif pattern == "reading":
            self.read_us[reader] = at_us
        elif pattern in ANSWERS:
            self.answers += 1
            self.answered_us[reader] = at_us
