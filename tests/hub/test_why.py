"""`preau-hub why CHARGE`: a charge of the journal, said in the language of who asks; an unknown one is refused."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.codes import Reason
from hub.core.corrections import Place, Staff, absent
from hub.core.scans import take
from hub.core.school import Row, School, edited
from hub.core.settlement import Run, close_days, post
from hub.core.timetable import AbsenceReason, Plan
from hub.core.wallets import charge_id, reverse
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import MONDAY, TUESDAY, hours, moment, number, scan, small_school


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
        "Les 5 premières minutes d’une nouvelle période ne sont pas comptées.",
        "Total : 2,25 €.",
        "Annulé le 07/01/2025 : 2,25 €.",
    ]


IN_FOUR = {
    "de": [
        "2,25 € für Léa Vanderzande: Garderie, Les Tilleuls, am 06/01/2025.",
        "Am 06/01/2025 von 15:30 bis 16:40 Uhr: 70 Minuten.",
        "Angefangene Zeitabschnitte von 30 Minuten: 3 zu je 0,75 €.",
        "Die ersten 5 Minuten eines neuen Zeitabschnitts werden nicht gezählt.",
        "Insgesamt: 2,25 €.",
        "Gutgeschrieben am 07/01/2025: 2,25 €.",
    ],
    "nl": [
        "2,25 € voor Léa Vanderzande: Garderie, Les Tilleuls, 06/01/2025.",
        "06/01/2025 van 15:30 tot 16:40: 70 minuten.",
        "Begonnen periodes van 30 minuten: 3 aan 0,75 €.",
        "De eerste 5 minuten van een nieuwe periode tellen niet mee.",
        "Totaal: 2,25 €.",
        "Teruggedraaid op 07/01/2025: 2,25 €.",
    ],
    "en": [
        "2,25 € for Léa Vanderzande: Garderie, Les Tilleuls, 06/01/2025.",
        "06/01/2025 from 15:30 to 16:40: 70 minutes.",
        "Started periods of 30 minutes: 3 at 0,75 €.",
        "The first 5 minutes of a new period are not counted.",
        "Total: 2,25 €.",
        "Cancelled on 07/01/2025: 2,25 €.",
    ],
}


def test_a_parent_reads_why_in_a_language_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charge, of_hub = asyncio.run(an_afternoon(tmp_path, small_school())), settings(tmp_path)
    for language, expected in IN_FOUR.items():
        assert main(["why", str(charge), "--language", language, "--config", of_hub]) == 0
        assert capsys.readouterr().out.replace("\u00a0", " ").splitlines() == expected


def test_a_charge_that_never_was_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(an_afternoon(tmp_path, small_school()))
    assert main(["why", str(number("nothing")), "--config", settings(tmp_path)]) == REFUSED
    assert "no charge" in capsys.readouterr().err


# --- parts, provisional prices, pilots, absences --------------------------------------------------


def school_with(*rows: Row) -> School:
    """Study within care, for who is planned there; care is posted once a week."""
    school = small_school()
    care = replace(school.programmes[number("care")], post_days=7)
    study = replace(school.programmes[number("study")], within=care.id, windows=(hours({0, 1, 3, 4}, "16:05", "17:15"),))
    return edited(school, (care, study, Plan(5, number("Léa"), study.id, MONDAY), AbsenceReason(6, "Non prévenu", 50), *rows))


async def a_stay(folder: Path, school: School, *, run: bool = False, came: bool = True) -> list[int]:
    """Léa comes at 15:40 and goes at 17:50, or is marked absent from study. Its charges, in the order of the clock."""
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(school)))
        for tap in (scan("Léa", "care-in", "15:40", n=1), scan("Léa", "care-out", "17:50", n=2)) if came else ():
            await stores.desk.do(tap.ask, take, tap)
        if not came:
            staff = Staff(1, Reason.CORRECTED, moment("18:00"))
            await stores.desk.do(3, absent, 3, staff, Place(number("Léa"), number("study"), 20250106), 6)
        if run:
            await stores.desk.do(4, close_days, 4, moment("23:00"))
            (wallet,) = stores.desk.books.gathered
            await stores.desk.do(5, post, 5, Run(number("care"), 20250106, moment("23:10", TUESDAY)), wallet)
        return list(stores.desk.books.charges)


def said(folder: Path, charge: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["why", str(charge), "--config", settings(folder)]) == 0
    return capsys.readouterr().out.replace("\u00a0", " ").splitlines()


def test_a_parent_reads_of_which_stay_a_charge_is_a_part_and_that_it_is_not_yet_posted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, study, after = asyncio.run(a_stay(tmp_path, school_with()))
    assert said(tmp_path, before, capsys) == [
        "0,75 € pour Léa Vanderzande : Garderie, Les Tilleuls, le 06/01/2025.",
        "Une partie de la présence de 15:40 à 17:50 ; compté à part : Étude.",
        "Le 06/01/2025 de 15:40 à 16:05 : 25 minutes.",
        "Périodes entamées de 30 minutes : 1 à 0,75 €.",
        "Les 5 premières minutes d’une nouvelle période ne sont pas comptées.",
        "Total : 0,75 €.",
        "Provisoire : pas encore déduit du portefeuille.",
    ]
    assert "Le 06/01/2025 de 17:15 à 17:50 : 35 minutes." in said(tmp_path, after, capsys)
    assert said(tmp_path, study, capsys) == [
        "1,00 € pour Léa Vanderzande : Étude, Les Tilleuls, le 06/01/2025.",
        "Pendant la présence de 15:40 à 17:50 : Garderie.",
        "Le 06/01/2025 à partir de 16:05 : une séance à 1,00 €.",
        "Total : 1,00 €.",
    ]


def test_a_parent_reads_when_a_charge_was_posted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, *_ = asyncio.run(a_stay(tmp_path, school_with(), run=True))
    assert said(tmp_path, before, capsys)[-2:] == ["Total : 0,75 €.", "Déduit du portefeuille le 07/01/2025."]


def test_a_parent_reads_what_the_pilot_would_have_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    school = school_with()
    pilot = replace(school.sites[number("Tilleuls")], live_from=TUESDAY)
    charges = asyncio.run(a_stay(tmp_path, edited(school, (pilot,))))
    for charge in charges:
        last = said(tmp_path, charge, capsys)[-1]
        assert last == "Phase de test : c’est ce que cela aurait coûté ; rien n’est déduit du portefeuille."


def test_a_parent_reads_what_an_absence_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (absence,) = asyncio.run(a_stay(tmp_path, school_with(), came=False))
    assert said(tmp_path, absence, capsys) == [
        "0,50 € pour Léa Vanderzande : Étude, Les Tilleuls, le 06/01/2025.",
        "Le 06/01/2025 : absence, alors que la présence était prévue de 16:05 à 17:15.",
        "Pour une telle absence : 50 % du prix de ce temps, 1,00 €.",
        "Total : 0,50 €.",
    ]
