"""What a list says: headers of four languages, cells, and national register numbers that nobody gets to see."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.lists import Column, Line, Listed, Table, Wrong, fold, national, national_header, read_amount, read_day, understood

C = Column
PUPILS = (C.KEY, C.LAST_NAME, C.FIRST_NAME, C.BORN, C.SITE, C.GROUP, C.HOUSEHOLD, C.ADDRESS)
NATIONAL = "85.07.30-033.28"
"""The number that explains the check in public descriptions of it."""
SINCE_2000 = "00010100105"
CORSICA = "1 85 05 2A 033 123 59"
NIR = "2 55 08 14 168 025 38"


def said(header: str, *lines: str, wanted: tuple[C, ...] = PUPILS, needed: tuple[tuple[C, ...], ...] = ()) -> Listed:
    rows = tuple(Line(number, tuple(line.split(";"))) for number, line in enumerate(lines, 2))
    return understood(Table(Line(1, tuple(header.split(";"))), rows), wanted, needed)


@pytest.mark.parametrize(
    "header",
    [
        "Nom;Prénom;Date de naissance;Implantation;Classe;Famille",
        "NOM DE FAMILLE;PRENOM;Né(e) le;École;Groupe;Ménage",
        "Naam;Voornaam;Geboortedatum;Vestiging;Klas;Gezin",
        "Nachname;Vorname;Geburtsdatum;Schule;Klasse;Haushalt",
        "Last name;first_name;Date of birth;SITE;class;household",
        "  Familienaam ;Voornaam;Geboren op;School;Klas;Gezin;;",
    ],
)
def test_headers_are_understood_in_four_languages(header: str) -> None:
    listed = said(header, "Dupont;Léa;1/2/2016;Parc;3A;Dupont")
    assert list(listed.heads) == [C.LAST_NAME, C.FIRST_NAME, C.BORN, C.SITE, C.GROUP, C.HOUSEHOLD]
    assert listed.lines[0][C.FIRST_NAME] == "Léa"
    assert listed.unknown == ()


def test_a_column_that_is_not_known_is_left_out_and_named() -> None:
    listed = said("Nom;Téléphone;Prénom;", "Dupont;0475;Léa;x")
    assert listed.unknown == ("Téléphone", "column 4")
    assert set(listed.heads) == {C.LAST_NAME, C.FIRST_NAME}


def test_the_name_of_a_column_cannot_play_with_the_screen_it_is_shown_on() -> None:
    assert said(f"Nom;\x1b[2J{'x' * 99}", "a;b").unknown == ("?[2J" + "x" * 56,)


def test_two_columns_for_the_same_are_refused_and_both_named() -> None:
    (complaint,) = said("Nom;Prénom;Nom de famille", "a;b;c").complaints
    assert (complaint.wrong, complaint.head, complaint.other) == (Wrong.COLUMN_TWICE, "Nom de famille", "Nom")


def test_a_missing_column_is_named_with_what_could_stand_for_it() -> None:
    (complaint,) = said("Prénom", "Léa", needed=((C.LAST_NAME, C.KEY),)).complaints
    assert (complaint.wrong, complaint.value, complaint.other) == (Wrong.MISSING_COLUMN, "last_name", "key")


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ("Dupont;Léa;a separator too much", Wrong.TOO_MANY_CELLS),
        ("Du\x07pont;Léa", Wrong.INVISIBLE),
        ("Du\u202epont;Léa", Wrong.INVISIBLE),
        ("x" * 201 + ";Léa", Wrong.TOO_LONG),
        (f"Dupont;Léa {NATIONAL}", Wrong.NATIONAL),
    ],
)
def test_a_bad_cell_is_named_and_the_others_are_looked_at_all_the_same(cells: str, wrong: Wrong) -> None:
    listed = said("Nom;Prénom", cells, "Maes;Noé", "Peeters;", "Claes;Zoé", "Jans;Eva", cells)
    assert [(each.line, each.wrong) for each in listed.complaints] == [(2, wrong), (7, wrong)]
    assert [line.number for line in listed.lines] == [3, 4, 5, 6]


def test_a_line_may_end_early_and_may_end_with_separators() -> None:
    listed = said("Nom;Prénom;Classe", "Dupont;Léa", "Maes;Noé;1A;;;", ";;;;")
    assert [dict(line.cells) for line in listed.lines] == [
        {C.LAST_NAME: "Dupont", C.FIRST_NAME: "Léa"},
        {C.LAST_NAME: "Maes", C.FIRST_NAME: "Noé", C.GROUP: "1A"},
    ]


def test_spaces_and_line_breaks_in_a_cell_are_one_space() -> None:
    listed = said("Nom;Adresse", " Du\u00a0 pont ;Rue\nHaute  3")
    assert listed.lines[0].cells == {C.LAST_NAME: "Du pont", C.ADDRESS: "Rue Haute 3"}


# --- national register numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "NISS",
        "niss élève",
        "INSZ",
        "INSZ-nummer",
        "Numéro national",
        "N° national",
        "Registre national",
        "Rijksregisternummer",
        "Nationaal nummer",
        "NIR",
        "Numéro de sécurité sociale",
        "N° Sécu",
        "National register number",
        "registre_national",
        "numero_niss",
        "Nationalnummer",
        "Sozialversicherungsnummer",
        "BSN",
    ],
)
def test_a_column_called_a_national_register_number_is_dropped_whatever_it_holds(header: str) -> None:
    listed = said(f"Nom;{header};Prénom", "Dupont;hidden;Léa")
    assert listed.dropped == (header,)
    assert "hidden" not in repr(listed)
    assert listed.lines[0][C.FIRST_NAME] == "Léa"


@pytest.mark.parametrize("header", ["Nom", "Nationalité", "Classe", "Matricule", "Tennis", "Numéro", "Registre", "Union"])
def test_an_innocent_column_is_not_taken_for_one(header: str) -> None:
    assert not national_header(header)


@pytest.mark.parametrize("number", [NATIONAL, "85073003328", SINCE_2000, NIR, "255081416802538", CORSICA])
def test_a_column_is_dropped_by_what_it_holds_even_as_the_key_of_a_list(number: str) -> None:
    listed = said("Matricule;Nom;Remarque", f"{number};Dupont;x", f"{number};Maes;x", "?;Claes;x")
    assert listed.dropped == ("Matricule",)
    assert C.KEY not in listed.heads
    assert number not in repr(listed)


def test_a_list_without_header_does_not_read_a_number_out_as_a_column() -> None:
    listed = said(f"Dupont;Léa;{NATIONAL}", "Maes;Noé;hidden", needed=((C.LAST_NAME,),))
    assert listed.unknown == ("Dupont", "Léa", "column 3")
    assert NATIONAL not in repr(listed)


def test_a_number_in_a_cell_is_complained_of_without_saying_it() -> None:
    listed = said("Nom;Prénom", f"Dupont {NATIONAL};Léa", "Maes;Noé", "Claes;Zoé")
    assert NATIONAL not in repr(listed)
    assert [(each.line, each.head, each.value) for each in listed.complaints] == [(2, "Nom", "")]


@pytest.mark.parametrize(
    "number",
    [
        "85 07 30 033 28",
        "85/07/30-033/28",
        "85.07.30\u200b-033.28",
        "85\u00a007\u00a030 033\u202f28",
        "85073\n003328",
        "８５０７３００３３２８",
        "n° 85073003328!",
    ],
)
def test_however_it_is_written_it_is_seen(number: str) -> None:
    assert national(number)
    listed = said("Nom;Prénom", f"Dupont {number};Léa", "Maes;Noé", "Claes;Zoé")
    assert number not in repr(listed)
    assert [each.value for each in listed.complaints] == [""]


@pytest.mark.parametrize("number", ["85073003329", "85133003328", "0475 12 34 56", "BE68 5390 0754 7034", "2015-03-31", "12345678901"])
def test_another_number_is_none(number: str) -> None:
    assert not national(number)


@given(st.dates(date(1930, 1, 1), date(2025, 1, 1)), st.integers(1, 997))
def test_every_belgian_number_is_seen_and_none_with_a_wrong_check(born: date, order: int) -> None:
    digits = f"{born:%y%m%d}{order:03}"
    check = 97 - int(("2" if born.year > 1999 else "") + digits) % 97
    assert national(f"{digits}{check:02}")
    assert national(f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:]}.{check:02}")
    both = {97 - int(century + digits) % 97 for century in ("", "2")}
    assert not any(national(f"{digits}{other:02}") for other in set(range(100)) - both)


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2015-03-31", date(2015, 3, 31)),
        ("31/03/2015", date(2015, 3, 31)),
        ("31.3.2015", date(2015, 3, 31)),
        ("1-2-2016", date(2016, 2, 1)),
        ("2015-03-31 00:00:00", date(2015, 3, 31)),
        ("29/02/2016", date(2016, 2, 29)),
        ("29/02/2015", None),
        ("03/31/2015", None),
        ("31/03/15", None),
        ("20150331", None),
        ("", None),
        ("hier", None),
    ],
)
def test_a_day_is_read_day_before_month_or_not_at_all(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12,50", 12_50),
        ("12.50", 12_50),
        ("1.234,50", 1234_50),
        ("1,234.50", 1234_50),
        ("1 234,50", 1234_50),
        ("-3,20", -3_20),
        ("-3.20", -3_20),
        ("12,50 €", 12_50),
        ("€ 12,50", 12_50),
        ("12,50 EUR", 12_50),
        ("0,00", 0),
        ("12", 12_00),
        ("12,5", None),
        ("12.5", None),
        ("1,234", None),
        ("1.234.50", None),
        ("1,23.50", None),
        ("€ 12,50 €", 12_50),
        ("€€12,50", None),
        ("", None),
        ("douze", None),
        ("€", None),
        ("1e3", None),
    ],
)
def test_an_amount_is_read_surely_or_not_at_all(text: str, cents: int | None) -> None:
    assert read_amount(text) == cents


@pytest.mark.parametrize("other", ["LEA MARIE", "léa-marie", "Léa  Marie", "Lea\u0301 Marie", "Léa Marie."])
def test_case_accents_and_signs_do_not_make_another_name(other: str) -> None:
    assert fold(other) == fold("Léa Marie")


def test_two_letters_in_one_are_two() -> None:
    assert (fold("Œuf"), fold("Straße"), fold("Ægir"), fold("№ 5")) == ("oeuf", "strasse", "aegir", "no5")


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert national(text) in (True, False)
    assert read_amount(text) is None or any(sign.isdigit() for sign in text)
