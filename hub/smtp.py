"""The way to the mail server: one letter at a time over one connection, and what came of each. The only room that knows aiosmtplib.

What is wrong with one letter (its reader is unknown there, its server asks to come back later) is told apart from what is wrong with
the way: no connection, no valid certificate, a wrong password, a refused sender, a server that hangs or goes away (RFC 5321, 4.2).
"""

import asyncio
import contextlib
import ssl
from email.headerregistry import Address as Mailbox

import aiosmtplib

from hub.addresses import Address
from hub.letters import Envelope
from hub.post import Outcome, Result
from hub.settings import MailSettings, mail_password

ANSWER_S = 30.0
"""For each answer of the server: long enough for one that looks a reader up, short beside the pauses between tries."""
ANSWERS = 4
"""A letter gets this many times as long, with all its answers: a server that says a byte now and then gets no longer."""
GOODBYE_S = 5.0
HANGING_UP = 421


class Carrier:
    """Implements `hub.post.Carrier`. The connection is made for the first letter and kept for the next ones, until `close`."""

    def __init__(self, mail: MailSettings, answer_s: float = ANSWER_S) -> None:
        self._mail = mail
        self._password = mail_password(mail)
        self._answer_s = answer_s
        self._smtp: aiosmtplib.SMTP | None = None

    async def deliver(self, content: bytes, envelope: Envelope) -> Outcome:
        """Hand one letter over. SENT: the server has answered for it."""
        outcome = None
        try:
            async with asyncio.timeout(ANSWERS * self._answer_s):
                outcome = await _hand_over(await self._connected(envelope.sender.address), content, envelope)
        except (aiosmtplib.SMTPException, OSError) as error:
            outcome = Outcome(Result.DOWN, _trouble(error), str(error) or "no answer in time")
        finally:
            if outcome is None or outcome.result is Result.DOWN:
                self._drop()  # broken off in the middle: what is said on this connection can no longer be trusted
        return outcome

    async def close(self) -> None:
        """Say goodbye to the server, if it is there."""
        if self._smtp is not None and self._smtp.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit(timeout=min(GOODBYE_S, self._answer_s))
        self._drop()

    async def _connected(self, sender: Address) -> aiosmtplib.SMTP:
        if self._smtp is None or not self._smtp.is_connected:
            self._drop()
            self._smtp = aiosmtplib.SMTP(
                hostname=self._mail.server,
                port=self._mail.port,
                username=self._mail.user or None,
                password=self._password or None,
                local_hostname=sender.domain,  # this machine's own name may take a minute to be found
                timeout=self._answer_s,
                use_tls=self._mail.tls == "tls",
                start_tls=self._mail.tls == "starttls",
                cert_bundle=self._mail.ca_file or None,
            )
            await self._smtp.connect()
        return self._smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


async def _hand_over(smtp: aiosmtplib.SMTP, content: bytes, envelope: Envelope) -> Outcome:
    """One letter on an open connection. Raises what is wrong with the connection."""
    try:
        sender, to = _spelt(envelope.sender.address), _spelt(envelope.to)
        _, said = await smtp.sendmail(sender, to, content, mail_options=["SMTPUTF8"] if envelope.to.has_accents else [])
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _answered(error.recipients[0])
    except aiosmtplib.SMTPDataError as error:
        return _answered(error)
    except aiosmtplib.SMTPNotSupported as error:
        return Outcome(Result.REFUSED, "accents", error.message)
    return Outcome(Result.SENT, "", said)


def _answered(refusal: aiosmtplib.SMTPResponseException) -> Outcome:
    """What a number means for one letter; outside of 4xx and 5xx the server speaks no SMTP."""
    result = {4: Result.LATER, 5: Result.REFUSED}.get(refusal.code // 100, Result.DOWN)
    return Outcome(Result.DOWN if refusal.code == HANGING_UP else result, str(refusal.code), refusal.message)


def _trouble(error: Exception) -> str:
    """A code for what is wrong with the way to the server."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "certificate"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return str(error.code)
    return "connection" if isinstance(error, OSError) else "protocol"


def _spelt(address: Address) -> str:
    """As SMTP writes it, with quotes where it needs them."""
    return Mailbox(username=address.local, domain=address.domain).addr_spec
