"""What a list would do to the school: who is found again, what is new, what changes, and every line that cannot be."""

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.books import Books
from hub.core.facts import Refusal, derived
from hub.core.imports import Kind, canonical_badge, plan
from hub.core.lists import Complaint, Line, Table, Wrong
from hub.core.merging import merge, same_child
from hub.core.plans import Plan, Stamp, Thing
from hub.core.school import Adult, Badge, BadgeState, Household, Pupil, School, WalletScope, edited
from hub.core.wallets import open_balances
from proto.badge import badge_hash
from tests.schools import BADGE_KEY, TUESDAY, moment, number, small_school

CODE = "KBBBKOVDUBJFIHBPPPPGD"
WRONG_CODE = "KBBBKOVDUBJFIHBPPPPGB"
TAG = "EM:6F007B3972"
STAMP = Stamp(BADGE_KEY, moment("09:00", TUESDAY), TUESDAY, 77, lambda text: text.count("@") == 1)
FULL = "nom;prénom;né le;école;classe;famille;badge"
EVA = "Claes;Eva;3/4/2018;Le Parc;1A;Claes;"


def planned(kind: Kind, header: str, *lines: str, school: School | None = None, books: Books | None = None) -> Plan:
    school = school or small_school()
    seed = 77 + len(school.households) + len(school.pupils)  # fresh for each list of a test
    rows = tuple(Line(number, tuple(line.split(";"))) for number, line in enumerate(lines, 2))
    table = Table(Line(1, tuple(header.split(";"))), rows)
    return plan(kind, table, school, books or Books(), replace(STAMP, seed=seed))


def pupils(*lines: str, header: str = FULL, school: School | None = None) -> Plan:
    return planned(Kind.PUPILS, header, *lines, school=school)


def done(found: Plan, school: School | None = None) -> School:
    assert not found.complaints, found.complaints
    return edited(school or small_school(), found.rows)


def changes(found: Plan) -> list[tuple[int, str, str, str]]:
    """Line, field, before, after of all that is not new."""
    return [(act.line, each.name, each.before, each.after) for act in found.acts if not act.new for each in act.changes]


def new(found: Plan) -> list[tuple[int, Thing, str]]:
    return [(act.line, act.thing, act.name) for act in found.acts if act.new]


def wrongs(found: Plan) -> list[tuple[int, Wrong, str]]:
    """Line, what is wrong, and what it does not go with."""
    return [(each.line, each.wrong, each.other) for each in found.complaints]


# --- pupils ---------------------------------------------------------------------------------------


def test_a_new_pupil_comes_with_household_site_class_birth_date_and_badge() -> None:
    found = pupils(EVA + CODE)
    assert new(found) == [(2, Thing.HOUSEHOLD, "Claes"), (2, Thing.PUPIL, "Eva Claes"), (2, Thing.BADGE, "…PPGD of Eva Claes")]
    household, pupil, badge = found.rows
    assert isinstance(household, Household)
    assert isinstance(pupil, Pupil)
    assert isinstance(badge, Badge)
    assert (household.name, household.key, household.address) == ("Claes", "", "")
    assert (pupil.household, pupil.site, pupil.group, pupil.born) == (household.id, number("Parc"), "1A", date(2018, 4, 3))
    assert (badge.pupil, badge.hash, badge.from_ms) == (pupil.id, badge_hash(BADGE_KEY, CODE), STAMP.at_ms)


def test_the_same_list_once_more_changes_nothing() -> None:
    lines = (EVA + CODE, "Vanderzande;Léa;1/2/2015;Les Tilleuls;4A;Vanderzande;", "Claes;Tom;1/1/2017;Le Parc;2A;Claes;" + TAG)
    school = done(pupils(*lines))
    again = pupils(*lines, school=school)
    assert (again.acts, again.rows, again.complaints) == ((), (), ())
    assert (again.unchanged[Thing.PUPIL], again.unchanged[Thing.BADGE]) == (3, 2)


def test_a_change_is_told_field_by_field_and_keeps_the_pupil() -> None:
    found = pupils("VANDERZANDE;Lea;;Le Parc;4A;Vanderzande;")
    assert changes(found) == [
        (2, "site", "Les Tilleuls", "Le Parc"),
        (2, "first_name", "Léa", "Lea"),
        (2, "last_name", "Vanderzande", "VANDERZANDE"),
        (2, "group", "3A", "4A"),
    ]
    assert done(found).pupils[number("Léa")].group == "4A"
    assert len(done(found).pupils) == len(small_school().pupils)


def test_an_empty_cell_and_a_missing_column_change_nothing() -> None:
    assert pupils("Vanderzande;Léa;;;;;").rows == ()
    assert pupils("Vanderzande;Léa", header="nom;prénom").rows == ()


def test_who_is_not_in_the_list_stays() -> None:
    assert done(pupils(EVA)).pupils.keys() > small_school().pupils.keys()


def test_a_key_finds_the_pupil_whatever_else_has_changed() -> None:
    header = "matricule;nom;prénom;né le;école;classe;famille"
    school = done(pupils("A7;Claes;Eva;3/4/2018;Le Parc;1A;Claes", header=header))
    found = pupils("A7;Claes-Maes;Eva;3/4/2018;Les Tilleuls;2A;Maes", header=header, school=school)
    assert [each for each in changes(found) if each[1] != "household"] == [
        (2, "site", "Le Parc", "Les Tilleuls"),
        (2, "last_name", "Claes", "Claes-Maes"),
        (2, "group", "1A", "2A"),
    ]
    assert len(done(found, school).pupils) == len(school.pupils)


def test_a_key_alone_is_enough_to_move_a_class_up() -> None:
    school = done(pupils("A7;Claes;Eva;Le Parc;1A;Claes", header="id;nom;prénom;école;classe;famille"))
    assert changes(pupils("A7;2A", header="id;classe", school=school)) == [(2, "group", "1A", "2A")]
    assert wrongs(pupils("A8;2A", header="id;classe", school=school)) == [(2, Wrong.MISSING, "")] * 4


def test_a_key_that_has_passed_on_to_another_child_is_refused() -> None:
    header = "id;nom;prénom;né le;école;famille"
    school = done(pupils("A7;Claes;Eva;3/4/2018;Le Parc;Claes", header=header))
    found = pupils("A7;Okoye;Sam;3/4/2018;Le Parc;Okoye", header=header, school=school)
    assert wrongs(found) == [(2, Wrong.KEY_OF_OTHER, "Eva Claes")]


def test_a_pupil_known_by_name_and_birth_date_is_given_the_key() -> None:
    school = done(pupils(EVA))
    found = pupils("A7;Claes;Eva;3/4/2018", header="id;nom;prénom;né le", school=school)
    assert changes(found) == [(2, "key", "", "A7")]


def test_a_birth_date_finds_a_pupil_who_has_moved_to_another_household() -> None:
    school = done(pupils(EVA))
    found = pupils("Claes;Eva;2018-04-03;Le Parc;1A;Peeters;", school=school)
    assert (2, "household", "Claes", "Peeters") in changes(found)


def test_two_of_one_name_are_told_apart_by_birth_date() -> None:
    school = done(pupils(EVA, "Claes;Eva;9/9/2016;Le Parc;3A;Claes;"))
    assert sum(pupil.last_name == "Claes" for pupil in school.pupils.values()) == 2
    assert changes(pupils("Claes;Eva;9/9/2016;Le Parc;4A;Claes;", school=school)) == [(2, "group", "3A", "4A")]


def test_two_of_one_name_in_two_households_are_two_pupils() -> None:
    school = done(pupils("Peeters;Eva;;Le Parc;1A;Peeters 1;", "Peeters;Eva;;Le Parc;1B;Peeters 2;"))
    assert sum(pupil.last_name == "Peeters" for pupil in school.pupils.values()) == 2


def test_a_line_that_fits_two_pupils_is_refused_and_takes_neither() -> None:
    school = done(pupils(EVA, "Claes;Eva;9/9/2016;Le Parc;3A;Claes;"))
    assert wrongs(pupils("Claes;Eva;;Le Parc;4A;Claes;", school=school)) == [(2, Wrong.SEVERAL_PEOPLE, "")]


def test_two_lines_for_one_pupil_are_refused_naming_both() -> None:
    assert wrongs(pupils(EVA, EVA)) == [(3, Wrong.SAME_PERSON, "2")]
    lea = "Vanderzande;Léa;;;4A;Vanderzande;"
    assert wrongs(pupils(EVA, lea, lea.replace("4A", "5A"))) == [(4, Wrong.SAME_PERSON, "3")]


def test_every_bad_line_is_named_each_for_all_that_is_wrong_with_it() -> None:
    found = pupils(
        "Claes;Eva;31/2/2018;Luna;1A;Claes;",
        EVA,
        ";Zoé;;Le Parc;1A;Maes;",
        "Maes;Noé;1/1/2099;Le Parc;1A;Maes;",
        "Maes;Noé;;Le Parc;1A;Maes;" + WRONG_CODE,
        "Roux;Ana;;Le Parc;1A;;",
        "123;Ana;;Le Parc;1A;Roux;",
    )
    assert [(line, wrong) for line, wrong, _ in wrongs(found)] == [
        (2, Wrong.NO_SITE),
        (2, Wrong.NO_DAY),
        (4, Wrong.MISSING),
        (5, Wrong.NO_DAY),
        (6, Wrong.NO_BADGE),
        (7, Wrong.MISSING),
        (8, Wrong.NO_NAME),
    ]
    assert found.complaints[0] == Complaint(2, Wrong.NO_SITE, "école", "Luna", "Le Parc, Les Tilleuls")


def test_where_there_is_one_site_nobody_has_to_name_it() -> None:
    one = School(sites={number("Parc"): small_school().sites[number("Parc")]})
    school = edited(one, pupils("Claes;Eva;Claes", header="nom;prénom;famille", school=one).rows)
    assert [pupil.site for pupil in school.pupils.values()] == [number("Parc")]


# --- households -----------------------------------------------------------------------------------

HOMES = "nom;prénom;école;n° famille;famille;adresse"


def test_siblings_share_a_household_and_namesakes_at_another_address_do_not() -> None:
    found = pupils(
        "Dupont;Eva;Le Parc;;;Rue Haute 1", "Dupont;Max;Le Parc;;;rue  haute, 1", "Dupont;Ida;Le Parc;;;Rue Basse 2", header=HOMES
    )
    homes = [row for row in found.rows if isinstance(row, Household)]
    assert [(home.name, home.address) for home in homes] == [("Dupont", "Rue Haute 1"), ("Dupont", "Rue Basse 2")]
    payers = [row.household for row in found.rows if isinstance(row, Pupil)]
    assert payers == [homes[0].id, homes[0].id, homes[1].id]


def test_a_household_key_finds_it_under_another_name_and_address() -> None:
    school = done(pupils("Dupont;Eva;Le Parc;F1;Dupont;Rue Haute 1", header=HOMES))
    found = pupils("Dupont;Eva;Le Parc;F1;Dupont-Roux;Rue Basse 2", header=HOMES, school=school)
    assert changes(found) == [(2, "name", "Dupont", "Dupont-Roux"), (2, "address", "Rue Haute 1", "Rue Basse 2")]


def test_a_family_that_the_other_programme_still_has_twice_stays_one() -> None:
    both = ("Dupont;Eva;Le Parc;F1;Dupont;Rue Haute 1", "Dupont;Max;Le Parc;F2;Dupont;Rue Haute 2")
    school = done(pupils(*both, header=HOMES))
    first, second = (home.id for home in school.homes if home.key)
    rows = merge(school, (first, second), (first, second), lambda _pair: True, 88)
    assert not isinstance(rows, Refusal)
    school = edited(school, rows)
    again = pupils(*both, header=HOMES, school=school)
    assert (again.complaints, again.rows) == ((), ())
    (idas,) = [row for row in pupils("Dupont;Ida;Le Parc;F2;Dupont;", header=HOMES, school=school).rows if isinstance(row, Pupil)]
    assert idas.household == first
    balance = planned(Kind.BALANCES, "numéro de ménage;implantation;solde", "F2;Le Parc;5,00", school=school)
    assert (balance.complaints, dict(balance.balances)) == ((), {(number("Parc"), first): 5_00})


def test_two_households_of_one_name_cannot_be_told_apart_by_it() -> None:
    school = done(pupils("Dupont;Eva;Le Parc;;;Rue Haute 1", "Dupont;Ida;Le Parc;;;Rue Basse 2", header=HOMES))
    assert wrongs(pupils("Dupont;Max;Le Parc;;Dupont;", header=HOMES, school=school)) == [(2, Wrong.SEVERAL_HOUSEHOLDS, "")]


def test_two_lines_that_differ_about_one_household_are_refused_naming_both() -> None:
    found = pupils("Dupont;Eva;Le Parc;F1;Dupont;Rue Haute 1", "Dupont;Max;Le Parc;F1;Roux;Rue Haute 1", header=HOMES)
    assert wrongs(found) == [(3, Wrong.HOUSEHOLD_DIFFERS, "2")]


def test_what_a_later_line_says_besides_is_kept() -> None:
    school = done(pupils("Dupont;Eva;Le Parc;F1;Dupont;", "Dupont;Max;Le Parc;F1;;Rue Haute 1", header=HOMES))
    (home,) = (home for home in school.households.values() if home.key == "F1")
    assert home.address == "Rue Haute 1"


# --- badges ---------------------------------------------------------------------------------------

BADGES = "badge;nom;prénom;famille"


def badges(*lines: str, school: School | None = None) -> Plan:
    return planned(Kind.BADGES, BADGES, *lines, school=school)


def test_a_badge_is_given_and_only_its_hash_is_kept() -> None:
    found = badges(f"{CODE.lower()};Vanderzande;Léa;", f"{TAG.lower().replace('em', 'EM')};Vanderzande;Tom;")
    assert [row.hash for row in found.rows if isinstance(row, Badge)] == [badge_hash(BADGE_KEY, CODE), badge_hash(BADGE_KEY, TAG)]
    assert CODE not in repr((found.rows, found.acts))
    assert badges(f"{CODE};Vanderzande;Léa;", school=done(found)).unchanged[Thing.BADGE] == 1


def test_a_badge_that_is_somebodys_is_refused_naming_line_and_owner_and_not_the_code() -> None:
    school = done(badges(f"{CODE};Vanderzande;Léa;"))
    found = badges(f"{CODE};Vanderzande;Tom;", f"{TAG};Quintelier;Noé;", f"{TAG};Okonkwo;Mia;", school=school)
    assert wrongs(found) == [(2, Wrong.BADGE_TAKEN, "Léa Vanderzande"), (4, Wrong.BADGE_TWICE, "3")]
    assert [each.value for each in found.complaints] == ["…PPGD", "…3972"]


def test_a_badge_that_was_lost_since_stays_lost() -> None:
    school = done(badges(f"{CODE};Vanderzande;Léa;"))
    (badge,) = school.badges[badge_hash(BADGE_KEY, CODE)]
    lost = edited(
        school, (replace(badge, until_ms=badge.from_ms + 1), replace(badge, id=5, state=BadgeState.LOST, from_ms=badge.from_ms + 1))
    )
    found = badges(f"{CODE};Vanderzande;Léa;", school=lost)
    assert (found.rows, found.left, found.complaints) == ((), ((2, BadgeState.LOST),), ())


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (f"{WRONG_CODE};Vanderzande;Léa;", Wrong.NO_BADGE),
        ("0007234567;Vanderzande;Léa;", Wrong.NO_BADGE),
        (";Vanderzande;Léa;", Wrong.MISSING),
        (f"{CODE};Vanderzande;Zoé;", Wrong.UNKNOWN),
        (f"{CODE};Vanderzande;Léa;Lune", Wrong.UNKNOWN),
        (f"{CODE};Vanderzande;Léa;Okonkwo", Wrong.UNKNOWN),
    ],
)
def test_a_badge_that_cannot_be_given_is_refused(line: str, wrong: Wrong) -> None:
    assert [(each.line, each.wrong) for each in badges(line, f"{TAG};Okonkwo;Mia;").complaints] == [(2, wrong)]


@pytest.mark.parametrize("written", ["6F007B3972", "EM:6F007B397", "EM:6F007B397Z", "EM:6F007B39720", "", "KBBB", WRONG_CODE])
def test_what_is_no_badge_is_none(written: str) -> None:
    assert canonical_badge(written) is None


# --- families -------------------------------------------------------------------------------------

FAMILIES = "famille;nom;prénom;e-mail;langue"


def families(*lines: str, school: School | None = None) -> Plan:
    return planned(Kind.FAMILIES, FAMILIES, *lines, school=school)


def test_grown_ups_come_with_their_household_and_are_found_again() -> None:
    lines = ("Vanderzande;Vanderzande;Ann;ann@home.be;Nederlands", "Claes;Roux;Jo;;")
    school = done(families(*lines))
    ann, jo = sorted(school.adults.values(), key=lambda each: each.first_name)
    assert ann == Adult(ann.id, number("Vanderzande"), "Ann", "Vanderzande", "ann@home.be", "nl")
    assert (school.households[jo.household].name, jo.email, jo.language) == ("Claes", "", "fr")
    again = families(*lines, school=school)
    assert (again.acts, again.rows, again.unchanged[Thing.ADULT]) == ((), (), 2)
    assert changes(families(lines[0].replace("ann@", "new@"), school=school)) == [(2, "email", "ann@home.be", "new@home.be")]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Claes;Roux;Jo;jo.home.be;", Wrong.NO_EMAIL),
        ("Claes;Roux;Jo;;Klingon", Wrong.NO_LANGUAGE),
        ("Claes;Roux;;;", Wrong.MISSING),
        (";Roux;Jo;;", Wrong.MISSING),
        ("Vanderzande;Vanderzande;Ann;;", Wrong.SAME_PERSON),
    ],
)
def test_a_grown_up_who_cannot_be_taken_in_is_refused(line: str, wrong: Wrong) -> None:
    assert [(each.line, each.wrong) for each in families("Vanderzande;Vanderzande;Ann;;", line).complaints] == [(3, wrong)]


# --- opening balances -----------------------------------------------------------------------------

BALANCES = "école;famille;solde"


def balances(*lines: str, school: School | None = None, books: Books | None = None, header: str = BALANCES) -> Plan:
    return planned(Kind.BALANCES, header, *lines, school=school, books=books)


def test_a_balance_is_cents_for_the_wallet_of_a_household_at_a_site() -> None:
    found = balances("Les Tilleuls;Vanderzande;12,50 €", "le parc;Okonkwo;-3.20", "Les Tilleuls;Quintelier;1.234,50")
    assert found.balances == {
        (number("Tilleuls"), number("Vanderzande")): 12_50,
        (number("Parc"), number("Okonkwo")): -3_20,
        (number("Tilleuls"), number("Quintelier")): 1234_50,
    }


def test_where_pupils_have_wallets_a_balance_names_the_pupil() -> None:
    tilleuls = replace(small_school().sites[number("Tilleuls")], wallet_scope=WalletScope.PUPIL)
    school = edited(small_school(), (tilleuls,))
    header = "école;nom;prénom;solde"
    found = balances("Les Tilleuls;Vanderzande;Léa;5,00", "Les Tilleuls;Vanderzande;Tom;7,00", header=header, school=school)
    assert found.balances == {(number("Tilleuls"), number("Léa")): 5_00, (number("Tilleuls"), number("Tom")): 7_00}
    assert not isinstance(open_balances(school, Books(), found.ask, dict(found.balances), STAMP.at_ms), Refusal)
    wrong = balances("Les Tilleuls;Vanderzande;Zoé;5,00", "Le Parc;Okonkwo;Mia;5,00", header=header, school=school)
    assert [each.wrong for each in wrong.complaints] == [Wrong.UNKNOWN, Wrong.MISSING]


@pytest.mark.parametrize("amount", ["", "-", "12.5.0", "douze", "1e3", "12,505", "€", "NaN", "1 2", "O,50"])
def test_an_unreadable_amount_is_refused_and_never_zero(amount: str) -> None:
    found = balances(f"Les Tilleuls;Vanderzande;{amount}")
    assert (wrongs(found), dict(found.balances)) == ([(2, Wrong.NO_AMOUNT, "")], {})


def test_every_bad_balance_is_named() -> None:
    found = balances("Lune;Vanderzande;1,00", "Les Tilleuls;Nobody;1,00", "Le Parc;Okonkwo;1,00", "Le Parc;Okonkwo;2,00", ";Okonkwo;x")
    assert [(line, wrong) for line, wrong, _ in wrongs(found)] == [
        (2, Wrong.NO_SITE),
        (3, Wrong.UNKNOWN),
        (5, Wrong.BALANCE_TWICE),
        (6, Wrong.MISSING),
        (6, Wrong.NO_AMOUNT),
    ]


def booked(found: Plan, books: Books) -> None:
    facts = open_balances(small_school(), books, found.ask, dict(found.balances), STAMP.at_ms)
    assert not isinstance(facts, Refusal)
    for fact in facts:
        books.apply(fact)


def test_a_list_that_was_booked_asks_for_nothing_any_more_and_another_one_is_refused() -> None:
    books, lines = Books(), ("Les Tilleuls;Vanderzande;12,50", "Le Parc;Okonkwo;-3,20")
    booked(balances(*lines), books)
    again = balances(*lines, books=books)
    assert (again.ask, again.acts, again.complaints, again.unchanged[Thing.BALANCE]) == (0, (), (), 2)
    other = balances("Les Tilleuls;Vanderzande;12,51", books=books)
    assert wrongs(other) == [(2, Wrong.ALREADY_OPENED, "Vanderzande")]


# --- whatever is in it ----------------------------------------------------------------------------

WORDS = ["", "Claes", "Eva", "Vanderzande", "Léa", "Le Parc", "1/2/2016", CODE, TAG, "12,50", "A7", "jo@home.be", "nl"]
HEADS = [*FULL.split(";"), *FAMILIES.split(";"), "solde", "id", "?"]
CELL = st.sampled_from(WORDS) | st.text(max_size=12)


@given(st.sampled_from(list(Kind)), st.lists(st.sampled_from(HEADS)), st.lists(st.lists(CELL, max_size=9), max_size=6))
def test_any_list_ends_in_a_plan_that_leaves_nothing_to_do_once_it_is_carried_out(
    kind: Kind, header: list[str], lines: list[list[str]]
) -> None:
    table = Table(Line(1, tuple(header)), tuple(Line(number, tuple(cells)) for number, cells in enumerate(lines, 2)))
    school = small_school()
    found = plan(kind, table, school, Books(), STAMP)
    if found.complaints or kind is Kind.BALANCES:
        return
    after = edited(school, found.rows)
    assert all(row.household in after.households for row in after.pupils.values())
    again = plan(kind, table, after, Books(), replace(STAMP, seed=derived(77, "again")))
    assert (again.rows, again.complaints) == ((), ())


def test_two_thousand_pupils_are_planned_in_well_under_two_seconds() -> None:
    lines = [f"Nom {n};Pré {n};{1 + n % 28}/3/2015;Le Parc;{n % 6}A;Famille {n // 2};" for n in range(2_000)]
    began_s = time.process_time()
    school = done(pupils(*lines))
    assert pupils(*lines, school=school).unchanged[Thing.PUPIL] == 2_000
    assert time.process_time() - began_s < 2 * 2
    assert len(school.households) == 1_000 + len(small_school().households)


# --- who is meant, where it is close --------------------------------------------------------------

KEYED = "id;nom;prénom;né le;école;famille"


def test_who_has_changed_its_name_is_not_found_under_the_old_one() -> None:
    school = done(pupils("A7;Claes;Eva;;Le Parc;Claes", header=KEYED))
    found = pupils("A7;Roux;Eva;;Le Parc;Claes", ";Claes;Eva;;Le Parc;Claes", header=KEYED, school=school)
    assert changes(found) == [(2, "last_name", "Claes", "Roux")]
    assert new(found) == [(3, Thing.PUPIL, "Eva Claes")]


def test_a_child_that_the_other_programme_still_has_twice_stays_one() -> None:
    both = ("A7;Claes;Eva;3/4/2018;Le Parc;Claes", "B8;Claës;Evá;4/3/2018;Le Parc;Claes")
    school = done(pupils(*both, header=KEYED))
    first, second = (pupil.id for pupil in school.everyone if pupil.key)
    rows = same_child(school, Books(), (first, second), lambda _pair: True, moment("08:00"))
    assert not isinstance(rows, Refusal)
    school = edited(school, rows)
    again = pupils(*both, header=KEYED, school=school)
    assert (again.complaints, again.rows) == ((), ())
    badge = planned(Kind.BADGES, "id;badge", f"B8;{TAG}", school=school)
    assert [row.pupil for row in badge.rows if isinstance(row, Badge)] == [first]
    assert wrongs(pupils("B8;Roux;Tim;;Le Parc;Claes", header=KEYED, school=school)) == [(2, Wrong.KEY_OF_OTHER, "Evá Claës")]


def test_another_key_is_another_child_even_of_the_same_name_and_household() -> None:
    school = done(pupils("A7;Claes;Eva;;Le Parc;Claes", header=KEYED))
    assert new(pupils("B8;Claes;Eva;;Le Parc;Claes", header=KEYED, school=school)) == [(2, Thing.PUPIL, "Eva Claes")]


def test_the_same_birth_date_goes_before_one_that_is_not_known() -> None:
    first = done(pupils("A7;Claes;Eva;;Le Parc;Claes", header=KEYED))
    school = done(pupils("B8;Claes;Eva;3/4/2018;Le Parc;Claes", header=KEYED, school=first), first)
    found = pupils("Claes;Eva;3/4/2018;Le Parc;1A;Claes;", school=school)
    assert [row.key for row in found.rows if isinstance(row, Pupil)] == ["B8"]


def test_a_household_whose_address_is_not_known_yet_is_given_the_one_of_the_list() -> None:
    found = pupils("Vanderzande;Léa;Les Tilleuls;;Vanderzande;Rue Haute 1", header=HOMES)
    assert changes(found) == [(2, "address", "", "Rue Haute 1")]
    assert new(found) == []


def test_what_two_lines_say_of_a_new_household_is_one_new_household() -> None:
    found = pupils("Dupont;Eva;Le Parc;F1;Dupont;", "Dupont;Max;Le Parc;F1;;Rue Haute 1", header=HOMES)
    assert (changes(found), [act[1] for act in new(found)]) == ([], [Thing.HOUSEHOLD, Thing.PUPIL, Thing.PUPIL])


def test_complaints_come_in_the_order_of_the_lines_whoever_made_them() -> None:
    found = pupils("Claes;Eva;;Lune;1A;Claes;", EVA + ";;x", "Claes;Max;;Lune;1A;Claes;")
    assert [(line, wrong) for line, wrong, _ in wrongs(found)] == [(2, Wrong.NO_SITE), (3, Wrong.TOO_MANY_CELLS), (4, Wrong.NO_SITE)]
