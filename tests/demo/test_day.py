"""A quarter of an hour of a school day on the real processes, on both brokers: a dead hub, a pulled cable, and every check."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.broker

LIMIT_S = 240
"""Measured: 35 s alone on two cores."""


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_quarter_of_a_school_day_with_its_accidents_passes_every_check(broker: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.demo.day", "--short", "--speed", "90", "--broker", broker]
    lived = subprocess.run(
        [*command, "--keep", str(tmp_path / "town"), "--out", str(tmp_path)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert lived.returncode == 0, lived.stdout + lived.stderr
    assert "FAILED" not in lived.stdout
    assert lived.stdout.count("holds   ") == 10
    offline = re.search(r"^answered offline +(\d+)", lived.stdout, re.MULTILINE)
    assert offline is not None
    assert int(offline[1]) > 0, "a dead hub and a pulled cable make devices answer alone"
    picture = ET.fromstring((tmp_path / "day.svg").read_text(encoding="utf-8"))
    assert picture.findtext("{http://www.w3.org/2000/svg}title") == "A school day at Préau: 25 taps on three devices"
