"""What stands in a letter: from a fact and what is set up to a mail (RFC 5322), as plain words and as HTML. It sends nothing.

No letter shames: none says debt, the subject is the same however low a wallet is and names no child, and each says that the children
are served all the same (complaints C3 and C22; design.md, Service and money). Slow to import, and to use for the first time.
"""

import html
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import format_datetime
from gettext import NullTranslations

from hub.addresses import Address, Sender
from hub.catalogues import WORDS, catalogue, languages
from hub.core.calendar import at
from hub.core.codes import Level
from hub.core.facts import LowBalance, derived
from hub.core.money import write_cents
from hub.core.school import Adult, Site

MOST_READ = "fr"
"""The language of those whose own there are no words in."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The words, in one language. `sender` is the name it comes under."""

    sender: str
    subject: str
    paragraphs: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Between whom it goes. `mark` tells this letter from every other: sent twice, it is known as the same by its Message-ID."""

    sender: Sender
    to: Address
    to_name: str
    mark: str


def low_balance(fact: LowBalance, site: Site, reference: str, child: str, adult: Adult) -> Letter:
    """What a payer reads when a wallet has fallen (requirement S36).

    `reference`: its structured communication; `child`: whose it is, where each child has its own, empty where a household shares one.
    """
    words = _words(adult.language)
    _ = words.gettext
    balance = {
        "day": at(fact.at_ms, site.zone).strftime("%d/%m/%Y"),
        "site": f"{site.name} ({child})" if child else site.name,
        "balance": write_cents(fact.balance_cents),
        "floor": write_cents(site.floor_cents),
    }
    told = {
        Level.LOW: _("On %(day)s, %(balance)s was left in your wallet for %(site)s."),
        Level.DEBT: _("On %(day)s, the balance of your wallet for %(site)s was %(balance)s."),
        Level.MINIMUM: _("On %(day)s, the balance of your wallet for %(site)s was %(balance)s, below the agreed minimum of %(floor)s."),
    }[fact.level]
    difficult = _("If paying is difficult at the moment, talk to us: we will find a solution together.")
    top_up = _("To top it up, make a transfer with the structured communication %(reference)s.") % {"reference": reference}
    paragraphs = (
        _("Dear %(name)s,") % {"name": _one_line(f"{adult.first_name} {adult.last_name}")},
        told % balance,
        _("Nothing changes for the children: care and ordered meals are assured, whatever the balance."),
        top_up,
        _("A transfer takes some days to arrive: if you have just made one, there is nothing more you need to do."),
        *([difficult] if fact.level is not Level.LOW else []),
        _("This letter was sent by the school’s software to those who pay into this wallet, and to nobody else."),
        site.name,
    )
    return Letter(site.name, _("Your wallet for %(site)s") % {"site": site.name}, paragraphs, _known(adult.language))


def trial(language: str) -> Letter:
    """A letter that only shows that letters arrive."""
    _ = _words(language).gettext
    return Letter("Préau", _("A test letter"), (_("If you can read this, the school’s letters arrive."),), _known(language))


def mark(fact: LowBalance, adult: Adult) -> str:
    """From the cause, not from its number: after a restore, the same scan leads to the same letter."""
    return f"{derived(fact.ask, f'letter|{fact.wallet}|{fact.level}|{adult.id}'):016x}"


def message(letter: Letter, envelope: Envelope, now_at: datetime) -> EmailMessage:
    """The mail. No name, however it is written, can begin a header of its own."""
    made = EmailMessage(policy.SMTPUTF8 if envelope.to.has_accents else policy.SMTP)
    made["From"] = _mailbox(letter.sender, envelope.sender.address)
    made["To"] = _mailbox(envelope.to_name, envelope.to)
    if envelope.sender.reply_to is not None:
        made["Reply-To"] = _mailbox("", envelope.sender.reply_to)
    made["Subject"] = _one_line(letter.subject)
    made["Date"] = format_datetime(now_at)
    made["Message-ID"] = f"<{envelope.mark}@{envelope.sender.address.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    made.set_content("\n\n".join(letter.paragraphs) + "\n", cte="quoted-printable")
    made.add_alternative(_as_html(letter), subtype="html", cte="quoted-printable")
    made["Content-Language"] = letter.language  # of both: set earlier, it would go with the first part
    return made


def _as_html(letter: Letter) -> str:
    """The same words."""
    body = "\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in letter.paragraphs)
    title = html.escape(letter.subject)
    head = f'<!doctype html>\n<html lang="{letter.language}">\n<head><meta charset="utf-8"><title>{title}</title></head>'
    return f"{head}\n<body>\n{body}\n</body>\n</html>\n"


def _mailbox(name: str, address: Address) -> Mailbox:
    return Mailbox(_one_line(name), address.local, address.domain)


def _one_line(text: str) -> str:
    """Without line breaks and other signs that no eye sees."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _known(language: str) -> str:
    """The language, or the one that most are written to in."""
    return language if language in languages(WORDS) else MOST_READ


def _words(language: str) -> NullTranslations:
    return catalogue(WORDS, _known(language))
