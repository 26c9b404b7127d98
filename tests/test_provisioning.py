"""What a fresh machine gets: settings to start from, units, udev rules, the guide. The brokers' files: tests/hub/test_broker.py."""

import fnmatch
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from edge import settings as edge_settings
from proto import badge

ROOT = Path(__file__).resolve().parent.parent
PROVISIONING = ROOT / "provisioning"
RUNNING = (ROOT / "systemd" / "preau-edge.service", ROOT / "systemd" / "preau-hub.service")
SERVICES = (ROOT / "systemd" / "preau-backup.service", *RUNNING)
UNITS = (*SERVICES, ROOT / "systemd" / "preau-backup.timer")
EXPOSURE = 2.0
"""Of 10, as `systemd-analyze security` counts (spec/reliability.md, row 20): a bare unit has 9.6."""


def test_a_device_starts_from_its_example() -> None:
    settings = edge_settings.load(PROVISIONING / "edge.example.toml")
    assert settings.device == "door-1"
    assert {reader.kind for reader in settings.readers} == {"line", "hid", "rdm6300"}


def test_no_pin_is_used_twice_in_the_example() -> None:
    settings = edge_settings.load(PROVISIONING / "edge.example.toml")
    outputs = settings.outputs
    pins = [outputs.ring, outputs.accepted, outputs.look, outputs.adult, outputs.buzzer, *(reader.door_pin for reader in settings.readers)]
    used = [pin for pin in pins if pin is not None]
    assert len(set(used)) == len(used) == 6


def test_the_hubs_example_chooses_the_broker_that_needs_no_installation() -> None:
    example = tomllib.loads((PROVISIONING / "hub.example.toml").read_text())
    assert example["broker"] == {"kind": "embedded", "host": "0.0.0.0", "port": 1883}
    assert example["hub"] == {"data": "/var/lib/preau-hub"}
    assert example["web"] == {"host": "127.0.0.1", "port": 8080, "language": "fr"}


# --- units --------------------------------------------------------------------------------------


def unit(name: str, part: str = "[Service]") -> dict[str, list[str]]:
    """The settings of one section: each key with all its values."""
    values: dict[str, list[str]] = {}
    section = (ROOT / "systemd" / f"{name}.service").read_text().partition(part)[2].partition("\n[")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def systemd_analyze() -> str:
    """Its path, or skip."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("needs systemd-analyze")
    return found


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_is_hardened(path: Path) -> None:
    command = [systemd_analyze(), "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE * 10:.0f}", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.search(r"Overall exposure level for preau-\w+\.service: \d", result.stdout), result.stderr
    assert result.returncode == 0, result.stdout.splitlines()[-1]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_every_line_of_a_unit(path: Path, tmp_path: Path) -> None:
    for each in UNITS:
        (tmp_path / each.name).write_text(re.sub(r"/opt/preau/bin/preau-\w+", "/bin/true", each.read_text()))
    result = subprocess.run(
        [systemd_analyze(), "verify", "--man=no", str(tmp_path / path.name)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in result.stderr.splitlines() if path.stem in line]
    assert (result.returncode, complaints) == (0, [])


@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.stem)
def test_a_unit_comes_back_for_ever_and_is_watched(path: Path) -> None:
    service = unit(path.stem)
    assert service["Type"] == ["notify"]
    assert service["Restart"] == ["always"]
    assert int(service["WatchdogSec"][0]) <= 30
    before = path.read_text().partition("[Service]")[0]
    assert "StartLimitIntervalSec=0\n" in before, "in [Unit]: systemd ignores it elsewhere"


def test_there_is_no_other_unit() -> None:
    assert sorted((ROOT / "systemd").iterdir()) == sorted(UNITS)


def test_a_device_reaches_readers_and_lamps_and_leaves_them_dark() -> None:
    service = unit("preau-edge")
    config = service["ExecStart"][0].partition("--config ")[2]
    assert service["ExecStopPost"] == [f"/opt/preau/bin/preau-edge outputs-off --config {config}"]
    assert service["SupplementaryGroups"] == ["input dialout gpio"]
    ttyacm, ttyusb = "char-166 rw", "char-188 rw"
    assert {"char-input rw", ttyacm, ttyusb, "char-ttyAMA rw", "char-gpiochip rw"} <= set(service["DeviceAllow"])
    assert service["DevicePolicy"] == ["closed"]
    assert "LG_WD=%t/preau-edge" in service["Environment"][0].split()
    assert "PrivateDevices" not in service, "it would hide the readers"
    assert "ProcSubset" not in service, "gpiozero reads /proc/cpuinfo"


def test_a_device_that_is_switched_on_without_a_network_waits_for_none() -> None:
    """`make hil` saw it wait two minutes, dark and deaf, for a network that somebody had unplugged."""
    beginning = unit("preau-edge", "[Unit]")
    waited_for = " ".join(word for key in ("After", "Wants", "Requires", "BindsTo", "Requisite") for word in beginning.get(key, []))
    assert "network.target" in waited_for
    assert "online" not in waited_for


def test_each_night_there_is_a_backup_of_the_hubs_folder_beside_it() -> None:
    """What its command does: tests/hub/test_backup.py."""
    service = unit("preau-backup")
    assert (service["Type"], service["User"]) == (["oneshot"], unit("preau-hub")["User"])
    assert service["StateDirectory"] == [f"{unit('preau-hub')['StateDirectory'][0]} preau-backup"]
    timer = (ROOT / "systemd" / "preau-backup.timer").read_text()
    (when,) = re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE)
    listed = subprocess.run([systemd_analyze(), "calendar", "--iterations=3", when], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"(?:Next elapse|#\d): \w+ [\d-]+ ([\d:]+)", listed) == ["02:30:00"] * 3
    assert "Persistent=true\n" in timer, "a machine that was off makes up for it"


@pytest.mark.parametrize(("name", "example"), [("preau-edge", "edge"), ("preau-hub", "hub")])
def test_a_unit_may_write_where_its_example_keeps_its_data(name: str, example: str) -> None:
    settings = tomllib.loads((PROVISIONING / f"{example}.example.toml").read_text())
    data = settings["data"] if example == "edge" else settings["hub"]["data"]
    assert [f"/var/lib/{folder}" for folder in unit(name)["StateDirectory"]] == [data]


# --- udev ---------------------------------------------------------------------------------------

TERM = re.compile(r'(?P<key>[A-Z]+)(?:\{(?P<name>\w+)\})?(?P<sign>==|=)"(?P<value>[^"]*)"')


def applied(subsystem: str, kernel: str) -> dict[str, str]:
    """What our rules give a device of this subsystem and kernel name."""
    have = {"SUBSYSTEM": subsystem, "KERNEL": kernel}
    result: dict[str, str] = {}
    for line in (PROVISIONING / "99-preau.rules").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        terms = [TERM.fullmatch(term) for term in line.split(", ")]
        found = [term for term in terms if term]
        assert len(found) == len(terms), f"not a rule: {line}"
        tests = [term for term in found if term["sign"] == "=="]
        assert tests, f"a rule for everything: {line}"
        if all(any(fnmatch.fnmatchcase(have[term["key"]], glob) for glob in term["value"].split("|")) for term in tests):
            result |= {term["name"] or term["key"]: term["value"] for term in found if term["sign"] == "="}
    return result


MODEM_MANAGER_KEEPS_OFF = {"ID_MM_DEVICE_IGNORE": "1", "ID_MM_PORT_IGNORE": "1"}


@pytest.mark.parametrize(
    ("subsystem", "kernel", "given"),
    [
        ("tty", "ttyACM0", {"GROUP": "dialout", "MODE": "0660", **MODEM_MANAGER_KEEPS_OFF}),
        ("tty", "ttyUSB12", {"GROUP": "dialout", "MODE": "0660", **MODEM_MANAGER_KEEPS_OFF}),
        ("tty", "ttyAMA0", {"GROUP": "dialout", "MODE": "0660"}),
        ("input", "event3", {"GROUP": "input", "MODE": "0660"}),
        ("gpio", "gpiochip0", {"GROUP": "gpio", "MODE": "0660"}),
        ("tty", "tty1", {}),
        ("input", "mouse0", {}),
        ("block", "mmcblk0", {}),
    ],
)
def test_what_is_plugged_in_belongs_to_its_group(subsystem: str, kernel: str, given: dict[str, str]) -> None:
    assert applied(subsystem, kernel) == given


# --- the guide ----------------------------------------------------------------------------------


def test_the_guide_names_every_file_there_is_and_no_other() -> None:
    guide = (PROVISIONING / "README.md").read_text()
    named = {Path(name).name for name in re.findall(r"(?<!/etc/)(?:provisioning|systemd)/([\w.-]+\.\w+)", guide)}
    named |= {Path(name).name for row in re.findall(r"^\| (`.*?) \|", guide, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    there = {path.name for path in [*PROVISIONING.iterdir(), *UNITS]} - {"README.md"}
    assert named == there


def test_a_scanner_reads_the_calibration_code_from_its_picture() -> None:
    picture = (PROVISIONING / "calibration.svg").read_text()
    squares = [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", picture)]
    side = max(max(each) for each in squares) + 5
    drawn = Image.new("L", (side, side), 255)
    for square in squares:
        drawn.putpixel(square, 0)
    (read,) = zxingcpp.read_barcodes(drawn.resize((side * 8, side * 8), Image.Resampling.NEAREST))
    assert read.text == badge.CALIBRATION
    assert f">{badge.CALIBRATION}</text>" in picture, "and a person"


@pytest.mark.parametrize("user", ["preau-edge", "preau-hub"])
def test_the_guide_makes_the_user_of_each_unit(user: str) -> None:
    assert unit(user)["User"] == [user]
    assert re.search(rf"^ +adduser --system --group .* {user}$", (PROVISIONING / "README.md").read_text(), re.MULTILINE)
