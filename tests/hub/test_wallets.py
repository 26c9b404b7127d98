"""`preau-hub wallet`: each act at the command line of a stopped hub, and each refusal as a sentence that says what to do."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.payers import payer_on
from hub.core.scans import take
from hub.core.school import School
from hub.core.wallets import open_balances
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import moment, number, scan, small_school

VANDERZANDE, QUINTELIER = "+++097/0000/00202+++", "+++097/0000/00101+++"
"""Communications are given in the order of the owners' numbers."""
SHARES = "household;last_name;first_name;amount\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub at which the Vanderzandes have 20,00 € and the Quinteliers 5,00 €."""

    async def set_up() -> None:
        async with memory(tmp_path / "hub") as stores:
            await stores.desk.edit(1, lambda _school: tuple(rows_of(small_school())))
            site = number("Tilleuls")
            brought = {(site, number("Vanderzande")): 20_00, (site, number("Quintelier")): 5_00}
            await stores.desk.do(2, open_balances, 2, brought, moment("00:00"))

    asyncio.run(set_up())
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    return tmp_path


def wallet(folder: Path, *words: str) -> int:
    return main(["wallet", *words, "--config", str(folder / "hub.toml")])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.replace("\u00a0", " ")


def listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert wallet(folder, "list") == 0
    return said(capsys).splitlines()


def test_wallets_are_listed_with_what_a_bank_transfer_has_to_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(listed(folder, capsys)) == sorted(
        [f"{QUINTELIER}  Les Tilleuls  Quintelier  5,00 €", f"{VANDERZANDE}  Les Tilleuls  Vanderzande  20,00 €"]
    )


def test_money_comes_in_is_given_back_and_paid_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, left in (
        (("top-up", VANDERZANDE, "12,50"), "32,50 €"),
        (("refund", VANDERZANDE, "2,50", "--reason", "overpaid"), "30,00 €"),
        (("hold", VANDERZANDE, "10,00", "--until", "2099-01-01"), "30,00 €"),
        (("payout", VANDERZANDE), "10,00 €"),
        (("payout", QUINTELIER), "0,00 €"),
    ):
        assert wallet(folder, *words) == 0
        assert said(capsys).rstrip().endswith(left)
    assert main(["check", "--config", str(folder / "hub.toml")]) == 0


def test_a_hold_is_listed_and_released(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wallet(folder, "hold", VANDERZANDE, "8,00", "--until", "2099-01-01")
    lines = listed(folder, capsys)
    (hold,) = [line.split()[2].rstrip(":") for line in lines if "  set aside " in line]
    assert any(line.endswith("20,00 €  8,00 € set aside") for line in lines)
    assert wallet(folder, "release", VANDERZANDE, hold) == 0
    assert not any("set aside" in line for line in listed(folder, capsys))


def test_an_exercise_says_when_an_act_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = ("--at-ms", str(moment("08:00")))
    assert wallet(folder, "hold", VANDERZANDE, "8,00", "--until", "2025-01-07", *then) == 0
    capsys.readouterr()
    assert wallet(folder, "list", *then) == 0
    assert "8,00 € set aside" in said(capsys)
    assert not any("set aside" in line for line in listed(folder, capsys))


def test_a_site_is_switched_there_and_back_and_its_money_follows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "shares.csv").write_text(SHARES + "Vanderzande;Vanderzande;Léa;12,00\nVanderzande;Vanderzande;Tom;8,00\n")
    assert wallet(folder, "switch", "Les Tilleuls", "pupil", "--shares", str(folder / "shares.csv")) == 0
    assert said(capsys) == "Les Tilleuls: one wallet per pupil, and a reserve; 3 amounts moved\n"
    (lea,) = [line for line in listed(folder, capsys) if "Léa (general)" in line]
    assert lea.endswith("12,00 €")
    assert wallet(folder, "transfer", lea.split()[0], "9,00", "--by", "parent") == 0
    (reserve,) = [line for line in listed(folder, capsys) if "Léa (reserve)" in line]
    assert reserve.endswith("9,00 €")
    assert wallet(folder, "transfer", reserve.split()[0], "1,00") == 0
    assert wallet(folder, "switch", "Les Tilleuls", "household") == 0
    lines = listed(folder, capsys)
    assert [line.split("  ")[3] for line in lines if line.startswith((VANDERZANDE, QUINTELIER))] == ["5,00 €", "20,00 €"]
    assert all(line.endswith(" 0,00 €") for line in lines if "(" in line)
    assert main(["check", "--config", str(folder / "hub.toml")]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("top-up", "097/0000/00203", "5,00"), "its check digits do not fit"),
        (("top-up", "+++097/0000/09797+++", "5,00"), "no wallet has +++097/0000/09797+++: `preau-hub wallet list` shows them"),
        (("top-up", VANDERZANDE, "5.5"), "`5.5` is not an amount: write it as 12,50"),
        (("top-up", VANDERZANDE, "0,00"), "an amount is more than zero"),
        (("refund", VANDERZANDE, "20,01"), "20,01 € is more than the 20,00 € that are available"),
        (("transfer", VANDERZANDE, "1,00"), "this wallet is a household's"),
        (("hold", VANDERZANDE, "25,00", "--until", "2099-01-01"), "25,00 € is more than the 20,00 € that are available"),
        (("hold", VANDERZANDE, "5,00", "--until", "2020-01-01"), "what is set aside has an amount, and is free again on a day to come"),
        (("hold", VANDERZANDE, "5,00", "--until", "tomorrow"), "`tomorrow` is no day: write it as 2025-01-31"),
        (("release", VANDERZANDE, "5"), "nothing is set aside in this wallet under that number"),
        (("switch", "Lune", "pupil"), "`Lune` is no site: it is one of Le Parc, Les Tilleuls"),
        (("switch", "Les Tilleuls", "pupil"), "Vanderzande has 20,00 € and 2 who may get it: say in --shares how much goes to whom"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    before = listed(folder, capsys)
    assert wallet(folder, *words) == REFUSED
    assert sentence in capsys.readouterr().err.replace("\u00a0", " ")
    assert listed(folder, capsys) == before


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("household;name;amount\n", "shares.csv:1: the columns are: household; last_name; first_name; amount"),
        (SHARES + "Vanderzande;Vanderzande;Zoé;20,00\n", "shares.csv:2: needs a known household, a known pupil and an amount"),
        (SHARES + "Vanderzande;Vanderzande;Léa;lots\n", "shares.csv:2: needs a known household, a known pupil and an amount"),
        (
            SHARES + "Vanderzande;Vanderzande;Léa;1,00\n" * 2,
            "shares.csv:3: a second line for `Vanderzande` and `Vanderzande Léa`",
        ),
        (SHARES + "Vanderzande;Vanderzande;Léa;20,01\n", "the shares of Vanderzande come to 20,01 €, and have to come to 20,00 €"),
        (SHARES + "Vanderzande;Quintelier;Noé;20,00\n", "Vanderzande and Quintelier Noé have nothing to do with each other"),
    ],
)
def test_bad_shares_are_named_and_nothing_is_switched(folder: Path, capsys: pytest.CaptureFixture[str], lines: str, sentence: str) -> None:
    (folder / "shares.csv").write_text(lines)
    before = listed(folder, capsys)
    assert wallet(folder, "switch", "Les Tilleuls", "pupil", "--shares", str(folder / "shares.csv")) == REFUSED
    assert sentence in capsys.readouterr().err.replace("\u00a0", " ")
    assert listed(folder, capsys) == before


# --- who pays, and how much a pupil may spend -----------------------------------------------------

PAYERS = "household;last_name;first_name;payer;from;until;weeks;weekdays;what\n"
LEA = "Vanderzande;Vanderzande;Léa;"


def school_of(folder: Path) -> School:
    async def read() -> School:
        async with memory(folder / "hub") as stores:
            return stores.desk.school

    return asyncio.run(read())


def test_custody_and_overrides_are_read_from_a_list_and_the_same_list_again_changes_nothing(folder: Path) -> None:
    lines = LEA + "Quintelier;2025-01-01;;odd;;\n" + LEA + "Okonkwo;2025-01-01;2025-02-01;;;Repas\n"
    (folder / "payers.csv").write_text(PAYERS + lines)
    assert wallet(folder, "payers", str(folder / "payers.csv")) == 0
    school = school_of(folder)
    lea = school.pupils[number("Léa")]
    paying = [(item, day) for item in ("care", "meal") for day in (date(2025, 1, 7), date(2025, 1, 14))]
    assert [payer_on(school, lea, number(item), day) for item, day in paying] == [
        number(home) for home in ("Vanderzande", "Quintelier", "Okonkwo", "Okonkwo")
    ]
    assert wallet(folder, "payers", str(folder / "payers.csv")) == 0
    assert (school_of(folder).custody, school_of(folder).overrides) == (school.custody, school.overrides)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (LEA + "Nobody;2025-01-01;;;;", "`Nobody` who pays, is not known"),
        (LEA + "Quintelier;1/1/25;;;;", "days are written 2025-01-31"),
        (LEA + "Quintelier;2025-01-01;;uneven;;", "weeks every, even or odd"),
        (LEA + "Quintelier;2025-01-01;;;monday;", "weekdays mon tue"),
        (LEA + "Quintelier;2025-01-01;;;;Soup", "`Soup` is no programme and no product"),
        (LEA + "Quintelier;2025-01-01;;odd;;*", "weeks and weekdays are of a custody"),
        (
            LEA + "Quintelier;2025-01-01;;odd;;\n" + LEA + "Okonkwo;2025-03-01;;;mon;",
            "payers.csv:3: another household has some of these",
        ),
    ],
)
def test_a_bad_line_about_who_pays_is_named_and_nothing_is_used(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    (folder / "payers.csv").write_text(PAYERS + line + "\n")
    assert wallet(folder, "payers", str(folder / "payers.csv")) == REFUSED
    assert sentence in capsys.readouterr().err
    assert (school_of(folder).custody, school_of(folder).overrides) == ({}, {})


def test_two_households_may_take_turns_and_follow_each_other(folder: Path) -> None:
    turns = (("Quintelier;2025-01-01;2025-03-01;odd;;"), ("Okonkwo;2025-01-01;;even;;"), ("Okonkwo;2025-03-01;;odd;;"))
    (folder / "payers.csv").write_text(PAYERS + "".join(f"{LEA}{turn}\n" for turn in turns))
    assert wallet(folder, "payers", str(folder / "payers.csv")) == 0
    assert len(school_of(folder).custody[number("Léa")]) == 3


def test_a_turn_that_ended_before_it_began_takes_no_days(folder: Path) -> None:
    turns = ("Quintelier;2025-01-01;2025-01-01;;;", "Okonkwo;2024-09-01;;;;")
    (folder / "payers.csv").write_text(PAYERS + "".join(f"{LEA}{turn}\n" for turn in turns))
    assert wallet(folder, "payers", str(folder / "payers.csv")) == 0
    assert len(school_of(folder).custody[number("Léa")]) == 2


def test_a_parents_daily_limit_is_set_for_a_pupil(folder: Path) -> None:
    assert wallet(folder, "limit", "Vanderzande", "Vanderzande", "Léa", "5,00") == 0
    assert school_of(folder).pupils[number("Léa")].daily_limit_cents == 5_00
    assert wallet(folder, "limit", "Vanderzande", "Vanderzande", "Zoé", "5,00") == REFUSED


def test_what_the_wrong_parent_was_charged_is_shown_first_and_then_moved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """70 minutes on Monday: three half hours at 0,75 €."""

    async def lived() -> None:
        async with memory(folder / "hub") as stores:
            for n, (reader, clock) in enumerate([("care-in", "15:30"), ("care-out", "16:40")], 1):
                tap = scan("Léa", reader, clock, n=n)
                await stores.desk.do(tap.ask, take, tap)

    asyncio.run(lived())
    (folder / "payers.csv").write_text(PAYERS + LEA + "Quintelier;2025-01-06;;;;\n")
    assert wallet(folder, "payers", str(folder / "payers.csv")) == 0
    assert "`preau-hub wallet repay` moves it" in said(capsys)
    repay = ("repay", "Vanderzande", "Vanderzande", "Léa", "--from", "2025-01-06", "--at-ms", str(moment("09:00", date(2025, 1, 20))))
    assert wallet(folder, *repay) == 0
    shown = said(capsys)
    assert "2025-01-06  Léa Vanderzande, Garderie: Vanderzande -> Quintelier: 2,25 € -> 2,25 € (0,00 €)" in shown
    assert {"Les Tilleuls  Quintelier  -2,25 €", "Les Tilleuls  Vanderzande  +2,25 €", "1 charges to correct"} < set(shown.splitlines())
    assert f"{VANDERZANDE}  Les Tilleuls  Vanderzande  17,75 €" in listed(folder, capsys), "nothing was written yet"
    assert wallet(folder, *repay, "--yes") == 0
    assert set(listed(folder, capsys)) == {
        f"{QUINTELIER}  Les Tilleuls  Quintelier  2,75 €",
        f"{VANDERZANDE}  Les Tilleuls  Vanderzande  20,00 €",
    }
    assert wallet(folder, *repay) == 0
    assert "0 charges to correct" in said(capsys)
    assert main(["check", "--config", str(folder / "hub.toml")]) == 0
