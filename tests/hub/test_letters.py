"""What families read: the amounts, the days, and that nobody is put to shame."""

import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from zoneinfo import ZoneInfo

import pytest
from aiosmtplib.email import parse_address
from hypothesis import given
from hypothesis import strategies as st

from hub.addresses import Address, Sender, read_address
from hub.catalogues import WORDS, catalogue, languages
from hub.core.codes import Level
from hub.core.facts import LowBalance
from hub.core.school import Adult, Site
from hub.letters import Envelope, Letter, low_balance, mark, message, trial
from tests.schools import MONDAY, ZONE, moment

SITE = Site(1, "Les Tilleuls", ZONE, floor_cents=-10_00)
ANNE = Adult(7, 5, "Anne", "Vanderzande", "anne@example.be")
REFERENCE = "+++097/0000/00101+++"
NOW_AT = datetime(2025, 1, 6, 16, 5, tzinfo=UTC)
SENDER = Sender(Address("ecole", "example.be"))


def fell(level: Level, balance_cents: int, ask: int = 1, at_ms: int = moment("16:02", MONDAY)) -> LowBalance:
    return LowBalance(ask, 42, 5, level, balance_cents, at_ms)


def mail(letter: Letter, adult: Adult = ANNE, sender: Sender = SENDER) -> EmailMessage:
    """The letter as it is read at the other end: from its bytes."""
    to = read_address(adult.email)
    assert to is not None
    made = message(letter, Envelope(sender, to, f"{adult.first_name} {adult.last_name}", "1" * 16), NOW_AT)
    read = BytesParser(EmailMessage, policy=policy.SMTP).parsebytes(made.as_bytes())
    assert not read.defects
    return read


def text(made: EmailMessage, kind: str = "plain") -> str:
    part = made.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\u00a0", " ").replace("\r\n", "\n")


FIRST = {
    (Level.LOW, 1_50): "Le 06/01/2025, il restait 1,50 € dans votre portefeuille pour Les Tilleuls.",
    (Level.LOW, 0): "Le 06/01/2025, il restait 0,00 € dans votre portefeuille pour Les Tilleuls.",
    (Level.DEBT, -3_25): "Le 06/01/2025, le solde de votre portefeuille pour Les Tilleuls était de -3,25 €.",
    (Level.MINIMUM, -10_05): (
        "Le 06/01/2025, le solde de votre portefeuille pour Les Tilleuls était de -10,05 €, sous le minimum convenu de -10,00 €."
    ),
}


@pytest.mark.parametrize(("level", "cents"), FIRST)
def test_the_payer_reads_how_much_is_left_where_and_how_to_top_it_up(level: Level, cents: int) -> None:
    paragraphs = text(mail(low_balance(fell(level, cents), SITE, REFERENCE, "", ANNE))).rstrip("\n").split("\n\n")
    assert paragraphs[:4] == [
        "Bonjour Anne Vanderzande,",
        FIRST[level, cents],
        "Rien ne change pour les enfants : l’accueil et les repas commandés sont assurés, quel que soit le solde.",
        "Pour le recharger, faites un virement avec la communication structurée +++097/0000/00101+++.",
    ]
    assert paragraphs[-1] == "Les Tilleuls"


def test_where_each_child_has_a_wallet_the_letter_says_whose_it_is_and_the_subject_does_not() -> None:
    made = mail(low_balance(fell(Level.LOW, 1_50), SITE, REFERENCE, "Léa", ANNE))
    assert "il restait 1,50 € dans votre portefeuille pour Les Tilleuls (Léa)." in text(made)
    assert "Léa" not in made["Subject"]


def test_only_who_is_below_zero_is_offered_to_talk_about_paying() -> None:
    offered = {level: "parlez-nous-en" in text(mail(low_balance(fell(level, -1), SITE, REFERENCE, "", ANNE))) for level in Level}
    assert offered == {Level.LOW: False, Level.DEBT: True, Level.MINIMUM: True}


SHAMING = re.compile(
    r"dette|débit|impay|insolv|retard|rappel|amende|sanction|refus|exclu|priv[eé]|bloqu|doit|devez|obligat|urgent|avertissement|dernier"
    r"|debt|owe|unpaid|overdue|late|refuse|must|warning|urgent|final"
    r"|schuld|achterstal|onbetaald|aanman|boete|weiger|uitgesloten|geblokkeerd|moet|dringend|laatste|waarschuw|verplicht"
    r"|überfällig|unbezahlt|mahn|strafe|ausgeschlossen|gesperrt|letzte|warnung|verpflicht",
    re.IGNORECASE,
)


@pytest.mark.parametrize("language", languages(WORDS))
@pytest.mark.parametrize("level", Level)
def test_no_letter_shames(level: Level, language: str) -> None:
    """Complaints C3 and C22: low funds are no debt, a debt is no fault, and the child is served."""
    letter = low_balance(fell(level, -3_00), SITE, REFERENCE, "", Adult(7, 5, "Anne", "V", "a@example.be", language))
    assert not [found for words in (letter.subject, *letter.paragraphs) for found in SHAMING.findall(words)]
    served = "Nothing changes for the children: care and ordered meals are assured, whatever the balance."
    assert catalogue(WORDS, language).gettext(served) in letter.paragraphs


IN_FOUR = {
    "de": "Am 06/01/2025 betrug der Saldo Ihres Guthabenkontos für Les Tilleuls -1\u202f003,25\u00a0€.",
    "fr": "Le 06/01/2025, le solde de votre portefeuille pour Les Tilleuls était de -1\u202f003,25\u00a0€.",
    "nl": "Op 06/01/2025 was het saldo van uw portefeuille voor Les Tilleuls -1\u202f003,25\u00a0€.",
    "en": "On 06/01/2025, the balance of your wallet for Les Tilleuls was -1\u202f003,25\u00a0€.",
}


@pytest.mark.parametrize("language", languages(WORDS))
def test_each_reads_the_letter_in_a_language_of_their_own_with_day_and_amount(language: str) -> None:
    letter = low_balance(fell(Level.DEBT, -1_003_25), SITE, REFERENCE, "", Adult(7, 5, "Anne", "V", "a@example.be", language))
    assert letter.paragraphs[1] == IN_FOUR[language]
    assert letter.language == mail(letter)["Content-Language"] == language


def test_the_subject_is_the_same_however_low_and_names_no_child() -> None:
    """Others see the list of mails on a telephone."""
    subjects = {mail(low_balance(fell(level, -1), SITE, REFERENCE, "", ANNE))["Subject"] for level in Level}
    assert subjects == {"Votre portefeuille pour Les Tilleuls"}


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Brussels", "07/01/2025"), ("America/Cayenne", "06/01/2025"), ("Pacific/Auckland", "07/01/2025")]
)
def test_the_day_is_the_one_at_the_site(zone: str, day: str) -> None:
    at_ms = int(datetime(2025, 1, 6, 23, 30, tzinfo=UTC).timestamp() * 1000)
    letter = low_balance(fell(Level.LOW, 1_00, at_ms=at_ms), Site(1, "Là-bas", ZoneInfo(zone)), REFERENCE, "", ANNE)
    assert day in letter.paragraphs[1]


def test_the_plain_words_and_the_html_say_the_same() -> None:
    made = mail(low_balance(fell(Level.DEBT, -1_234_56), Site(1, "L'Orme & <Fils>", ZONE), REFERENCE, "", ANNE))
    page = text(made, "html")
    assert '<html lang="fr">' in page
    assert "<Fils>" not in page
    told = re.findall(r"<p>(.*?)</p>", page, re.DOTALL)
    escaped = [each.replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for each in told]
    assert "\n\n".join(escaped) + "\n" == text(made)


def test_no_holiday_notice_answers_and_answers_go_where_the_school_reads_them() -> None:
    made = mail(trial("fr"), sender=Sender(Address("ne-pas-repondre", "example.be"), Address("bureau", "example.be")))
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["From"] == "Préau <ne-pas-repondre@example.be>"
    assert made["Reply-To"] == "bureau@example.be"
    assert made["Date"].datetime == NOW_AT
    assert made["Content-Language"] == "fr"
    assert mail(trial("fr"))["Reply-To"] is None


def test_the_same_letter_is_known_as_the_same_and_another_as_another() -> None:
    fact = fell(Level.LOW, 1_00)
    other = Adult(8, 5, "Bob", "Vanderzande", "bob@example.be")
    assert mark(fact, ANNE) == mark(fell(Level.LOW, 1_00), ANNE)
    assert len({mark(fact, ANNE), mark(fact, other), mark(fell(Level.DEBT, -1), ANNE), mark(fell(Level.LOW, 1_00, ask=2), ANNE)}) == 4
    assert mail(trial("fr"))["Message-ID"] == f"<{'1' * 16}@example.be>"


INJECTED = "Anne\r\nBcc: all@example.be\nX-Evil: yes\u2028\x00\u200b"


def test_no_name_begins_a_header_of_its_own() -> None:
    adult = Adult(7, 5, INJECTED, INJECTED, "anne@example.be")
    made = mail(low_balance(fell(Level.LOW, 1_00), Site(1, INJECTED, ZONE), INJECTED, INJECTED, adult), adult)
    assert set(made.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type"),
    }
    assert [address.addr_spec for address in made["To"].addresses] == ["anne@example.be"]
    assert [address.addr_spec for address in made["From"].addresses] == ["ecole@example.be"]


@pytest.mark.parametrize("name", ['Anne "Nan" V.', "Vanderzande, Anne", "Zoë Øst", "王秀英", "<script>", "anne@other.be", ""])
def test_a_name_is_shown_as_it_is_and_is_no_address(name: str) -> None:
    adult = Adult(7, 5, name, "", "anne@example.be")
    (to,) = mail(trial("fr"), adult)["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "anne@example.be")


@pytest.mark.parametrize("written", ['"anne marie"@example.be', "anne+ecole@example.be", "o'brien@example.be", "anne@xn--cole-9oa.be"])
def test_an_unusual_address_stands_in_the_letter_as_it_is(written: str) -> None:
    (to,) = mail(trial("fr"), Adult(7, 5, "Anne", "V", written))["To"].addresses
    assert to.addr_spec == written


SIGNS = st.text('abc.+"\\ <>@,;:()[]=?é\u00a0\u200b\r\n', max_size=12)


@given(local=st.one_of(SIGNS, SIGNS.map(lambda signs: f'"{signs}"'), st.text(max_size=12)), name=st.text(max_size=12) | SIGNS)
def test_every_address_that_is_taken_can_be_written_to(local: str, name: str) -> None:
    address = read_address(f"{local}@example.be")
    if address is None:
        return
    made = message(trial("fr"), Envelope(SENDER, address, name, "1" * 16), NOW_AT).as_bytes()
    (to,) = BytesParser(EmailMessage, policy=policy.SMTPUTF8).parsebytes(made)["To"].addresses
    spelt = to.addr_spec.encode(errors="surrogateescape").decode()
    assert read_address(spelt) == address
    assert parse_address(spelt) == spelt, "as SMTP takes it"
    assert made.count(b"example.be") == 3, "sender, name of the letter, reader: nobody else"


def test_a_language_that_is_not_there_yet_falls_back_on_one_that_is() -> None:
    assert low_balance(fell(Level.LOW, 1_00), SITE, REFERENCE, "", Adult(7, 5, "A", "V", "a@example.be", "eo")).language in languages(WORDS)
    assert "Dear Anne" in text(mail(low_balance(fell(Level.LOW, 1), SITE, REFERENCE, "", Adult(7, 5, "Anne", "V", "a@example.be", "en"))))
