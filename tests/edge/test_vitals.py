"""A device tells its own trouble: memory, disk, power."""

from pathlib import Path

import pytest

from edge.vitals import VitalPaths, read_vitals


def paths(tmp_path: Path, throttled: str | None = None, vcgencmd: str | None = None) -> VitalPaths:
    (tmp_path / "statm").write_text("9000 2500 800 1 0 900 0\n")
    (tmp_path / "uptime").write_text("3661.93 7000.00\n")
    if throttled is not None:
        (tmp_path / "get_throttled").write_text(throttled)
    program = tmp_path / "vcgencmd"
    if vcgencmd is not None:
        program.write_text(f"#!/bin/sh\n{vcgencmd}\n")
        program.chmod(0o700)
    return VitalPaths(tmp_path / "statm", tmp_path / "uptime", tmp_path / "get_throttled", str(program))


@pytest.mark.parametrize(
    ("throttled", "undervoltage"),
    [
        ("0\n", False),
        ("1\n", True),
        ("50000\n", True),
        ("50005\n", True),
        ("4\n", False),  # throttled for heat: not the power supply
        ("e0008\n", False),
        ("", None),
    ],
)
def test_a_weak_power_supply_is_reported(tmp_path: Path, throttled: str, undervoltage: bool | None) -> None:
    assert read_vitals(tmp_path, paths(tmp_path, throttled)).undervoltage is undervoltage


@pytest.mark.parametrize(
    ("program", "undervoltage"),
    [
        ("echo throttled=0x0", False),
        ("echo throttled=0x50005", True),
        ("echo 'VCHI initialization failed'", None),
        (None, None),
    ],
)
def test_without_the_kernels_file_the_firmwares_own_program_is_asked(
    tmp_path: Path, program: str | None, undervoltage: bool | None
) -> None:
    assert read_vitals(tmp_path, paths(tmp_path, None, program)).undervoltage is undervoltage


def test_memory_disk_and_uptime_are_those_of_this_device(tmp_path: Path) -> None:
    made_up = read_vitals(tmp_path, paths(tmp_path))
    assert made_up.uptime_s == 3661
    assert made_up.rss_kb in {2500 * 4, 2500 * 16}, "pages of 4 KiB, or 16 KiB on a Pi 5"
    real = read_vitals(tmp_path)
    assert 5_000 < real.rss_kb < 1_000_000
    assert real.disk_free_mb > 0
    assert real.uptime_s > 0
