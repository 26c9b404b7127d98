"""Money is whole cents. The one place in core where cents become words and words become cents."""

import re

_GROUPED = r"(?P<grouped>[1-9]\d{0,2}(?:[ .\u00a0\u202f]\d{3}){1,3})(?:,(?P<cents>\d{2}))?"
_PLAIN = r"(?P<plain>\d{1,9})(?:[,.](?P<plain_cents>\d{2}))?"
_AMOUNT = re.compile(rf"(?P<sign>[+-]?)(?:{_GROUPED}|{_PLAIN})", re.ASCII)
_RATE = re.compile(r"(?P<whole>\d{1,3})(?:[,.](?P<rest>\d{1,4}))?", re.ASCII)
_TENTHS = re.compile(r"(?P<amount>[\d .\u00a0\u202f]+,\d{2})(?P<tenth>\d)[ \u00a0]?€?", re.ASCII)
MAX_CENTS = 100_000_000_00
"""Above this an amount is a typing error: a hundred million euros."""


def read_cents(text: str) -> int | None:
    """The cents of `12`, `12,50`, `1 234,50 €` or `-3,00`; None when it is not surely an amount (never zero instead).

    Many keyboards have a point on their number pad: `12.50` has two digits after it, and thousands have three.
    """
    found = _AMOUNT.fullmatch(text.strip().removesuffix("€").strip().replace("\u2212", "-"))
    if found is None:
        return None
    whole, cents_of = (found["plain"], found["plain_cents"]) if found["plain"] else (found["grouped"], found["cents"])
    cents = int(re.sub(r"[^0-9]", "", whole)) * 100 + int(cents_of or 0)
    return None if cents > MAX_CENTS else -cents if found["sign"] == "-" else cents


def write_cents(cents: int) -> str:
    """`5,00 €` with a no-break space; thousands are set apart as French does (requirement S38)."""
    whole, rest = divmod(abs(cents), 100)
    grouped = f"{whole:,}".replace(",", "\u202f")
    return f"{'-' if cents < 0 else ''}{grouped},{rest:02d}\u00a0€"


def bare(amount: str) -> str:
    """An amount as it is typed, and as spreadsheets read it: `-1234,50`, without the sign of the euro and what sets thousands apart."""
    return amount.removesuffix("\u00a0€").replace("\u202f", "")


def read_tenths(text: str) -> int | None:
    """The tenths of a cent of a unit price: an amount, or one with a third digit after the comma such as `0,075`; else None."""
    found = _TENTHS.fullmatch(text.strip())
    cents = read_cents(found["amount"] if found else text)
    return None if cents is None else cents * 10 + int(found["tenth"] if found else 0)


def write_tenths(tenths: int) -> str:
    """A unit price: `0,75 €`, or `0,075 €` where it has a tenth of a cent."""
    amount = write_cents(tenths // 10)
    return amount.replace("\u00a0", f"{tenths % 10}\u00a0") if tenths % 10 else amount


def read_rate(text: str) -> int | None:
    """The millionths of a percentage such as `0,12` (1200), with four digits after the comma at most; None when it is none."""
    found = _RATE.fullmatch(text.strip().removesuffix("%").strip())
    return None if found is None else int(found["whole"]) * 10_000 + int((found["rest"] or "").ljust(4, "0"))


def write_rate(rate_ppm: int) -> str:
    """Millionths as percent: 1200 is `0,12`."""
    whole, rest = divmod(rate_ppm, 10_000)
    return f"{whole},{rest:04d}".rstrip("0").rstrip(",")


def half_up(amount: int, by: int) -> int:
    """An amount divided, to the nearest whole, half away from zero (requirements, section 5: round half up per line). `by` is positive."""
    return (2 * amount + by) // (2 * by) if amount >= 0 else -((by - 2 * amount) // (2 * by))
