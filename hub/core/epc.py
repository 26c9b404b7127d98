"""The text of a payment QR code (EPC069-12, version 002): a bank's application fills in the transfer. Draws nothing."""

import unicodedata

MOST_CENTS = 999_999_999_99
NAME_LETTERS = 70
"""Of the account holder's name, at most."""


def payload(holder: str, iban: str, cents: int, reference: int) -> str:
    """Eleven lines at most: who is paid, where, how much, and the structured communication in the line that is meant for one (10).

    The name is written in plain letters: some readers take UTF-8 for another code. Raises ValueError for an amount that is none.
    """
    if not 0 < cents <= MOST_CENTS:
        raise ValueError(f"{cents} cents cannot be asked for")
    amount = f"EUR{cents // 100}.{cents % 100:02d}"
    return "\n".join(("BCD", "002", "1", "SCT", "", _plain(holder)[:NAME_LETTERS], iban.replace(" ", ""), amount, "", f"{reference:012d}"))


def in_fours(iban: str) -> str:
    """An account number as people read it (ISO 13616): `BE68 5390 0754 7034`."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.replace("œ", "oe").replace("Œ", "Oe").replace("’", "'"))
    return " ".join(letters.encode("ascii", "ignore").decode().split())
