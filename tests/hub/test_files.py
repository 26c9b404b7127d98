"""`preau-hub files`: a family's file at the command line, and what it changes, before and after; each refusal as a sentence."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.books import Books
from hub.core.canteen import Wish, cancel, reserve
from hub.core.codes import By
from hub.core.formulas import ByBracket, Line, Periods, Session
from hub.core.ledger import wallet_account
from hub.core.scans import take
from hub.core.school import School, edited
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import MONDAY, TUESDAY, moment, number, scan, small_school, tariff

DUE = date(2024, 9, 1)
GRID = tariff("care", Line(Periods(ByBracket(tuple(range(100, 1100, 100))), 30, 5)))
"""0,10 € to 1,00 € for half an hour."""


class Office:
    """The command line, on a folder where Léa came on Monday and Tuesday, 70 minutes each, without a file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def says(self, *words: str) -> list[str]:
        assert main(["files", *words, "--config", str(self.folder / "hub.toml")]) == 0, self._capsys.readouterr().err
        lines = self._capsys.readouterr().out.replace("\u00a0", " ").splitlines()
        return [line.partition("  no. ")[0] for line in lines]

    def refuses(self, *words: str) -> str:
        assert main(["files", *words, "--config", str(self.folder / "hub.toml")]) == REFUSED
        return self._capsys.readouterr().err.strip().removeprefix("preau-hub: ")

    def books(self) -> Books:
        async def read() -> Books:
            async with memory(self.folder / "hub") as stores:
                return stores.desk.books

        return asyncio.run(read())

    def balance_cents(self) -> int:
        books = self.books()
        (wallet,) = books.owners
        return books.balance_cents(wallet_account(wallet))

    def passes_the_audit(self) -> bool:
        return main(["check", "--config", str(self.folder / "hub.toml")]) == 0 and bool(self._capsys.readouterr())

    def file(self) -> str:
        return self.says("list")[-1].split()[0]


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    school = small_school()
    sites = tuple(replace(site, files_due_day=DUE) for site in school.sites.values())
    asyncio.run(_lived(tmp_path, edited(school, (*sites, GRID))))
    return Office(tmp_path, capsys)


async def _lived(folder: Path, school: School) -> None:
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(school)))
        for n, (day, reader, clock) in enumerate(
            [(MONDAY, "care-in", "15:30"), (MONDAY, "care-out", "16:40"), (TUESDAY, "care-in", "15:30"), (TUESDAY, "care-out", "16:40")], 1
        ):
            tap = scan("Léa", reader, clock, day=day, n=n)
            await stores.desk.do(tap.ask, take, tap)


ADD = ("add", "Vanderzande", "--bracket", "4", "--from", "2024-09-01")


def test_a_file_that_comes_late_counts_from_its_validation_and_says_what_it_would_change(office: Office) -> None:
    told, hint = office.says(*ADD, "--received", "2025-01-03", "--validated", "2025-01-07")
    assert told.partition("  ")[2] == "Vanderzande  bracket 4  counts from 2025-01-07  received 2025-01-03  validated 2025-01-07"
    assert hint.startswith("charges since then that would change: 1 ")
    assert office.balance_cents() == -6_00


def test_staff_see_each_charge_before_and_after_and_only_a_yes_corrects_them(office: Office) -> None:
    office.says(*ADD, "--validated", "2025-01-07")
    file = office.file()
    since = ("regularise", file, "--since", "2025-01-06")
    shown = office.says(*since)
    assert shown == [
        f"{file}  Vanderzande  bracket 4  counts from 2025-01-06  validated 2025-01-07",
        "2025-01-06  Léa Vanderzande, Garderie: 3,00 € -> 1,20 € (-1,80 €)",
        "2025-01-07  Léa Vanderzande, Garderie: 3,00 € -> 1,20 € (-1,80 €)",
        "2 charges to correct: 6,00 € -> 2,40 € (-3,60 €)",
        "nothing was written: add --yes to do this",
    ]
    assert office.balance_cents() == -6_00
    assert office.says(*since, "--yes") == [*shown[:-1], "done"]
    assert office.balance_cents() == -2_40
    assert office.passes_the_audit()
    assert office.says(*since, "--yes")[1:] == ["0 charges to correct: 0,00 € -> 0,00 € (0,00 €)", "done"]
    assert office.balance_cents() == -2_40


def test_without_a_chosen_day_only_what_came_after_the_validation_is_priced_again(office: Office) -> None:
    office.says(*ADD)
    file = office.file()
    assert office.says("list") == [f"{file}  Vanderzande  bracket 4  not validated, counts on no day"]
    office.says("regularise", file, "--validated", "2025-01-07", "--yes")
    assert office.balance_cents() == -(3_00 + 1_20)


def test_a_file_counts_from_the_day_on_which_it_is_asked(office: Office) -> None:
    office.says(*ADD)
    told = office.says("regularise", office.file(), "--at-ms", str(moment("10:00", TUESDAY)), "--yes")
    assert told[0].endswith("counts from 2025-01-07  validated 2025-01-07")
    assert office.balance_cents() == -(3_00 + 1_20)


def test_a_file_that_was_wrong_is_put_right_and_its_days_are_priced_again(office: Office) -> None:
    office.says(*ADD, "--validated", "2024-08-30")
    office.says("regularise", office.file(), "--yes")
    assert office.balance_cents() == -2_40
    office.says("regularise", office.file(), "--bracket", "2", "--yes")
    assert office.balance_cents() == -1_20
    assert office.says("list", "Vanderzande")[0].partition("  ")[2].startswith("Vanderzande  bracket 2  counts from 2024-09-01")
    assert office.says("list", "Quintelier") == []


def test_an_order_that_was_cancelled_late_and_may_be_resold_is_left_for_later_and_that_is_said(office: Office) -> None:
    some_day = date(2099, 1, 5)

    async def ordered() -> None:
        async with memory(office.folder / "hub") as stores:
            by_income = tariff("meal", Line(Session(ByBracket(tuple(range(1000, 11000, 1000))))))
            await stores.desk.edit(5, lambda _school: (by_income,))
            await stores.desk.do(6, reserve, 6, number("Léa"), number("meal"), some_day.isoformat(), moment("12:00"))
            late = Wish(number("Léa"), number("Tilleuls"), some_day, By.PARENT, moment("12:00", some_day))
            assert (await stores.desk.do(7, cancel, 7, late)).facts

    asyncio.run(ordered())
    office.says(*ADD)
    done = office.says("regularise", office.file(), "--since", "2025-01-06", "--yes")[-1]
    assert done == "done; orders cancelled late, to be corrected when their day is over: 1; do this again then"
    assert office.balance_cents() == -(2 * 1_20 + 10_00)


def test_a_quotient_familial_is_stated_instead_of_a_bracket(office: Office) -> None:
    told, *_ = office.says("add", "Vanderzande", "--qf", "1 234,50", "--from", "2024-09-01", "--until", "2025-09-01")
    assert told.partition("  ")[2] == "Vanderzande  QF 1\u202f234,50 €  not validated, counts on no day  until 2025-09-01"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("add", "Nobody", "--bracket", "4", "--from", "2024-09-01"),
            "no household `Nobody`: write its name as it was imported, or its number",
        ),
        (("add", "Vanderzande", "--from", "2024-09-01"), "give a bracket from 1 to 10, or the quotient familial"),
        (("add", "Vanderzande", "--bracket", "11", "--from", "2024-09-01"), "give a bracket from 1 to 10, or the quotient familial"),
        (("add", "Vanderzande", "--qf", "much", "--from", "2024-09-01"), "`much` is no quotient familial: write it as 1 234,50"),
        ((*ADD, "--until", "2024-09-01"), "the file ends before it would count: look at its days"),
        ((*ADD, "--site", "Nowhere"), "`Nowhere` is no site: it is one of Le Parc, Les Tilleuls"),
        (("regularise", "5"), "no file 5: `preau-hub files list` shows them"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(office: Office, words: tuple[str, ...], sentence: str) -> None:
    assert office.refuses(*words) == sentence
    assert office.says("list") == []


def test_a_second_file_from_the_same_day_and_a_later_day_than_it_counts_from_are_refused(office: Office) -> None:
    office.says(*ADD, "--validated", "2024-08-30")
    file = office.file()
    assert office.refuses(*ADD) == f"file {file} of this household counts from the same day on: correct that one with `regularise`"
    later = office.refuses("regularise", file, "--since", "2025-01-07")
    assert later == "it counts from 2024-09-01 on already: choose an earlier day"
