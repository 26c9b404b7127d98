"""In which language a visitor is answered. What somebody chose stays: with their account, or in a cookie of the browser.

Whoever chose nothing gets what the browser asks for (RFC 9110, section 12.5.4), and where that is none of ours, the hub's language.
"""

from collections.abc import Container

from fastapi import Request
from starlette.responses import Response

from hub.web.office import Office

COOKIE = "preau_language"
YEAR_S = 365 * 86_400
MOST = 20
"""Languages of one request that are looked at; browsers send five."""


def wished(request: Request, office: Office) -> str:
    """The language of a visitor who is not known yet: what was chosen in this browser, what it asks for, the hub's."""
    asked = accepted(request.headers.get("accept-language", ""), request.app.state.pages.languages)
    return chosen(request) or asked or office.language


def chosen(request: Request) -> str:
    """What was chosen in this browser; empty when nothing was."""
    found = request.cookies.get(COOKIE, "")
    return found if found in request.app.state.pages.languages else ""


def accepted(header: str, known: Container[str]) -> str:
    """The best of `nl-BE,nl;q=0.9,fr;q=0.8` that is known; empty when none is."""
    wishes = [_wish(part) for part in header.split(",")[:MOST]]
    found = [(weight, language) for language, weight in wishes if weight > 0 and language in known]
    return max(found, key=lambda one: one[0], default=(0.0, ""))[1]


def remember(language: str, response: Response, *, secure: bool) -> None:
    """Note the language of this browser."""
    response.set_cookie(COOKIE, language, max_age=YEAR_S, secure=secure, httponly=True, samesite="lax")


def _wish(part: str) -> tuple[str, float]:
    """A language without its country, and its weight; 0 where that is none."""
    tag, _, weight = part.partition(";")
    digits = weight.strip().removeprefix("q=") if weight else "1"
    good = digits.replace(".", "", 1).isascii() and digits.replace(".", "", 1).isdecimal() and len(digits) <= 5
    return tag.strip().split("-")[0].lower(), float(digits) if good else 0.0
