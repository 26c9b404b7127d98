"""Lists as people's programmes write them: whatever bytes, read surely or refused in a sentence; shown first, then done whole."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.__main__ import main
from hub.core.books import Books
from hub.core.facts import Refusal
from hub.core.imports import WANTED, Kind, plan
from hub.core.lists import Complaint, Readout, Wrong
from hub.core.plans import Stamp
from hub.core.school import Site
from hub.errors import ImportRefusedError
from hub.imports import MAX_BYTES, MAX_LINES, SHOWN, WORDS, carry_out, is_address, preview, read, read_file, sentence
from hub.memory import memory
from tests.schools import BADGE_KEY, TUESDAY, ZONE, moment, number, small_school

CODE = "KBBBKOVDUBJFIHBPPPPGD"
HEADER = ("Nom", "Prénom", "Classe", "École")
NATIONAL = "85.07.30-033.28"


def rows(found: Readout) -> list[tuple[str, ...]]:
    return [found.table.header.cells, *(line.cells for line in found.table.lines)]


def written(lines: Sequence[Sequence[str]], delimiter: str = ";", *, quoted: bool = False, end: str = "\r\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator=end)
    writer.writerows(lines)
    return text.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(ImportRefusedError) as caught:
        read(content, "list.csv", WANTED[Kind.PUPILS])
    return str(caught.value)


# --- reading --------------------------------------------------------------------------------------

FRENCH = [HEADER, ("Lefèvre", "Zoé", "3A", "Saint-Éloi"), ("D’Août", "Noël François", "P1", "Ça ira")]


@pytest.mark.parametrize(
    ("codec", "named"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a mark"),
        ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp850", "MS-DOS 850"),
        ("mac_roman", "Mac Roman"),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_list_is_read_whatever_programme_wrote_it_and_its_encoding_is_named(codec: str, named: str, delimiter: str) -> None:
    lines = [[cell.replace("’", "'") if codec == "cp850" else cell for cell in line] for line in FRENCH]
    found = read(written(lines, delimiter).encode(codec), "list.csv", WANTED[Kind.PUPILS])
    assert rows(found) == [tuple(line) for line in lines]
    assert found.encoding == named
    assert found.delimiter == {";": "semicolon", ",": "comma", "\t": "tab"}[delimiter]


def test_the_euro_sign_tells_the_two_western_encodings_apart() -> None:
    text = "école;famille;solde\nParc;Dupont;12,50 €\n"
    for codec, named in (("cp1252", "Windows-1252"), ("iso8859-15", "ISO-8859-15")):
        found = read(text.encode(codec), "list.csv", WANTED[Kind.BALANCES])
        assert (found.encoding, found.table.lines[0].cells[2]) == (named, "12,50 €")


def test_quoted_cells_may_hold_separators_quotes_and_line_breaks_and_lines_keep_their_numbers() -> None:
    text = 'Nom;"Pré\nnom";Classe\n\n"Du;pont";"L""a"";3A\n;;;\n"Haute\nRue";x;y\n'.replace('"L""a"";', '"L""a";')
    found = read(text.encode(), "list.csv", WANTED[Kind.PUPILS])
    assert [(line.number, line.cells) for line in found.table.lines] == [(4, ("Du;pont", 'L"a', "3A")), (6, ("Haute\nRue", "x", "y"))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_they_do_anywhere(end: str) -> None:
    assert rows(read(written(FRENCH, end=end).encode(), "list.csv", WANTED[Kind.PUPILS])) == FRENCH


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_first_line_that_tells_excel_the_separator_is_no_header(delimiter: str) -> None:
    found = read(f"sep={delimiter}\n{written(FRENCH, delimiter)}".encode(), "list.csv", WANTED[Kind.PUPILS])
    assert rows(found) == FRENCH
    assert found.table.header.number == 2


def test_a_comma_in_the_name_of_a_column_does_not_make_it_the_separator() -> None:
    found = read("Nom;Prénom;Remarques, santé, autres, divers\nDupont;Léa;a,b".encode(), "list.csv", WANTED[Kind.PUPILS])
    assert found.table.lines[0].cells == ("Dupont", "Léa", "a,b")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "list.csv: is empty"),
        (b" \n;;;\n", "list.csv: is empty"),
        (b"Nom;Pr\0nom", "list.csv: holds zero bytes"),
        ("Nom;Prénom".encode("utf-16-le"), "list.csv: holds zero bytes"),
        (b"PK\x03\x04rest of a workbook", "list.csv: a workbook or PDF"),
        (b"%PDF-1.7", "list.csv: a workbook or PDF"),
        (b"\xff\xfe\x00\xd8\x00", "list.csv: begins as UTF-16"),
        (b"\xb1\xb3\xb5\xb7", "list.csv: its encoding cannot be told"),
        (b'Nom\n"never closed\nmore\n', "list.csv:2: cannot be read as a list"),
        (b'Nom\nx\n"a"b\n', "list.csv:3: cannot be read as a list"),
        (b"x" * (MAX_BYTES + 1), "list.csv: more than 8 MB"),
        (b"Nom\n" + b"x\n" * (MAX_LINES + 1), f"list.csv: {MAX_LINES + 1} lines; at most {MAX_LINES}"),
        (b"Nom\n" + b"x" * 200_000, "list.csv:2: cannot be read as a list"),
    ],
    ids=range(13),
)
def test_what_is_no_list_is_refused_in_a_sentence(content: bytes, said: str) -> None:
    assert refused(content).startswith(said)


def test_a_file_that_is_not_there_or_never_ends_is_refused(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory"), (Path("/dev/zero"), "more than 8 MB")):
        with pytest.raises(ImportRefusedError, match=said):
            read_file(path, WANTED[Kind.PUPILS])


LETTERS = st.text(st.characters(codec="cp1252", exclude_categories=("Cc", "Cs")), max_size=12)
"""What a cell may hold in every encoding that is tried."""


@given(
    st.lists(st.tuples(LETTERS, LETTERS, LETTERS, LETTERS).filter(lambda cells: any(cell.strip() for cell in cells)), max_size=5),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_reads_back_as_it_was_written(lines: list[tuple[str, ...]], delimiter: str, codec: str, quoted: bool, end: str) -> None:
    table = [HEADER, *lines]
    found = read(written(table, delimiter, quoted=quoted, end=end).encode(codec), "list.csv", WANTED[Kind.PUPILS])
    assert rows(found) == table


NAMES = st.text("aàâäbcçdeéèêëfghiîïjklmnoôöpqrstuùûüvwxyzœ", min_size=1, max_size=9).map(str.title)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), max_size=5), st.sampled_from(["cp1252", "iso8859-15", "mac_roman"]))
def test_names_read_back_from_encodings_that_have_to_be_guessed(lines: list[tuple[str, ...]], codec: str) -> None:
    assert rows(read(written([HEADER, *lines]).encode(codec), "list.csv", WANTED[Kind.PUPILS])) == [HEADER, *lines]


def read_or_refused(content: bytes, kind: Kind) -> Readout | str:
    try:
        return read(content, "list.csv", WANTED[kind])
    except ImportRefusedError as error:
        return str(error)


@given(st.binary(max_size=200), st.sampled_from(list(Kind)))
@example(b"\xff\xfe", Kind.PUPILS)
@example(b"\xef\xbb\xbf", Kind.PUPILS)
@example(b'"', Kind.BADGES)
def test_any_bytes_are_a_plan_or_a_sentence_and_never_an_accident(content: bytes, kind: Kind) -> None:
    found = read_or_refused(content, kind)
    if isinstance(found, str):
        assert re.match(r"list\.csv(:\d+)?: .", found)
        return
    planned = plan(kind, found.table, small_school(), Books(), STAMP)
    assert all(sentence(each, "list.csv", WANTED[kind]).startswith("list.csv:") for each in planned.complaints)
    assert list(preview(found, planned, "list.csv"))


# --- telling --------------------------------------------------------------------------------------

STAMP = Stamp(BADGE_KEY, moment("09:00", TUESDAY), TUESDAY, 77, is_address)


def told(text: str, kind: Kind = Kind.PUPILS) -> list[str]:
    found = read(text.encode(), "list.csv", WANTED[kind])
    planned = plan(kind, found.table, small_school(), Books(), STAMP)
    return [*preview(found, planned, "list.csv"), *(sentence(each, "list.csv", WANTED[kind]) for each in planned.complaints)]


def test_a_preview_tells_how_the_list_was_read_and_what_it_would_do() -> None:
    lines = "Nom;Prénom;Né le;Classe;École;Famille;NISS;Tél\nVanderzande;Lea;1/2/2016;4A;les tilleuls;Vanderzande;85.07.30-033.28;0\n"
    assert told(lines + f"Claes;Zoé;3/4/2015;2B;Le Parc;Claes;{NATIONAL};0\nOkonkwo;Mia;;;;;;\n") == [
        "list.csv: 3 lines, UTF-8, separated by semicolons",
        "dropped, for Préau never stores a national register number: NISS",
        "left out, for it is not known what they say: Tél",
        "new: 1 × household",
        "  line 3: Claes",
        "new: 1 × pupil",
        "  line 3: Zoé Claes: household Claes, site Le Parc, group 2B, born 2015-04-03",
        "changed: 1 × pupil",
        "  line 2: Léa Vanderzande: first_name Léa -> Lea, group 3A -> 4A, born – -> 2016-02-01",
        "unchanged: 1 × pupil",
    ]


def test_a_preview_shows_the_first_of_many_and_counts_the_rest() -> None:
    lines = told("famille;nom;prénom\n" + "".join(f"Claes;Claes;Zoé {letter}\n" for letter in "abcdefghijklm"), Kind.FAMILIES)
    assert lines[3] == "new: 13 × adult"
    assert lines[4 + SHOWN :] == [f"  … and {13 - SHOWN} more"]


def test_every_bad_line_is_told_with_column_value_and_what_to_do() -> None:
    lines = told("Nom;Prénom;Né le;École;Famille\n" + "Claes;Zoé;31/2/2016;Lune;Claes\n" * 30)
    bad = [line for line in lines if line.startswith("list.csv:") and "lines," not in line]
    assert len(bad) == 60
    assert bad[:2] == [
        "list.csv:2: École: `Lune` is not known: the sites are Le Parc, Les Tilleuls",
        "list.csv:2: Né le: `31/2/2016` is no day a child was born on: write it as 31/12/2015",
    ]


def test_a_missing_column_is_told_with_those_there_may_be() -> None:
    (said,) = told("Prénom\nLéa")[1:]
    assert said.startswith("list.csv:1: column `last_name` is missing, or `key`; line 1 has to name the columns, and they may be: key, ")


@pytest.mark.parametrize("wrong", list(Wrong))
def test_whatever_is_wrong_there_is_a_sentence_for_it(wrong: Wrong) -> None:
    said = sentence(Complaint(3, wrong, "Nom", "value", "other"), "list.csv", WANTED[Kind.PUPILS])
    assert re.fullmatch(r"list\.csv:3: [^{}]{10,}", said)
    assert len(set(WORDS.values())) == len(WORDS)


# --- the command ----------------------------------------------------------------------------------

PUPILS = f"Nom;Prénom;École;Classe;Famille;Badge;NISS\nClaes;Zoé;Les Tilleuls;3A;Claes;{CODE};{NATIONAL}\nMaes;Noé;Les Tilleuls;3A;Maes;;\n"
SCHOOL = '[[sites]]\nname = "Les Tilleuls"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub that is set up and has nobody yet."""
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    (tmp_path / "school.toml").write_text(SCHOOL)
    assert main(["setup", str(tmp_path / "school.toml"), "--config", str(tmp_path / "hub.toml")]) == 0
    return tmp_path


def command(folder: Path, kind: str, text: str, *options: str, codec: str = "utf-8") -> int:
    path = folder / "list.csv"
    path.write_bytes(text.encode(codec))
    return main(["import", kind, str(path), *options, "--config", str(folder / "hub.toml")])


def test_without_yes_nothing_is_written_and_with_it_everything_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, said in (((), "nothing was written"), (("--yes",), "done"), (("--yes",), "nothing to do"), ((), "nothing was written")):
        assert command(folder, "pupils", PUPILS, *options, codec="cp1252") == 0
        assert said in capsys.readouterr().out
    assert command(folder, "pupils", PUPILS) == 0
    assert "unchanged: 2 × pupil" in capsys.readouterr().out


def test_what_a_list_brings_is_found_again_by_the_next_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = "Matricule;Nom;Prénom;Né le;Type;No famille;Famille;Adresse\n"
    text = header + "A7;Claes;Zoé;3/4/2015;externe;F1;Claes;Rue Haute 1\n"
    assert command(folder, "pupils", text, "--yes") == 0
    assert command(folder, "pupils", text, "--yes") == 0
    assert "unchanged: 1 × pupil\nnothing to do" in capsys.readouterr().out
    assert command(folder, "pupils", header + "A7;Claes;Zoë;4/4/2015;interne;F1;Roux;Rue Basse 2\n") == 0
    said = capsys.readouterr().out
    assert "line 2: Claes: name Claes -> Roux, address Rue Haute 1 -> Rue Basse 2" in said
    assert "line 2: Zoé Claes: first_name Zoé -> Zoë, born 2015-04-03 -> 2015-04-04, child_type externe -> interne" in said


async def test_rows_are_decided_again_when_they_are_written(tmp_path: Path) -> None:
    async with memory(tmp_path / "hub") as stores:
        site = Site(number("Tilleuls"), "Les Tilleuls", ZONE)
        await stores.desk.edit(1, lambda _school: (site,))
        table = read(PUPILS.encode(), "list.csv", WANTED[Kind.PUPILS]).table
        first, second = (plan(Kind.PUPILS, table, stores.desk.school, stores.desk.books, replace(STAMP, seed=seed)) for seed in (2, 3))
        await carry_out(first, Kind.PUPILS, table, stores.desk, replace(STAMP, seed=2))
        await carry_out(second, Kind.PUPILS, table, stores.desk, replace(STAMP, seed=3))
        assert len(stores.desk.school.pupils) == 2, "somebody else had read the same list in meanwhile"
        renamed = replace(site, name="Le Parc")
        third = plan(Kind.PUPILS, table, small_school(), stores.desk.books, replace(STAMP, seed=4))
        await stores.desk.edit(5, lambda _school: (renamed,))
        answer = await carry_out(third, Kind.PUPILS, table, stores.desk, replace(STAMP, seed=4))
        assert answer.refusal == Refusal("school_has_changed")
        assert len(stores.desk.school.pupils) == 2
        assert await stores.register.read_school() == stores.desk.school


def test_one_bad_line_keeps_the_whole_list_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(folder, "pupils", PUPILS + "Roux;Ana;Lune;3A;Roux;;\n", "--yes") == 2
    assert "list.csv:4: École: `Lune`" in capsys.readouterr().err
    assert command(folder, "pupils", PUPILS) == 0
    assert "new: 2 × pupil" in capsys.readouterr().out


def test_a_national_register_number_and_a_badge_code_reach_no_file_and_no_message(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert command(folder, "pupils", PUPILS + f"{NATIONAL};Ana;Lune;3A;Roux;;\n") == 2
    assert command(folder, "pupils", PUPILS, "--yes") == 0
    said = capsys.readouterr()
    for secret in (NATIONAL, CODE):
        assert secret not in said.out + said.err + caplog.text
        assert not [path for path in (folder / "hub").rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert "dropped" in said.out


def test_balances_are_booked_once_however_often_their_list_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(folder, "pupils", PUPILS, "--yes") == 0
    text = "famille;solde\nClaes;12,50\nMaes;-3.20\n"
    assert command(folder, "balances", text, "--yes") == 0
    assert "line 2: Claes: balance 12,50\u00a0€, site Les Tilleuls" in capsys.readouterr().out
    assert command(folder, "balances", text, "--yes") == 0
    assert "unchanged: 2 × balance\nnothing to do" in capsys.readouterr().out
    assert command(folder, "balances", "famille;solde\nClaes;1,00\n", "--yes") == 2
    assert "Claes has brought a balance along before" in capsys.readouterr().err
    assert main(["check", "--config", str(folder / "hub.toml")]) == 0


def test_badges_and_families_come_in_lists_of_their_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(folder, "pupils", PUPILS, "--yes") == 0
    assert command(folder, "badges", "Code badge,Voornaam,Naam\nEM:6F007B3972,Noé,Maes\n", "--yes") == 0
    assert "line 2: …3972 of Noé Maes" in capsys.readouterr().out
    assert command(folder, "families", "Famille\tNom\tPrénom\tCourriel\nMaes\tMaes\tIda\tida@home.be\n", "--yes") == 0
    assert "line 2: Ida Maes: household Maes, email ida@home.be, language fr" in capsys.readouterr().out
    assert command(folder, "families", "Famille\tNom\tPrénom\tCourriel\nMaes\tMaes\tIda\tida.home.be\n", "--yes") == 2
    assert "Courriel: `ida.home.be` is no mail address" in capsys.readouterr().err


def test_whose_language_no_list_says_is_written_to_in_that_of_the_hub(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "hub.toml").open("a") as settings:
        settings.write('\n[web]\nlanguage = "nl"\n')
    assert command(folder, "families", "Gezin;Naam;Voornaam;Taal\nMaes;Maes;Ida;\nMaes;Maes;Jo;Frans\n") == 0
    said = capsys.readouterr().out
    assert "Ida Maes: household Maes, language nl" in said
    assert "Jo Maes: household Maes, language fr" in said


STUDY = """
[[sites.programmes]]
name = "Étude"
use = "study"
price = "1,00"
hours = [{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "17:15" }]
attendance = "registered"
"""
PLANS = "Nom,Prénom,Activité,Jours,Du,Au\nClaes,Zoé,étude,lu ma je ve,01/09/2025,30/06/2026\nMaes,Noé,Étude,je,01/09/2025,\n"


def test_planned_attendance_comes_in_a_list_and_once_more_it_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "school.toml").write_text(SCHOOL + STUDY)
    assert main(["setup", str(folder / "school.toml"), "--config", str(folder / "hub.toml")]) == 0
    assert command(folder, "pupils", PUPILS, "--yes") == 0
    for codec, options, said in (
        ("utf-16", (), "nothing was written"),
        ("cp1252", ("--yes",), "done"),
        ("utf-8", ("--yes",), "nothing to do"),
    ):
        assert command(folder, "plans", PLANS, *options, codec=codec) == 0
        assert said in capsys.readouterr().out
    assert command(folder, "plans", PLANS.replace("je,01/09/2025,", "je,01/09/2025,31/12/2025")) == 0
    told = capsys.readouterr().out
    assert "line 3: Noé Maes, Étude: until – -> 2025-12-31" in told
    assert "unchanged: 1 × planned attendance" in told


def test_one_bad_line_keeps_a_list_of_plans_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "school.toml").write_text(SCHOOL + STUDY)
    assert main(["setup", str(folder / "school.toml"), "--config", str(folder / "hub.toml")]) == 0
    assert command(folder, "pupils", PUPILS, "--yes") == 0
    assert command(folder, "plans", PLANS + "Roux,Ana,Étude,lu,01/09/2025,\nMaes,Noé,Judo,lu,01/09/2025,\n", "--yes") == 2
    said = capsys.readouterr().err
    assert "list.csv:4: Nom: `Roux` is not known: import the pupils first" in said
    assert "list.csv:5: Activité: `Judo` is not known: the programmes are Étude" in said
    assert command(folder, "plans", PLANS) == 0
    assert "new: 2 × planned attendance" in capsys.readouterr().out
