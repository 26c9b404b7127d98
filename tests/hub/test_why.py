"""`preau-hub why CHARGE`: a charge of the journal, said in French; an unknown one is refused."""

import asyncio
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.codes import Reason
from hub.core.scans import take
from hub.core.school import School
from hub.core.wallets import charge_id, reverse
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import TUESDAY, moment, number, scan, small_school


def settings(folder: Path) -> str:
    (folder / "hub.toml").write_text(f'[hub]\ndata = "{folder / "hub"}"\n')
    return str(folder / "hub.toml")


async def an_afternoon(folder: Path, school: School) -> int:
    """Léa comes at 15:30 and goes at 16:40; on Tuesday the charge is taken back. The charge's number."""
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(school)))
        arrives, leaves = scan("Léa", "care-in", "15:30", n=1), scan("Léa", "care-out", "16:40", n=2)
        for tap in (arrives, leaves):
            await stores.desk.do(tap.ask, take, tap)
        charge = charge_id(leaves.ask)
        taken = stores.desk.books.charges[charge]
        await stores.desk.do(9, lambda _school, _books: reverse(9, taken, moment("09:00", TUESDAY), Reason.CORRECTED))
        return charge


def test_the_office_tells_a_parent_why_a_stay_cost_so_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charge = asyncio.run(an_afternoon(tmp_path, small_school()))
    assert main(["why", str(charge), "--config", settings(tmp_path)]) == 0
    assert capsys.readouterr().out.replace("\u00a0", " ").splitlines() == [
        "2,25 € pour Léa Vanderzande : Garderie, Les Tilleuls, le 06/01/2025.",
        "Le 06/01/2025 de 15:30 à 16:40 : 70 minutes.",
        "Périodes entamées de 30 minutes : 3 à 0,75 €.",
        "Les 5 premières minutes d'une nouvelle période ne sont pas comptées.",
        "Total : 2,25 €.",
        "Annulé le 07/01/2025 : 2,25 €.",
    ]


def test_a_charge_that_never_was_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", str(number("nothing")), "--config", settings(tmp_path)]) == REFUSED
    assert "no charge" in capsys.readouterr().err
