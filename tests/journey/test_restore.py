"""The hub's disk is lost and last night's backup put back: the devices bring what came after it, nothing is missing, nothing is twice."""

import shutil
from pathlib import Path

import pytest

from proto.messages import YES
from tests.demo.pace import until
from tests.journey.place import WAIT_S, SetUp, everything_lit_is_booked_once, place

pytestmark = pytest.mark.broker


async def test_scans_made_after_the_backup_come_back_by_themselves(tmp_path: Path, school: SetUp) -> None:
    """The first two from the device's card, for it was started again since; the others from its memory."""
    async with place(tmp_path, school, "embedded") as here:
        for who in ("Léa", "Tom"):
            assert (await here.tap(who)).pattern in YES
        status, said, wrong = await here.run_hub("backup", str(here.store), str(tmp_path / "kept"))
        assert (status, wrong) == (0, "")
        assert "read back and verified" in said
        for scanner in (here.entry, here.exit):
            assert (await here.tap("Noé", scanner)).pattern in YES
        assert await here.device.program.stop() == 0
        shown = len(here.device.lit())
        await here.device.program.start()
        await until(lambda: "ready" in [line["pattern"] for line in here.device.lit()[shown:]], WAIT_S, "a device that is back")
        await here.ready()
        for who in ("Mia", "Ali"):
            assert (await here.tap(who)).pattern in YES
        assert here.device.unsettled() == 0, "everything is answered: nothing would be sent again by itself"
        assert await here.hub.stop() == 0
        shutil.rmtree(here.store)
        status, said, wrong = await here.run_hub("restore", str(tmp_path / "kept"), str(here.store))
        assert (status, wrong) == (0, "")
        assert "the devices send again" in said
        await here.hub.start()
        await until(lambda: "a backup was restored?" in here.hub.log.read_text(), WAIT_S, "a hub that learns what it lacks")
        await here.settled()
        await here.ready()
        assert (await here.tap("Zoé")).pattern in YES
        kept = await here.stop()
        everything_lit_is_booked_once(here, kept)
        assert len(kept.scans) == 7
        assert len(kept.books.inside) == 5
