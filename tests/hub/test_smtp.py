"""What the mail server says and does, and what that means for one letter and for all of them. Against a real server on a local port."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.addresses import read_address
from hub.errors import StartError
from hub.letters import Envelope, message, trial
from hub.post import Outcome, Result
from hub.settings import MailSettings, mail_sender
from hub.smtp import Carrier
from tests.mailserver import EXPIRED, PASSWORD, USER, VALID, MailServer, mail_server

NOW_AT = datetime(2025, 1, 6, 16, 5, tzinfo=UTC)
ANNE, BOB = "anne@example.be", "bob@example.be"
QUICK_S = 0.3
"""Time-outs of a test that waits for one."""


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as told:
        yield told


async def sent(carrier: Carrier, settings: MailSettings, to: str) -> Outcome:
    address = read_address(to)
    assert address is not None
    envelope = Envelope(mail_sender(settings), address, "", "1" * 16)
    return await carrier.deliver(message(trial("fr"), envelope, NOW_AT).as_bytes(), envelope)


async def one(settings: MailSettings, to: str = ANNE, answer_s: float = 10.0) -> Outcome:
    """One letter over a connection of its own."""
    carrier = Carrier(settings, answer_s)
    outcome = await sent(carrier, settings, to)
    await carrier.close()
    return outcome


# --- letters ---------------------------------------------------------------------------------------


async def test_a_letter_arrives_and_the_server_answers_for_it(server: MailServer) -> None:
    outcome = await one(server.settings())
    assert outcome == Outcome(Result.SENT, "", "2.0.0 kept as number 1")
    assert server.to() == [ANNE]


async def test_one_connection_carries_a_batch(server: MailServer) -> None:
    carrier = Carrier(server.settings())
    for number in range(5):
        assert (await sent(carrier, server.settings(), f"parent{number}@example.be")).result is Result.SENT
    await carrier.close()
    assert (server.connections, len(server.mails)) == (1, 5)


async def test_a_reader_the_server_does_not_know_is_final_and_keeps_no_other_letter(server: MailServer) -> None:
    server.unknown.add(ANNE)
    carrier = Carrier(server.settings())
    outcomes = [await sent(carrier, server.settings(), to) for to in (ANNE, BOB)]
    await carrier.close()
    assert [(outcome.result, outcome.code) for outcome in outcomes] == [(Result.REFUSED, "550"), (Result.SENT, "")]
    assert (server.to(), server.connections) == ([BOB], 1)


async def test_greylisting_is_for_later_and_keeps_no_other_letter(server: MailServer) -> None:
    server.greylists.add(ANNE)
    carrier = Carrier(server.settings())
    outcomes = [await sent(carrier, server.settings(), to) for to in (ANNE, BOB)]
    await carrier.close()
    assert [(outcome.result, outcome.code) for outcome in outcomes] == [(Result.LATER, "451"), (Result.SENT, "")]


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [("552 5.3.4 too large", Result.REFUSED, "552"), ("452 4.3.1 no room", Result.LATER, "452"), ("421 4.3.2 going", Result.DOWN, "421")],
)
async def test_what_the_server_says_to_the_letter_itself(server: MailServer, answer: str, result: Result, code: str) -> None:
    server.refuses_data = answer
    outcome = await one(server.settings())
    assert (outcome.result, outcome.code) == (result, code)
    assert server.mails == []


@pytest.mark.parametrize("to", ["anne+ecole@example.be", '"anne marie"@example.be', "o'brien@example.be", "anne@école.be"])
async def test_unusual_addresses_are_written_as_the_server_wants_them(server: MailServer, to: str) -> None:
    assert (await one(server.settings(), to)).result is Result.SENT
    assert server.to() == [to.replace("école", "xn--cole-9oa")]


async def test_accents_before_the_at_sign_go_to_a_server_that_takes_them() -> None:
    async with mail_server(accents=True) as able:
        assert (await one(able.settings(), "józef@example.be")).result is Result.SENT
        assert able.to() == ["józef@example.be"]
    async with mail_server() as unable:
        outcome = await one(unable.settings(), "józef@example.be")
        assert (outcome.result, outcome.code) == (Result.REFUSED, "accents")


# --- the way ---------------------------------------------------------------------------------------


async def test_a_refused_sender_stops_every_letter_and_none_for_good(server: MailServer) -> None:
    server.refuses_sender = True
    outcome = await one(server.settings())
    assert (outcome.result, outcome.code) == (Result.DOWN, "550")
    assert "who are you?" in outcome.said


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_is_given_up_in_time(server: MailServer, command: str) -> None:
    server.hangs = command
    outcome = await one(server.settings(), answer_s=QUICK_S)
    assert (outcome.result, outcome.code) == (Result.DOWN, "timeout")


async def test_a_server_that_says_no_word_is_given_up_in_time() -> None:
    heard: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_server(lambda _reader, writer: heard.append(writer), "localhost", 0)
    outcome = await one(MailServer(mute.sockets[0].getsockname()[1]).settings(), answer_s=QUICK_S)
    mute.close()
    for writer in heard:
        writer.transport.abort()
    assert (outcome.result, outcome.code) == (Result.DOWN, "timeout")


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_goes_away_in_the_middle_is_tried_again(server: MailServer, command: str) -> None:
    server.drops = command
    carrier = Carrier(server.settings())
    outcome = await sent(carrier, server.settings(), ANNE)
    assert (outcome.result, outcome.code) == (Result.DOWN, "connection")
    server.drops = ""
    assert (await sent(carrier, server.settings(), ANNE)).result is Result.SENT
    await carrier.close()
    assert server.to() == [ANNE]


async def test_nobody_listening_is_told_in_a_sentence() -> None:
    async with mail_server() as gone:
        settings = gone.settings()
    outcome = await one(settings)
    assert (outcome.result, outcome.code) == (Result.DOWN, "connection")
    assert str(settings.port) in outcome.said


# --- certificates and passwords --------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_with_a_valid_certificate_gets_the_letter(tls: str) -> None:
    async with mail_server(VALID, tls_first=tls == "tls") as server:
        assert (await one(server.settings(tls=tls, ca_file=str(VALID)))).result is Result.SENT


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("certificate", "trusted", "said"), [(EXPIRED, EXPIRED, "expired"), (VALID, None, "self-signed"), (VALID, EXPIRED, "self-signed")]
)
async def test_an_expired_or_unknown_certificate_gets_no_letter(tls: str, certificate: Path, trusted: Path | None, said: str) -> None:
    async with mail_server(certificate, tls_first=tls == "tls") as server:
        outcome = await one(server.settings(tls=tls, ca_file=str(trusted) if trusted else ""))
        assert (outcome.result, outcome.code) == (Result.DOWN, "certificate")
        assert re.search(said, outcome.said.replace(" ", "-"))
        assert server.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_valid_certificate_of_another_server_gets_no_letter(tls: str) -> None:
    async with mail_server(VALID, tls_first=tls == "tls", host="127.0.0.2") as server:
        outcome = await one(server.settings(server="127.0.0.2", tls=tls, ca_file=str(VALID)))
        assert (outcome.result, outcome.code) == (Result.DOWN, "certificate")
        assert server.mails == []


async def test_a_server_without_tls_gets_no_letter_where_tls_is_asked_for(server: MailServer) -> None:
    outcome = await one(server.settings(tls="starttls"))
    assert (outcome.result, outcome.code) == (Result.DOWN, "protocol")
    assert "STARTTLS" in outcome.said
    assert server.mails == []


@pytest.mark.parametrize(("password", "result", "code"), [(PASSWORD, Result.SENT, ""), ("guessed", Result.DOWN, "535")])
async def test_the_password_opens_the_server_or_stops_every_letter(password: str, result: Result, code: str) -> None:
    async with mail_server(VALID, wants_password=True) as server:
        outcome = await one(server.settings(tls="starttls", ca_file=str(VALID), user=USER, password=password))
        assert (outcome.result, outcome.code) == (result, code)


async def test_the_password_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    named: dict[str, Any] = {"tls": "starttls", "ca_file": str(VALID), "user": USER, "password_file": str(tmp_path / "secret")}
    async with mail_server(VALID, wants_password=True) as server:
        assert (await one(server.settings(**named))).result is Result.SENT
        (tmp_path / "secret").unlink()
        with pytest.raises(StartError, match=r"mail\.password_file"):
            Carrier(server.settings(**named))
