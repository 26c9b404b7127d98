"""Two short days on the real processes: a dead hub, a pulled cable, a night with the office at work, and every check.

On the hub's own broker; the kills (tests/faults) go through mosquitto.
"""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.broker

LIMIT_S = 400
"""Measured: 80 s beside other work on two cores."""


def test_two_short_days_with_their_accidents_pass_every_check_to_the_cent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.demo.day", "--short", "--speed", "90", "--broker", "embedded"]
    lived = subprocess.run(
        [*command, "--keep", str(tmp_path / "town"), "--out", str(tmp_path)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert lived.returncode == 0, lived.stdout + lived.stderr
    assert "FAILED" not in lived.stdout
    assert lived.stdout.count("holds   ") == 12
    assert _number("answered offline", lived.stdout) > 0, "a dead hub and a pulled cable make devices answer alone"
    pictures = [ET.fromstring(one.read_text(encoding="utf-8")) for one in sorted(tmp_path.glob("day-*.svg"))]
    titles = [picture.findtext("{http://www.w3.org/2000/svg}title") for picture in pictures]
    taps = [_number("A school day at Préau:", title or "") for title in titles]
    assert taps[0] >= 25
    assert taps[1:] == [_number("taps sent", lived.stdout) - taps[0]]
    assert taps[1] >= 9, "who sees no light for long, as on a busy machine, taps again"


def _number(after: str, text: str) -> int:
    """The number behind these words, at the beginning of a line."""
    found = re.search(rf"^{after} +(\d+)", text, re.MULTILINE)
    assert found is not None, f"{after} is not in {text}"
    return int(found[1])
