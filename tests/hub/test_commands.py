"""Nonsense at the command line, command by command: one sentence that names the word or file, and says what to do; nothing is written."""

import asyncio
import shlex
import shutil
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.accounts import Accounts
from hub.core.trail import Wanted
from hub.core.wallets import open_balances
from hub.folder import Folder
from hub.memory import memory
from hub.trail import Trail
from tests.hub.core.test_school import rows_of
from tests.schools import moment, number, small_school

FILES = {
    "binary.csv": bytes(range(256)) * 4,
    "empty.csv": b"",
    "old.csv": "site;day;product;price;allergens\nÉcole;2025-01-06;Repas;;\n".encode("cp1252"),
    "far.csv": b"site;day;product;price;allergens\nLes Tilleuls;9999-12-31;Repas;;\n",
    "long.csv": b"household;last_name;first_name;amount\n" + b"x" * 200_000,
    "zone.toml": b'[[sites]]\nname = "Parc"\nzone = "Mars"\n',
    "mail.toml": b'[hub]\ndata = "hub"\n[mail]\nserver = "127.0.0.1"\ntls = "none"\nsender = "a@b.be"\n',
    "nowhere.toml": b'[hub]\ndata = "nowhere"\n',
}
WALLET = "097/0000/00101"
DAY = "'Léa Vanderzande' Garderie"
FAR = "is too far off: days are from 1900 to 2199"
BINARY = "binary.csv: its encoding cannot be told: save it as text in UTF-8, a list as CSV"
NONE = "none.csv: cannot be read: No such file or directory"
NO_HUB = "nowhere: there is no hub here: correct `data` in nowhere.toml, or set a school up with `preau-hub setup`"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub, and files that are no use."""
    folder = tmp_path_factory.mktemp("office")

    async def set_up() -> None:
        async with memory(folder / "hub") as stores:
            await stores.desk.edit(1, lambda _school: tuple(rows_of(small_school())))
            await stores.desk.do(2, open_balances, 2, {(number("Tilleuls"), number("Vanderzande")): 20_00}, moment("00:00"))
            await Accounts(stores.register).add_staff(71, "anne", "Anne", "no password")
            await Accounts(stores.register).add_staff(72, "boris", "Boris", "no password")
            await Accounts(stores.register).change_staff(72, ended_ms=1)

    asyncio.run(set_up())
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "hub.toml").write_text('[hub]\ndata = "hub"\n')
    return folder


def words_of(line: str) -> list[str]:
    words = shlex.split(line)
    return words if "--config" in words else [*words, "--config", "hub.toml"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("setup none.csv", NONE),
        ("setup binary.csv", BINARY),
        ("setup empty.csv", "empty.csv:1: key `sites` is missing in the file: add it"),
        ("setup zone.toml", "zone.toml: site `Parc`: key `zone`: `Mars` is no time zone: write it as Europe/Brussels"),
        ("import pupils binary.csv", BINARY),
        ("import pupils none.csv --since-ms soon", "`soon` is no number: write its digits"),
        ("reserve .", ".: cannot be read: Is a directory"),
        ("meals menu none.csv", NONE),
        ("meals menu binary.csv", BINARY),
        ("meals menu old.csv", "old.csv:2: `Repas` is no product of site `École`: use the names they have in the school"),
        ("meals menu far.csv", "far.csv:2: `9999-12-31` is no day: write it as 2025-01-31"),
        ("meals count 0001-01-01", f"`0001-01-01` {FAR}"),
        ("meals order 'Léa Vanderzande' 2025-01-06 Soupe --by parent", "`Soupe` is no product of `Les Tilleuls`: it is one of"),
        (
            "meals order 'Léa Vanderzande' 2025-01-06 Repas --by parent --at-ms 9999999999999999",
            "`9999999999999999` is too far off: an instant is in Unix ms, such as 1736155800000",
        ),
        ("till open till 50,00 --by boris", "`boris` does not work here any more: name the login of who does this"),
        ("till void till x twice --by anne", "`x` is no number: write its digits"),
        ("till pay-in till 'Léa Vanderzande' -5,00 --by anne", "`-5,00`: amounts and numbers are written without a sign"),
        ("till view Léa", "`Léa` is no pupil of this school: write the first and the last name, or the number"),
        (f"wallet top-up {WALLET} 0,00", "an amount is more than zero"),
        (f"wallet refund {WALLET} 5,00 --reason fun", "`fun`: say requested, overpaid, corrected or leaver"),
        (f"wallet transfer {WALLET} 5,00 --by dog", "`dog`: say parent, pupil or staff"),
        (f"wallet hold {WALLET} 5,00 --until 9999-12-31", f"`9999-12-31` {FAR}"),
        (f"wallet release {WALLET} 99999999999999999999", "`99999999999999999999` is no number: write its digits"),
        ("wallet switch 'Les Tilleuls' cats", "`cats`: say household or pupil"),
        ("wallet switch 'Les Tilleuls' pupil --shares none.csv", NONE),
        ("wallet switch 'Les Tilleuls' pupil --shares long.csv", "long.csv:2: cannot be read as a list: field larger than field limit"),
        ("wallet limit Nobody Vanderzande Léa 5,00", "no pupil `Vanderzande Léa` of household `Nobody`"),
        ("wallet payers binary.csv", BINARY),
        (f"statement {WALLET} --from 12/9999 --to 12/9999", "`12/9999` is no month: write it as 01/2025"),
        ("files list Nobody", "no household `Nobody`: write its name as it was imported, or its number"),
        ("files add Vanderzande --bracket four --from 2025-01-01", "`four` is no number: write its digits"),
        ("files add Vanderzande --bracket 4 --from January", "`January` is no day: write it as 2025-01-31"),
        ("files regularise 5 --at-ms now", "`now` is no number: write its digits"),
        ("device cellar", "no device `cellar`: it is one of"),
        ("why me", "`me` is no number: write its digits"),
        ("why 5", "no charge 5: its number is in the list of the wallet's entries"),
        ("tariff try none.csv --from 2025-01-01 --to 2025-01-31", NONE),
        ("tariff try zone.toml --from 2025-01-01 --to 2025-01-31", "zone.toml:1: unknown key `sites`: remove it"),
        ("presence mornings --from 2025-02-01 --to 2025-01-31", "2025-01-31 is before 2025-02-01: give the first day, then the last one"),
        (f"day add {DAY} 0001-01-01 16:00 in --by anne", f"`0001-01-01` {FAR}"),
        (f"day add {DAY} 2025-01-06 16:00 up --by anne", "`up`: say in or out"),
        (f"day add {DAY} 2025-01-06 16:00 in --by anne --reason fun", "`fun`: say forgotten, wrong_time, wrong_way, wrong_pupil, twice"),
        ("settle run Sauna", "`Sauna` is no programme: it is one of"),
        ("settle preview Garderie --at-ms now", "`now` is no number: write its digits"),
        ("presence inside Lune", "`Lune` is no site: it is one of Le Parc, Les Tilleuls"),
        ("presence justify 'Léa Vanderzande' 2025-01-06 perhaps --by anne", "`perhaps`: say open, justified or not_justified"),
        ("mail test --config mail.toml", "`mail test` needs an address: say where the letter goes"),
        ("mail list --config nowhere.toml", NO_HUB),
        ("check --config nowhere.toml", NO_HUB),
        ("wallet list --config none.csv", NONE),
        ("wallet list --config binary.csv", "binary.csv: is no text in UTF-8: save it as that"),
        ("backup nowhere kept", "nowhere: no data folder of a hub: it has no journal.db"),
        ("restore nowhere new", "nowhere: no backup: it has no manifest.json"),
    ],
)
def test_nonsense_is_named_in_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, sentence: str
) -> None:
    monkeypatch.chdir(folder)
    assert main(words_of(line)) == REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.replace(f"{folder}/", "").startswith(f"preau-hub: {sentence}")
    assert told.err.count("\n") == 1
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("fly", "argument command: invalid choice: 'fly'"),
        ("wallet", "the following arguments are required: act"),
        (f"wallet top-up {WALLET}", "the following arguments are required: amount"),
        ("files add Vanderzande --from 2025-01-01 --bracket 4 --qf 500,00", "argument --qf: not allowed with argument --bracket"),
        ("import fruits pupils.csv", "argument kind: invalid choice: 'fruits' (choose from 'pupils', 'families', 'badges', 'balances'"),
        ("check everything", "unrecognized arguments: everything"),
    ],
)
def test_a_word_too_few_or_too_many_is_named_below_how_the_command_is_used(
    capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words_of(line))
    told = capsys.readouterr().err
    assert ended.value.code == REFUSED
    assert told.startswith("usage: preau-hub")
    assert f"error: {sentence}" in told.splitlines()[-1]


def test_a_folder_whose_hub_runs_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    running = Folder(folder / "hub")
    try:
        for line in ("wallet list", "check", "day questions", "settle run Garderie", "files list", "presence inside", "mail again"):
            assert main(words_of(line)) == REFUSED
            told = capsys.readouterr().err
            assert told == "preau-hub: hub: another hub uses this data folder: stop it, or give this one its own folder\n", line
    finally:
        running.close()


@pytest.mark.parametrize("lost", ["master.key", "office.db"])
def test_what_is_missing_beside_a_journal_is_not_made_anew(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    shutil.copytree(folder / "hub", tmp_path / "hub")
    (tmp_path / "hub.toml").write_text('[hub]\ndata = "hub"\n')
    (tmp_path / "hub" / lost).unlink()
    monkeypatch.chdir(tmp_path)
    assert main(words_of("wallet list")) == REFUSED
    told = capsys.readouterr().err
    assert told == f"preau-hub: hub/{lost}: is missing beside a journal with 2 facts: restore the folder from a backup\n"
    assert not (tmp_path / "hub" / lost).exists()


def test_every_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("{")[2].partition("}")[0].split(",")
    assert len(listed) > 15
    for command in listed:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: preau-hub {command}")


def test_who_has_lost_telephone_and_paper_is_let_in_at_the_hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder / "hub", tmp_path / "hub")
    shutil.copy(folder / "hub.toml", tmp_path)
    monkeypatch.chdir(tmp_path)

    async def looked(totp: str | None = None) -> tuple[str, int, list[str]]:
        async with memory(tmp_path / "hub") as stores:
            accounts = Accounts(stores.register)
            if totp is not None:
                await accounts.change_staff(71, totp=totp)
                await accounts.set_recovery(71, ["0" * 32])
            person = await accounts.staff(71)
            assert person is not None
            steps = await Trail(stores.register).steps(Wanted(things=("member=71",)), 9)
            return person.totp, await accounts.count_recovery(71), [step.act for step in steps]

    asyncio.run(looked("A" * 32))
    assert main(words_of("account end-second Anne")) == 0
    assert asyncio.run(looked()) == ("", 0, ["CONSOLE /account/second/end"])
    assert main(words_of("account end-second anne")) == REFUSED, "there is nothing left to take away"
    assert main(words_of("account end-second boris")) == REFUSED, "who has left is not let in"
