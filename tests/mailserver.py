"""A real mail server (aiosmtpd) on a port of this machine that nobody knows, on the test's own loop; it behaves as a test tells it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hub.settings import MailSettings

CERTIFICATES = Path(__file__).parent / "hub" / "certificates"
VALID, EXPIRED = CERTIFICATES / "valid.pem", CERTIFICATES / "expired.pem"
"""For localhost, each its own authority: until 2123, and until 2021."""
SENDER = "ecole@example.be"
USER, PASSWORD = "ecole", "trois petits tours"


@dataclass
class MailServer:
    """What it has taken, and what it says instead. `hangs`: says nothing to this command. `drops`: goes away at it."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """To whom, and what."""
    greylists: set[str] = field(default_factory=set)
    """Whoever stands here is asked to come back later."""
    unknown: set[str] = field(default_factory=set)
    refuses_sender: bool = False
    refuses_data: str = ""
    hangs: str = ""
    drops: str = ""
    asked: list[str] = field(default_factory=list)
    """Commands, in order."""
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each mail."""
    _protocols: list[SMTP] = field(default_factory=list)

    def settings(self, **others: Any) -> MailSettings:
        """What leads a hub here."""
        here: dict[str, Any] = {"server": "localhost", "port": self.port, "tls": "none", "sender": SENDER}
        return MailSettings(**here | others)

    def to(self) -> list[str]:
        """Who got a mail, in order."""
        return [to for to, _ in self.mails]

    # --- what aiosmtpd calls ----------------------------------------------------------------------

    async def says_from(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        await self._behave("MAIL", server)
        if self.refuses_sender:
            return "550 5.7.1 who are you?"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def says_to(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        await self._behave("RCPT", server)
        if address in self.greylists:
            return "451 4.7.1 come back later"
        if address in self.unknown:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def says_all(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        await self._behave("DATA", server)
        if self.refuses_data:
            return self.refuses_data
        assert isinstance(envelope.content, bytes)
        read = BytesParser(EmailMessage, policy=policy.SMTP).parsebytes(envelope.content)
        self.mails += [(to, read) for to in envelope.rcpt_tos]
        self.arrived.set()
        return "250 2.0.0 kept as number 1"

    # What aiosmtpd calls them.
    handle_MAIL, handle_RCPT, handle_DATA = says_from, says_to, says_all  # noqa: N815

    async def _behave(self, command: str, server: SMTP) -> None:
        self.asked.append(command)
        if self.drops == command:
            _hang_up(server)
        if command in (self.hangs, self.drops):
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def mail_server(
    certificate: Path | None = None,
    *,
    tls_first: bool = False,
    wants_password: bool = False,
    accents: bool = False,
    host: str = "localhost",
) -> AsyncIterator[MailServer]:
    """A server that is there. With a certificate it asks for STARTTLS, or speaks TLS from the first byte."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    told = MailServer()

    def accepted() -> SMTP:
        told.connections += 1
        served = SMTP(
            told,
            hostname="localhost",
            tls_context=None if tls_first else context,
            require_starttls=context is not None and not tls_first,
            enable_SMTPUTF8=accents,
            auth_required=wants_password,
            authenticator=_signs_in if wants_password else None,
            loop=asyncio.get_running_loop(),
        )
        told._protocols.append(served)
        return served

    listening = await asyncio.get_running_loop().create_server(accepted, host, 0, ssl=context if tls_first else None)
    told.port = listening.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        listening.close()
        await _gone(told._protocols)
        await listening.wait_closed()


async def _gone(protocols: list[SMTP]) -> None:
    """Nobody is served any more."""
    for served in protocols:
        _hang_up(served)
        task = served._handler_coroutine
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


def _hang_up(served: SMTP) -> None:
    if isinstance(served.transport, asyncio.WriteTransport) and not served.transport.is_closing():
        served.transport.abort()


def _signs_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    known = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=known)
