"""`preau-hub statement`: what a family reads, the list for spreadsheets, and each refusal."""

import asyncio
import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.canteen import reserve
from hub.core.codes import Clearing, Reason
from hub.core.scans import take
from hub.core.school import Adult, PayerOverride, School, WalletScope, edited
from hub.core.transfers import Payment, clear
from hub.core.wallets import open_balances, reverse
from hub.memory import Memory, memory
from tests.hub.core.test_school import rows_of
from tests.schools import MONDAY, TUESDAY, moment, number, scan, small_school

JANUARY = ("--from", "01/2025", "--to", "01/2025")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Les Tilleuls, where Léa comes on Monday and Tuesday, a meal is ordered for February and 10,00 € come in; study is in a trial."""
    asyncio.run(_lived(tmp_path, small_school()))
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    return tmp_path


async def _lived(folder: Path, school: School) -> None:
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(school)))
        tilleuls, vanderzande = number("Tilleuls"), number("Vanderzande")
        await stores.desk.do(2, open_balances, 2, {(tilleuls, vanderzande): 20_00}, moment("08:00"))
        await _stay(stores, MONDAY, 1)
        await stores.desk.do(3, reserve, 3, number("Tom"), number("meal"), "2025-02-03", moment("09:00", TUESDAY))
        weekly = replace(stores.desk.school.programmes[number("care")], post_days=7)
        await stores.desk.edit(4, lambda _school: (weekly,))
        await _stay(stores, TUESDAY, 3)
        wallet = next(iter(stores.desk.books.owners))
        await stores.desk.do(5, clear, 5, Payment(wallet, Clearing.TOP_UP, 10_00), moment("12:00", date(2025, 1, 31)))


async def _stay(stores: Memory, day: date, n: int) -> None:
    for tap in (scan("Léa", "care-in", "15:30", day=day, n=n), scan("Léa", "care-out", "16:40", day=day, n=n + 1)):
        await stores.desk.do(tap.ask, take, tap)


def said(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["statement", *words, "--config", str(folder / "hub.toml")]) == 0
    lines = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
    return [line.partition("  n° ")[0] for line in lines]


def test_a_family_reads_its_month_in_french_with_object_legal_class_and_both_balances(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(folder, capsys, "Vanderzande", *JANUARY) == [
        "Décompte du 01/01/2025 au 31/01/2025",
        "Portefeuille +++097/0000/00101+++, Les Tilleuls : Vanderzande",
        "Solde au matin du 01/01/2025 : 0,00 €",
        "06/01/2025  solde de départ  20,00 €",
        "06/01/2025  Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  -2,25 €",
        "31/01/2025  recharge  10,00 €",
        "Solde au soir du 31/01/2025 : 27,75 €",
        "Total extrascolaire : 2,25 €",
        "Provisoire, pas encore déduit du solde :",
        "07/01/2025  Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  -2,25 €",
        "Pour le recharger, faites un virement avec la communication structurée +++097/0000/00101+++.",
        "Si payer est difficile en ce moment, parlez-nous-en : nous trouverons une solution ensemble.",
    ]


IN_DUTCH = [
    "Afrekening van 01/01/2025 tot en met 31/01/2025",
    "Portefeuille +++097/0000/00101+++, Les Tilleuls: Vanderzande",
    "Saldo op de ochtend van 01/01/2025: 0,00 €",
    "06/01/2025  beginsaldo  20,00 €",
    "06/01/2025  Léa Vanderzande, Garderie (buitenschools), 70 min, eenheden: 3  -2,25 €",
]


def test_a_family_reads_its_statement_in_its_own_language_or_in_the_one_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [line.partition("  nr. ")[0] for line in said(folder, capsys, "Vanderzande", *JANUARY, "--language", "nl")][:5] == IN_DUTCH
    asyncio.run(_speaks(folder, "nl"))
    for whose in ("Vanderzande", "097/0000/00101"):
        assert [line.partition("  nr. ")[0] for line in said(folder, capsys, whose, *JANUARY)][:5] == IN_DUTCH
    assert said(folder, capsys, "Vanderzande", *JANUARY, "--language", "en")[2] == "Balance on the morning of 01/01/2025: 0,00 €"


async def _speaks(folder: Path, language: str) -> None:
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(60, lambda _school: (Adult(77, number("Vanderzande"), "Anne", "Vanderzande", "", language),))


def test_the_statement_of_a_wallet_is_found_by_its_communication_and_the_next_month_begins_where_this_one_ended(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    february = said(folder, capsys, "097/0000/00101", "--from", "02/2025", "--to", "05/2025")
    assert february[:6] == [
        "Décompte du 01/02/2025 au 31/05/2025",
        "Portefeuille +++097/0000/00101+++, Les Tilleuls : Vanderzande",
        "Solde au matin du 01/02/2025 : 27,75 €",
        "03/02/2025  Tom Vanderzande, Repas (facultatif)  -4,50 €",
        "Solde au soir du 31/05/2025 : 23,25 €",
        "Total facultatif : 4,50 €",
    ]


def test_what_is_corrected_later_is_named_apart_in_the_period_of_the_booking(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def corrected() -> None:
        async with memory(folder / "hub") as stores:
            first = next(iter(stores.desk.books.charges.values()))
            decided = reverse(9, first, moment("09:00", date(2025, 2, 10)), Reason.CORRECTED)
            await stores.desk.do(9, lambda _school, _books: decided)

    asyncio.run(corrected())
    february = said(folder, capsys, "Vanderzande", "--from", "02/2025", "--to", "02/2025")
    assert february[2:5] == [
        "Comptabilisé pendant cette période pour des jours antérieurs ; déjà compris dans le solde ci-dessous :",
        "06/01/2025  annulé : Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  2,25 €",
        "Solde au matin du 01/02/2025 : 30,00 €",
    ]


def test_a_list_for_spreadsheets_has_decimal_commas_a_mark_and_no_cell_that_is_a_formula(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def renamed() -> None:
        async with memory(folder / "hub") as stores:
            lea = replace(stores.desk.school.pupils[number("Léa")], first_name='=HYPERLINK("x")')
            await stores.desk.edit(9, lambda _school: (lea,))

    asyncio.run(renamed())
    written = folder / "liste.csv"
    said(folder, capsys, "Vanderzande", *JANUARY, "--csv", str(written))
    assert written.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(written.read_text("utf-8-sig").splitlines(), delimiter=";"))
    header = "portefeuille état jour nature enfant objet catégorie minutes unités montant numéro remplace"
    assert rows[0] == header.split()
    assert [[*row[:10], row[10][:3]] for row in rows[1:]] == [
        ["097/0000/00101", "définitif", "06/01/2025", "solde de départ", "", "", "", "", "", "20,00", ""],
        [
            "097/0000/00101",
            "définitif",
            "06/01/2025",
            "prestation",
            '\'=HYPERLINK("x") Vanderzande',
            "Garderie",
            "extrascolaire",
            "70",
            "3",
            "-2,25",
            "n° ",
        ],
        ["097/0000/00101", "définitif", "31/01/2025", "recharge", "", "", "", "", "", "10,00", ""],
        [
            "097/0000/00101",
            "provisoire",
            "07/01/2025",
            "prestation",
            '\'=HYPERLINK("x") Vanderzande',
            "Garderie",
            "extrascolaire",
            "70",
            "3",
            "-2,25",
            "n° ",
        ],
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("Vanderzande", "--from", "01/2025", "--to", "05/2025"), "01/2025 to 05/2025: a statement covers 1 to 4 months"),
        (("Vanderzande", "--from", "02/2025", "--to", "01/2025"), "02/2025 to 01/2025: a statement covers 1 to 4 months"),
        (("Vanderzande", "--from", "13/2025", "--to", "01/2025"), "`13/2025` is no month: write it as 01/2025"),
        (("Nobody", *JANUARY), "`Nobody` is no household with a wallet, and no structured communication"),
        (("Okonkwo", *JANUARY), "`Okonkwo` is no household with a wallet"),
        (("097/0000/01111", *JANUARY), "no wallet has +++097/0000/01111+++"),
        (("Vanderzande", *JANUARY, "--csv", "/nowhere/at/all.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_told_is_refused_with_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert main(["statement", *words, "--config", str(folder / "hub.toml")]) == REFUSED
    assert sentence in capsys.readouterr().err


def test_of_a_pupils_wallet_each_household_is_told_what_it_pays_and_nothing_of_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    school = small_school()
    site = replace(school.sites[number("Tilleuls")], wallet_scope=WalletScope.PUPIL, pilot_from=MONDAY, live_from=TUESDAY)
    override = PayerOverride(1, number("Léa"), number("Quintelier"), TUESDAY, item=number("care"))

    async def lived() -> None:
        async with memory(tmp_path / "hub") as stores:
            await stores.desk.edit(1, lambda _school: tuple(rows_of(edited(school, (site, override)))))
            await _stay(stores, MONDAY, 1)
            await _stay(stores, TUESDAY, 3)

    asyncio.run(lived())
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    own, other = said(tmp_path, capsys, "Vanderzande", *JANUARY), said(tmp_path, capsys, "Quintelier", *JANUARY)
    assert own[1:6] == [
        "Portefeuille +++097/0000/00101+++, Les Tilleuls : Léa Vanderzande",
        "Solde au matin du 01/01/2025 : 0,00 €",
        "Solde au soir du 31/01/2025 : 0,00 €",
        "Phase de test, jamais déduit du solde :",
        "06/01/2025  Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  aurait coûté 2,25 €",
    ]
    assert other[3:5] == [
        "07/01/2025  Léa Vanderzande, Garderie (extrascolaire), 70 min, unités : 3  -2,25 €",
        "Solde au soir du 31/01/2025 : -2,25 €",
    ]
