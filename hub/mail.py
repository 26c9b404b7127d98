"""`preau-hub mail`: try the mail server out, show the queue, queue again what failed. For staff at the machine, in English."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from hub import letters
from hub.addresses import read_address
from hub.errors import RefusedError
from hub.letters import Envelope
from hub.mailqueue import Listed, State
from hub.post import Outcome, Result, over_smtp
from hub.settings import MailSettings, mail_sender

SAID = {
    Result.SENT: "taken",
    Result.LATER: "not now: the hub would try again",
    Result.REFUSED: "refused for good",
    Result.DOWN: "no letter gets through",
}


async def tried(mail: MailSettings, written: str, language: str, wall_ms: int) -> Outcome:
    """What comes of a letter to this address, now. Raises RefusedError for what is no address."""
    to = read_address(written)
    if to is None:
        raise RefusedError(f"`{written}` is not a mail address: write it as anne@example.org")
    envelope = Envelope(mail_sender(mail), to, "", secrets.token_hex(8))
    message = letters.message(letters.trial(language), envelope, datetime.fromtimestamp(wall_ms / 1000, UTC))
    carrier = over_smtp(mail)
    try:
        return await carrier.deliver(message.as_bytes(), envelope)
    finally:
        await carrier.close()


def told(mail: MailSettings, outcome: Outcome) -> str:
    """What came of a try, in one sentence: what the server said, or why it was not reached."""
    code = f" ({outcome.code})" if outcome.code else ""
    return f"{mail.server}:{mail.port}: {SAID[outcome.result]}{code}: {outcome.said}"


def lines(listed: Iterable[Listed]) -> list[str]:
    """The queue by state: how many of each, then what waits and what failed. What was sent is only counted."""
    rows = list(listed)
    counted = ", ".join(f"{sum(row.state is state for row in rows)} {state}" for state in State)
    return [counted, *(_line(row) for row in rows if row.state is not State.SENT)]


def _line(row: Listed) -> str:
    when = f"{datetime.fromtimestamp(row.next_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    trouble = f", last: {row.trouble}" if row.trouble else ""
    what = f"next try {when}" if row.state is State.QUEUED else f"given up {when}"
    return f"{row.state}: fact {row.fact}, {row.first_name} {row.last_name} <{row.email}>, tries: {row.tries}, {what}{trouble}"
