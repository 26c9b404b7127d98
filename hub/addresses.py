"""Mail addresses: what is one, and how it is written for a mail server. Nothing is asked of any server here.

RFC 5321 (4.1.2) with accents (RFC 6531) and domains in any script (RFC 5890); no address literals, no route, no comment.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_LOCAL_BYTES = 64
MAX_DOMAIN_CHARS = 253
MAX_LABEL_CHARS = 63

# Written as what may not be in it: a pattern that lists all of Unicode takes 30 ms to compile, at each start.
_ATOM = r'[^\x00- "(),.:;<>@\[\\\]\x7f-\xa0]+'
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f"\\\x7f-\xa0]|\\[ -~])*"')
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `local` without its quotes, `domain` in the letters of the wire (`xn--…`)."""

    local: str
    domain: str

    @property
    def has_accents(self) -> bool:
        """Whether only a server that speaks SMTPUTF8 can take it."""
        return not self.local.isascii()


@dataclass(frozen=True, slots=True)
class Sender:
    """From whom all letters are, and where answers go (None: there as well)."""

    address: Address
    reply_to: Address | None = None


def read_address(text: str) -> Address | None:
    """The address in a text such as `anne+ecole@école.be`; None when it is not surely one."""
    written, at, domain_text = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    domain = _domain(domain_text)
    if not at or domain is None or not written.isprintable() or len(written.encode()) > MAX_LOCAL_BYTES:
        return None
    if _PLAIN.fullmatch(written):
        return Address(written, domain)
    local = re.sub(r"\\(.)", r"\1", written[1:-1])
    # A dot that only quotes allow ("a..b") would be written without them by Python's own mail library: nobody has such an address.
    if _QUOTED.fullmatch(written) and local and ".." not in f".{local}.":
        return Address(local, domain)
    return None


def _domain(text: str) -> str | None:
    """A name of two labels or more, as the wire has it: what is not ASCII becomes punycode (RFC 5891, 4.4)."""
    labels = [_label(label) for label in text.lower().split(".")]
    known = [label for label in labels if label and len(label) <= MAX_LABEL_CHARS and _LABEL.fullmatch(label)]
    domain = ".".join(known)
    numbers_only = bool(known) and known[-1].isdigit()
    return domain if len(known) == len(labels) >= 2 and len(domain) <= MAX_DOMAIN_CHARS and not numbers_only else None


def _label(label: str) -> str:
    """One label; empty where it holds what no domain has."""
    if label.isascii():
        return label
    spelt = all(sign.isalnum() or sign == "-" or unicodedata.category(sign) in {"Mn", "Mc"} for sign in label)
    return f"xn--{label.encode('punycode').decode()}" if spelt else ""
