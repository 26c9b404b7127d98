"""What goes wrong at a school door: a program is killed, a scanner pulled, a second hub started, a form sent twice, a bit flipped."""

import re
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from hub.core.school import BadgeState
from proto.messages import YES
from tests.demo.browser import PASSWORD
from tests.demo.pace import until
from tests.journey.place import BADGES, BROKERS, WAIT_S, BrokerKind, SetUp, everything_lit_is_booked_once, place

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_device_is_killed_between_two_taps(tmp_path: Path, school: SetUp, broker: BrokerKind) -> None:
    async with place(tmp_path, school, broker) as here:
        first = await here.tap("Léa")
        await here.device.program.kill()
        shown = len(here.device.lit())
        await here.device.program.start()
        await until(lambda: "ready" in [line["pattern"] for line in here.device.lit()[shown:]], WAIT_S, "a device that is back")
        await here.ready()
        second = await here.tap("Tom")
        assert (first.pattern, second.pattern, second.n) == ("accepted", "accepted", 1)
        assert first.inc != second.inc, "a number is never used twice"
        kept = await here.stop()
        everything_lit_is_booked_once(here, kept)
        assert len(kept.books.inside) == 2


@pytest.mark.parametrize("broker", BROKERS)
async def test_the_hub_is_killed_while_taps_go_on(tmp_path: Path, school: SetUp, broker: BrokerKind) -> None:
    async with place(tmp_path, school, broker) as here:
        assert (await here.tap("Léa")).pattern in YES
        await until(lambda: here.pulses() == 1, WAIT_S, "the door")
        await here.hub.kill()
        alone = [await here.tap(who) for who in ("Tom", "Noé", "Mia")]
        assert {light.pattern for light in alone} == {"accepted"}, "the roster says yes"
        assert here.device.unsettled() == 3
        assert here.pulses() == 1, "without the hub no door opens"
        await here.hub.start()
        await here.settled()
        await here.ready()
        assert (await here.tap("Zoé")).pattern in YES
        await until(lambda: here.pulses() == 2, WAIT_S, "the door")
        kept = await here.stop()
        everything_lit_is_booked_once(here, kept)
        assert len(kept.books.inside) == 5
        assert [scan.shown for scan in kept.scans] == ["", *["accepted"] * 3, ""]


async def test_a_scanner_is_unplugged_and_plugged_in_again(tmp_path: Path, school: SetUp) -> None:
    async with place(tmp_path, school, "embedded") as here:
        assert (await here.tap("Léa")).pattern in YES
        here.unplug()
        await until(lambda: "reader is gone reader=in" in here.device.program.log.read_text(), WAIT_S, "a device that misses its scanner")
        assert (await here.tap("Léa", here.exit)).pattern in YES, "the other scanner goes on"
        here.plug()
        await until(here.entry.is_listened_to, WAIT_S, "a device that listens again")
        assert (await here.tap("Tom")).pattern in YES
        kept = await here.stop()
        everything_lit_is_booked_once(here, kept)


async def test_a_second_hub_on_the_same_folder_refuses(tmp_path: Path, school: SetUp) -> None:
    async with place(tmp_path, school, "embedded") as here:
        status, _, said = await here.run_hub("run")
        assert status == 2
        assert str(here.store) in said
        assert "Traceback" not in said
        assert (await here.tap("Léa")).pattern in YES, "the first one is not disturbed"
        await here.stop()


async def test_a_form_that_is_sent_twice_has_one_effect(tmp_path: Path, school: SetUp) -> None:
    async with (
        place(tmp_path, school, "embedded") as here,
        httpx2.AsyncClient(base_url=here.url, headers={"origin": here.url}, timeout=WAIT_S) as staff,
    ):
        first = {"name": "Secrétariat", "login": "bureau", "password": PASSWORD, "again": PASSWORD}
        assert (await staff.post(here.first_link().removeprefix(here.url), data=first)).status_code == 303
        found = await staff.post("/badges/find", data={**await sealed(staff, "/badges"), "code": BADGES["Léa"]})
        where = found.headers["location"]
        form = {**await sealed(staff, where), "state": "blocked"}
        assert [(await staff.post(where, data=form)).status_code for _ in range(2)] == [303, 303]
        assert (await here.tap("Léa")).pattern == "adult"
        kept = await here.stop()
        (states,) = [states for states in kept.school.badges.values() if states[0].mark == BADGES["Léa"][-4:]]
        assert [state.state for state in states] == [BadgeState.ACTIVE, BadgeState.BLOCKED]


async def sealed(staff: httpx2.AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of the forms on a page."""
    return dict(re.findall(r'name="(csrf|ask_id)" value="([^"]*)"', (await staff.get(path)).text))


async def test_a_hub_does_not_start_on_a_journal_with_a_flipped_bit_and_names_the_row(tmp_path: Path, school: SetUp) -> None:
    async with place(tmp_path, school, "embedded") as here:
        for who in ("Léa", "Tom"):
            assert (await here.tap(who)).pattern in YES
        await here.stop()
        journal = here.store / "journal.db"
        with closing(sqlite3.connect(journal)) as rows:
            (row,) = rows.execute("SELECT min(number) FROM journal WHERE instr(body, '\"scan\"')").fetchone()
        content = bytearray(journal.read_bytes())
        content[content.rindex(b'"scan"') + 1] ^= 1  # of the first scan: SQLite fills a page from its end
        journal.write_bytes(content)
        status, _, said = await here.run_hub("run")
        assert status == 2
        assert f"journal.db: row {row} is damaged" in said
        assert "Traceback" not in said


async def test_two_devices_under_one_identity_are_both_shut_out_until_one_gets_a_new_password(tmp_path: Path, school: SetUp) -> None:
    """Somebody copied the settings of a device onto a second machine."""
    async with place(tmp_path, school, "embedded") as here:
        twin = here.twin()
        await twin.start()
        try:
            await until(lambda: "two devices use the identity porte" in here.hub.log.read_text(), WAIT_S, "an alarm")
            await until(lambda: "refuses the name or password" in here.device.program.log.read_text(), WAIT_S, "a closed door")
            assert (await here.tap("Léa")).pattern == "accepted", "the child at the door is let in by the roster"
        finally:
            await twin.kill()
        await here.hub.stop()
        status, printed, _ = await here.run_hub("device", "porte", "--renew")
        assert status == 0
        await here.device.program.kill()
        here.give_password(tomllib.loads(printed)["broker"]["password"])
        await here.hub.start()
        await here.device.program.start()
        await here.settled()
        assert (await here.tap("Tom", here.exit)).pattern != "again"
        kept = await here.stop()
        everything_lit_is_booked_once(here, kept)
