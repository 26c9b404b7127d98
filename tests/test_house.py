"""The house holds what design.md says: every rule of `tests/house.py` over every file, and each rule shown to bite."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests import house
from tests.house import RULES, Rule, Source, source

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-build.lock")


@pytest.fixture(scope="session")
def files() -> list[Source]:
    """All text files that are, or could be, committed."""
    git = shutil.which("git")
    assert git, "git tells which files belong to the repository: install it"
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [path for path in listed.stdout.decode().split("\0") if path and (ROOT / path).is_file()]
    texts = {path: (ROOT / path).read_bytes() for path in paths}
    return [source(path, text.decode()) for path, text in texts.items() if b"\0" not in text and path not in LOCKS]


def test_the_rules_see_the_whole_house(files: list[Source]) -> None:
    seen = {file.module for file in files if file.path.suffix == ".py"}
    assert {"proto.codec", "edge.events", "tests.house"} <= seen


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rule(rule: Rule, files: list[Source]) -> None:
    found = [sentence for file in files for sentence in rule(file)]
    assert not found, "\n".join([rule.__doc__ or "", *found])


def test_each_hardware_or_network_library_has_one_room_per_program(files: list[Source]) -> None:
    assert not house.foreign_libraries(files)


GUILTY: list[tuple[Rule, str, str]] = [
    (house.programs_keep_apart, "edge/link.py", "from hub.core import money"),
    (house.programs_keep_apart, "hub/link.py", "def late():\n    import edge.events"),
    (house.programs_keep_apart, "proto/codec.py", "from edge import events"),
    (house.programs_keep_apart, "hub/desk.py", "from tests.fakes import Broker"),
    (house.core_imports_leftwards, "hub/core/tariffs.py", "from hub.core.wallets import limit"),
    (house.core_imports_leftwards, "hub/core/canteen.py", "from hub.core import attendance"),
    (house.core_imports_leftwards, "hub/core/canteen.py", "from . import attendance"),
    (house.core_imports_leftwards, "hub/core/money.py", "import hub.core.tariffs"),
    (house.core_imports_leftwards, "hub/core/till.py", "from hub.core.scans import decide"),
    (house.core_imports_leftwards, "hub/core/wallets.py", "from hub.journal import Journal"),
    (house.shells_know_no_page, "hub/desk.py", "from hub.web.live import push"),
    (house.shells_know_no_page, "hub/link.py", "from hub import web"),
    (house.pages_keep_apart, "hub/web/canteen.py", "from hub.web.board import rows"),
    (house.pages_keep_apart, "hub/web/canteen.py", "from hub.register import Register"),
    (house.pages_keep_apart, "hub/web/render.py", "from hub.web import canteen"),
    (house.pages_keep_apart, "hub/web/live.py", "from hub.core.scans import decide"),
    (house.deciders_are_pure, "hub/core/facts.py", "import asyncio"),
    (house.deciders_are_pure, "edge/station.py", "from edge.outbox import Outbox"),
    (house.deciders_are_pure, "edge/readers/framing.py", "from time import monotonic"),
    (house.deciders_are_pure, "proto/badge.py", "import secrets"),
    (house.deciders_are_pure, "hub/core/books.py", "def read():\n    return open('books')"),
    (house.deciders_are_pure, "hub/core/books.py", "import datetime\ndef at():\n    return datetime.datetime.now(datetime.UTC)"),
    (house.deciders_are_pure, "hub/core/books.py", "from datetime import datetime\nclock = datetime.now"),
    (house.deciders_are_pure, "edge/policy.py", "async def decide():\n    pass"),
    (house.money_is_whole_cents, "hub/core/money.py", "def half(cents: float) -> None: ..."),
    (house.money_is_whole_cents, "hub/core/money.py", "from decimal import Decimal"),
    (house.money_is_whole_cents, "hub/core/money.py", "rate = 0.5"),
    (house.money_is_whole_cents, "hub/core/money.py", "def half(cents): return cents / 2"),
    (house.times_are_aware, "hub/desk.py", "at = datetime(2026, 9, 1)"),
    (house.times_are_aware, "tests/hub/test_desk.py", "def late(): return datetime.datetime.now()"),
    (house.times_are_aware, "hub/desk.py", "def at(): return datetime.fromtimestamp(0)"),
    (house.times_are_aware, "hub/desk.py", "def at(): return datetime.utcnow()"),
    (house.at_is_a_datetime, "hub/desk.py", "def book(arrived_at: int): ..."),
    (house.at_is_a_datetime, "hub/desk.py", "class Stay:\n    left_at: float | None = None"),
    (house.units_come_last, "edge/policy.py", "def light(last_yes_ms_ago: int): ..."),
    (house.units_come_last, "hub/link.py", "self.ms_waited = 1"),
    (house.units_come_last, "hub/link.py", "WAIT_MS_MAX = 1"),
    (house.sizes, "hub/desk.py", "\n" * 501),
    (house.sizes, "hub/web/templates/live.html", "<p>\n" * 501),
    (house.sizes, "hub/web/static/office.css", "p {}\n" * 501),
    (house.sizes, "edge/loop.py", "def run():\n" + "    go()\n" * 60),
    (house.names, "hub/utils.py", ""),
    (house.names, "hub/core/base/money.py", ""),
    (house.names, "hub/web/schemas/money.py", ""),
    (house.names, "hub/desk.py", "class BadgeManager: ..."),
    (house.names, "hub/desk.py", "def load_data(): ..."),
    (house.names, "tests/fakes.py", "class HTTPHandler: ..."),
    (house.inheritance, "edge/loop.py", "class Loop(threading.Thread): ..."),
    (house.inheritance, "hub/core/facts.py", "class Stay(Fact): ..."),
    (house.broad_excepts_speak, "edge/link.py", "def go():\n    try:\n        run()\n    except Exception:\n        pass"),
    (
        house.broad_excepts_speak,
        "edge/link.py",
        "def go():\n    try:\n        run()\n    except (OSError, BaseException):\n        return None",
    ),
    (house.broad_excepts_speak, "edge/link.py", "def go():\n    try:\n        run()\n    except:\n        x = 1"),
    (house.broad_excepts_speak, "edge/link.py", "def go():\n    with suppress(Exception):\n        run()"),
    (house.broad_excepts_speak, "edge/link.py", "def go():\n    with contextlib.suppress(OSError, Exception):\n        run()"),
    (house.import_time_is_quiet, "hub/desk.py", "start()"),
    (house.import_time_is_quiet, "hub/desk.py", "for each in ROOMS:\n    ROOMS[each] = 1"),
    (house.import_time_is_quiet, "hub/desk.py", "SCHEMA = Path('schema.sql').read_text()"),
    (house.import_time_is_quiet, "hub/desk.py", "try:\n    VERSION = 1\nexcept OSError:\n    VERSION = 2"),
    (house.docstrings, "hub/desk.py", "import enum"),
    (house.docstrings, "hub/desk.py", '"""Head."""\ndef book(): ...'),
    (house.docstrings, "hub/desk.py", '"""Head."""\nclass Desk:\n    async def do(self): ...'),
    (house.tests_wait_on_conditions, "tests/edge/test_loop.py", "def test_it():\n    time.sleep(0.1)"),
    (house.tests_wait_on_conditions, "tests/edge/test_loop.py", "async def test_it():\n    await asyncio.sleep(1)"),
    (house.tests_wait_on_conditions, "tests/edge/test_loop.py", "def test_it():\n    run(time.sleep, 1)"),
    (house.fakes_are_programs, "tests/edge/test_loop.py", "from unittest import mock"),
    (house.fakes_are_programs, "tests/edge/test_loop.py", "def test_it():\n    link = MagicMock()"),
    (house.fakes_are_programs, "tests/hub/test_desk.py", "def test_it(mocker): ..."),
    (house.nothing_is_promised, "hub/desk.py", "# TO" + "DO later"),
    (house.nothing_is_promised, "README.md", "FIX" + "ME"),
    (house.nothing_is_promised, "hub/web/static/office.js", "// TO" + "DO"),
    (house.no_machine_is_named, "provisioning/hub.sh", "cp /roo" + "t/key ."),
    (house.no_machine_is_named, "README.md", "see https://py" + "pi.org"),
]


@pytest.mark.parametrize(("rule", "path", "text"), GUILTY, ids=lambda value: getattr(value, "__name__", None))
def test_a_rule_finds_what_it_bans(rule: Rule, path: str, text: str) -> None:
    assert rule(source(path, text))


def test_no_rule_goes_without_a_text_that_breaks_it() -> None:
    assert {rule for rule, _, _ in GUILTY} == set(RULES)


INNOCENT: list[tuple[str, str]] = [
    ("edge/link.py", '"""Head."""\nimport ssl\nfrom proto import codec\nfrom edge.events import LinkUp'),
    (
        "hub/core/wallets.py",
        '"""Head."""\nfrom datetime import datetime\nimport msgspec\nfrom hub.core import money, tariffs\nfrom proto.messages import Light',
    ),
    (
        "hub/core/scans.py",
        '"""Head."""\nfrom hub.core import canteen\ndef share_cents(cents: int) -> int:\n    """Half."""\n    return cents // 2',
    ),
    ("hub/core/canteen.py", '"""Head."""\nfrom hub.core.wallets import limit'),
    (
        "hub/desk.py",
        '"""Head."""\nfrom hub.core.scans import decide\nimport re\nDATE = re.compile("x")\nif __name__ == "__main__":\n    go()',
    ),
    (
        "hub/web/live.py",
        '"""Head."""\nfrom hub.desk import Desk\nfrom hub.core import books\nfrom hub.web.render import page',
    ),
    ("hub/web/app.py", '"""Head."""\nfrom hub.web import live\nfrom hub.register import Register'),
    ("edge/station.py", '"""Head."""\nfrom edge.events import Event\nfrom edge import policy\nclass Wrong(Exception):\n    pass'),
    (
        "edge/loop.py",
        '"""Head."""\ndef _go():\n    try:\n        run()\n    except Exception:\n        os._exit(1)',
    ),
    (
        "edge/clock.py",
        '"""Head."""\ndef _at():\n    return datetime.now(UTC), datetime(2026, 1, 1, tzinfo=UTC), datetime.fromtimestamp(0, UTC)',
    ),
    ("tests/edge/test_loop.py", "async def test_the_data_stays(mocker, seen_at: datetime) -> None:\n    await asyncio.sleep(0)"),
    ("hub/web/static/htmx-4.0.1.min.js", "// TO" + "DO\n" * 600),
]


@pytest.mark.parametrize(("path", "text"), INNOCENT, ids=lambda value: value.splitlines()[0])
def test_the_rules_leave_good_code_alone(path: str, text: str) -> None:
    assert [sentence for rule in RULES for sentence in rule(source(path, text))] == []


def test_a_second_room_for_a_hardware_library_is_found() -> None:
    one, two, hub = (
        source("edge/link.py", "import paho.mqtt.client"),
        source("edge/loop.py", "from paho import mqtt"),
        source("hub/link.py", "import paho"),
    )
    assert house.foreign_libraries([one, hub]) == []
    assert len(house.foreign_libraries([one, two, hub])) == 1


# --- what is installed ---------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+( ; [^\\\n]+)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry
    assert "://" not in text
    assert "@" not in text
    assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE)
    assert house.no_machine_is_named(source(lock, text)) == []


def test_the_locks_cover_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["build"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    locked = "\n".join((ROOT / lock).read_text() for lock in LOCKS)
    pinned = set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
    assert {re.split(r"[^A-Za-z0-9-]", line)[0].lower() for line in asked} <= pinned
