"""The sender against a mail server that does all that mail servers do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from push import leaving
from push.channels import email_dkim
from push.channels.email import EmailSender
from push.channels.email_session import Tls
from push.channels.outbound import Outbound, OutboundPolicy
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.channels.mail.letters import is_signed, letter, mailer, opened, private_key, words
from tests.channels.mail.sink import PASSWORD, USER, Certificate, Sink, sink
from tests.channels.refusing import refuse

TO = "wang@example.org"


@asynccontextmanager
async def mailing(server: Sink, **account: Any) -> AsyncIterator[EmailSender]:
    made = mailer(server, **account)
    try:
        yield made
    finally:
        await made.close()
        await made.outbound.close()


def kind_of(outcome: Outcome) -> FailureKind | None:
    return outcome.kind if isinstance(outcome, Failure) else None


async def test_an_offer_in_chinese_arrives_whole_signed_and_once() -> None:
    message = letter()
    async with sink() as server, mailing(server) as one:
        outcome = await one.send(message)
        (taken,) = server.taken
    assert outcome == Receipt(provider_id="0001SINK")
    assert taken.recipient == message.address
    assert opened(taken.content)["Subject"] == message.title
    assert message.body in words(taken.content, "plain").replace("\r\n", "\n")
    assert is_signed(taken.content, record=email_dkim.public_record(private_key()))


ANSWERS = [
    ("greylisted", ["451 4.7.1 Greylisted, try again"], [], FailureKind.TRANSIENT),
    ("busy", ["450 4.2.0 Busy"], [], FailureKind.TRANSIENT),
    ("full", ["452 4.2.2 Mailbox full"], [], FailureKind.TRANSIENT),
    ("closing", ["421 4.3.2 Closing"], [], FailureKind.TRANSIENT),
    ("no-such-user", ["550 5.1.1 No such user"], [], FailureKind.ADDRESS_GONE),
    ("no-such-domain", ["550 5.1.2 No such domain"], [], FailureKind.ADDRESS_GONE),
    ("null-mx", ["556 5.1.10 Takes no mail"], [], FailureKind.ADDRESS_GONE),
    ("our-sender", ["550 5.1.8 Bad sender"], [], FailureKind.MESSAGE_REFUSED),
    ("policy", ["550 5.7.1 Not wanted"], [], FailureKind.MESSAGE_REFUSED),
    ("plain-550", ["550 Not wanted"], [], FailureKind.MESSAGE_REFUSED),
    ("too-big", [], ["552 5.3.4 Too big"], FailureKind.MESSAGE_REFUSED),
    ("spam", [], ["554 5.7.1 Looks like spam"], FailureKind.MESSAGE_REFUSED),
    ("disk-full", [], ["452 4.3.1 No room"], FailureKind.TRANSIENT),
    ("gone-late", [], ["550 5.1.1 No such user"], FailureKind.ADDRESS_GONE),
    ("no-answer", [], ["354 What?"], FailureKind.UNKNOWN),
]


@pytest.mark.parametrize(
    ("recipient", "content", "wanted"), [one[1:] for one in ANSWERS], ids=[one[0] for one in ANSWERS]
)
async def test_an_answer_is_classified_and_the_connection_still_serves(
    recipient: list[str], content: list[str], wanted: FailureKind
) -> None:
    async with sink() as server, mailing(server) as one:
        server.recipients[TO], server.contents = list(recipient), list(content)
        first = await one.send(letter())
        second = await one.send(letter(address="li@example.org"))
    assert kind_of(first) is wanted
    assert isinstance(second, Receipt)
    assert [taken.recipient for taken in server.taken] == ["li@example.org"]


async def test_greylisting_asks_for_minutes_and_then_lets_it_pass() -> None:
    async with sink() as server, mailing(server) as one:
        server.recipients[TO] = ["451 4.7.1 Greylisted"]
        message = letter()
        first = await one.send(message)
        second = await one.send(message)
    assert isinstance(first, Failure)
    assert first.retry_after == timedelta(minutes=1)
    assert isinstance(second, Receipt)
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("fault", "wanted", "arrived"),
    [
        ("greet", FailureKind.TRANSIENT, 0),
        ("data", FailureKind.TRANSIENT, 0),
        ("dot", FailureKind.UNKNOWN, 1),
    ],
)
async def test_only_what_was_cut_off_after_its_last_dot_may_have_been_taken(
    fault: str, wanted: FailureKind, arrived: int
) -> None:
    async with sink() as server, mailing(server) as one:
        server.faults = [fault]
        assert kind_of(await one.send(letter())) is wanted
        assert len(server.taken) == arrived
        assert isinstance(await one.send(letter()), Receipt)


@pytest.mark.parametrize(
    ("fault", "wanted"), [("silent-data", FailureKind.TRANSIENT), ("silent-dot", FailureKind.UNKNOWN)]
)
async def test_a_server_that_falls_silent_is_left_in_time(fault: str, wanted: FailureKind) -> None:
    async with sink() as server, mailing(server) as one:
        one.within = timedelta(seconds=0.5)
        server.faults = [fault]
        assert kind_of(await one.send(letter())) is wanted
        assert isinstance(await one.send(letter()), Receipt)
        assert server.connections == 2


async def test_a_server_that_is_away_has_taken_nothing() -> None:
    async with sink() as server:
        port = server.port
    async with sink() as other, mailing(other, port=port) as one:
        assert kind_of(await one.send(letter())) is FailureKind.TRANSIENT


async def test_what_may_not_leave_any_more_is_kept_back_after_the_servers_go_ahead() -> None:
    async with sink() as server, mailing(server) as one:
        with pytest.raises(leaving.NotLeaving), leaving.asking(refuse):
            await one.send(letter())
        assert server.taken == []
        assert isinstance(await one.send(letter()), Receipt)
        assert len(server.taken) == 1


async def test_connections_are_kept_and_one_that_the_server_closed_costs_nothing() -> None:
    async with sink() as server, mailing(server) as one:
        for _ in range(3):
            assert isinstance(await one.send(letter()), Receipt)
        assert server.connections == 1
        await asyncio.gather(*(one.send(letter()) for _ in range(4)))
        opened_so_far = server.connections
        assert opened_so_far <= 4
        for idle in one._idle:
            assert isinstance(idle.connection.smtp.transport, asyncio.WriteTransport)
            idle.connection.smtp.transport.abort()
        assert isinstance(await one.send(letter()), Receipt)
        assert server.connections == opened_so_far + 1
    assert len(server.taken) == 8


async def test_a_server_may_ask_for_a_log_in(certificate: Certificate) -> None:
    trust = ssl.create_default_context(cadata=certificate.pem)
    given: dict[str, Any] = {"tls": Tls.STARTTLS, "trust": trust, "user": USER}
    async with sink(tls="starttls", certificate=certificate, needs_login=True) as server:
        async with mailing(server, **given, password="wrong") as one:
            outcome = await one.send(letter())
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.TRANSIENT
        assert outcome.detail.startswith("535")
        async with mailing(server, **given, password=PASSWORD) as one:
            assert isinstance(await one.send(letter()), Receipt)


async def test_tls_may_begin_with_the_connection(certificate: Certificate) -> None:
    trust = ssl.create_default_context(cadata=certificate.pem)
    async with (
        sink(tls="implicit", certificate=certificate) as server,
        mailing(server, tls=Tls.IMPLICIT, trust=trust) as one,
    ):
        assert isinstance(await one.send(letter()), Receipt)


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificate: Certificate) -> None:
    async with (
        sink(tls="starttls", certificate=certificate) as server,
        mailing(server, tls=Tls.STARTTLS) as one,
    ):
        assert kind_of(await one.send(letter())) is FailureKind.TRANSIENT
        assert server.taken == []


async def test_a_server_without_the_promised_tls_gets_nothing() -> None:
    async with sink() as server, mailing(server, tls=Tls.STARTTLS) as one:
        assert kind_of(await one.send(letter())) is FailureKind.TRANSIENT
        assert server.taken == []


async def test_an_address_inside_is_not_called_unless_that_is_allowed() -> None:
    async with sink() as server, mailing(server) as one:
        await one.outbound.close()
        one.outbound = Outbound(policy=OutboundPolicy(ports=None, allows_private=True))
        assert kind_of(await one.send(letter())) is FailureKind.TRANSIENT
        assert server.connections == 0


async def test_international_addresses_go_where_they_are_understood() -> None:
    message = letter(address="王@例子.中国")
    async with sink() as server, mailing(server) as one:
        assert isinstance(await one.send(message), Receipt)
        (taken,) = server.taken
        assert taken.recipient == "王@xn--fsqu00a.xn--fiqs8s"
        assert "SMTPUTF8" in taken.options
    async with sink(enable_SMTPUTF8=False) as server, mailing(server) as one:
        assert kind_of(await one.send(message)) is FailureKind.MESSAGE_REFUSED
        assert isinstance(await one.send(letter()), Receipt)
        assert server.connections == 1


async def test_what_is_too_big_is_not_sent() -> None:
    async with sink(data_size_limit=2_000) as server, mailing(server) as one:
        assert kind_of(await one.send(letter())) is FailureKind.MESSAGE_REFUSED
        long = "咖" * 20_000
        assert kind_of(await one.send(letter(title=long, body=long, why=long))) is FailureKind.MESSAGE_REFUSED
        assert server.taken == []


async def test_what_is_no_address_is_gone_without_a_call() -> None:
    async with sink() as server, mailing(server) as one:
        assert kind_of(await one.send(letter(address="no address"))) is FailureKind.ADDRESS_GONE
        assert server.connections == 0


async def test_lines_that_begin_with_a_dot_arrive_as_they_are() -> None:
    body = ".\n..\n.hidden\nshown " + "x" * 300
    async with sink() as server, mailing(server) as one:
        await one.send(letter(body=body))
    assert body in words(server.taken[0].content, "plain").replace("\r\n", "\n")
