"""A worker with a mail server: offers and codes out, bounces, complaints and stops in."""

from urllib.parse import urlsplit

from district.auth.codes import LIFE
from district.database import make_engine, make_sessions
from district.deliveries import receipt_jobs
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.channels import email_dkim
from push.consent import Channel
from push.message import MessagePurpose
from tests.channels.mail.accounts import (
    ADDRESS,
    NOW,
    RECEIPTS,
    STATES,
    SUPPRESSED,
    account,
    offer,
    returned,
)
from tests.channels.mail.conftest import ORIGIN, Working
from tests.channels.mail.letters import is_signed, opened, private_key, words
from tests.channels.mail.reports import HOLIDAY, bounce, complaint
from tests.channels.mail.sink import Sink, sink
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

CONSENT = """
SELECT channel, granted, action, source FROM consent
WHERE district_id = %(d)s AND purpose = 'marketing' ORDER BY id DESC LIMIT 1
"""


async def sent(ground: Ground, server: Sink, working: Working, how_many: int = 1) -> None:
    """Let a worker send until so many arrived and are recorded."""

    async def is_recorded() -> bool:
        states = [row[0] for row in await ground.rows(STATES)]
        return states.count("accepted") >= how_many

    async with working():
        await server.until(lambda one: len(one.taken) >= how_many)
        await until(is_recorded)


async def test_an_offer_goes_out_signed_by_the_key_that_the_operator_is_shown(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        await offer(ground, ground.member(email=ADDRESS, language="zh"))
        await sent(ground, server, working)
        (taken,) = server.taken
    assert await ground.rows(STATES) == [("accepted", "", False, "marketing")]
    listed = (await desk.ask("GET", "channel-providers/mail/dns")).json()["items"]
    records = {one["about"]: one for one in listed}
    assert set(records) == {"spf", "dkim", "dmarc", "returns"}
    assert records["dkim"]["name"] == "s1._domainkey.news.example.com"
    assert is_signed(taken.content, record=records["dkim"]["value"])
    assert records["spf"]["value"] == "v=spf1 ip4:127.0.0.1 mx ~all"
    assert records["returns"] == {
        "name": "bounces.example.com",
        "type": "MX",
        "value": "10 mx.bounces.example.com.",
        "about": "returns",
    }


async def test_one_press_in_the_mail_program_ends_such_messages(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        member = ground.member(email=ADDRESS)
        await offer(ground, member)
        await sent(ground, server, working)
        read = opened(server.taken[0].content)
        name, _, value = read["List-Unsubscribe-Post"].partition("=")
        address = urlsplit(read["List-Unsubscribe"].strip("<>"))
        assert f"{address.scheme}://{address.netloc}" == ORIGIN
        pressed = await desk.client.post(address.path, data={name: value})
        assert pressed.status_code == 200
        await offer(ground, member)
        assert (await ground.rows(CONSENT))[0][:3] == ("email", False, "link")
    assert [row[0] for row in await ground.rows(STATES)] == ["accepted"]


async def test_greylisting_is_waited_out(desk: Desk, ground: Ground, working: Working) -> None:
    async with sink() as server:
        server.recipients[ADDRESS] = ["451 4.7.1 Greylisted"]
        await account(desk, server.port)
        await offer(ground, ground.member(email=ADDRESS))

        async def is_put_off() -> bool:
            return await ground.rows(STATES) == [("queued", "RCPT 451 4.7.1", False, "marketing")]

        async with working():
            await until(is_put_off)
        waits = "SELECT extract(epoch FROM retry_at - clock_timestamp()) > 50 FROM outbox_message WHERE district_id = %(d)s AND channel = 'email'"
        assert await ground.rows(waits) == [(True,)]
        async with ground.pool.connection() as connection:
            await connection.execute(NOW)
        await sent(ground, server, working)
    assert len(server.taken) == 1


async def test_an_address_that_a_server_does_not_know_gets_nothing_more(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        server.recipients[ADDRESS] = ["550 5.1.1 No such user"]
        await account(desk, server.port)
        member = ground.member(email=ADDRESS)
        await offer(ground, member)

        async def is_gone() -> bool:
            return await ground.rows(SUPPRESSED) == [(ADDRESS, "gone", "RCPT 550 5.1.1", 0)]

        async with working():
            await until(is_gone)
        await offer(ground, member)
        assert [row[0] for row in await ground.rows(STATES)] == ["failed"]


async def test_a_bounce_is_held_against_the_address_that_it_went_to(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        await offer(ground, ground.member(email=ADDRESS), ground.member(email="li@example.org"))
        await sent(ground, server, working, 2)
        back = {one.recipient: one.sender for one in server.taken}
        # The text names somebody else: it is not asked.
        for _ in range(2):
            assert await returned(desk, back[ADDRESS], bounce(to="li@example.org")) == 204
    assert await ground.rows(SUPPRESSED) == [(ADDRESS, "gone", "5.1.1", 1)]
    assert await ground.rows(RECEIPTS) == [("address_gone", "5.1.1")]


async def test_a_bounce_of_an_older_address_does_not_hit_the_new_one(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        member = ground.member(email=ADDRESS)
        await offer(ground, member)
        await sent(ground, server, working)
        async with ground.pool.connection() as connection:
            await connection.execute("UPDATE member SET email = 'new@example.org' WHERE id = %s", [member.id])
        assert await returned(desk, server.taken[0].sender, bounce()) == 204
    assert await ground.rows(SUPPRESSED) == []
    assert await ground.rows(RECEIPTS) == [("address_gone", "5.1.1")]


async def test_a_full_mailbox_is_counted_by_days_and_given_up_on_the_fifth(
    desk: Desk, ground: Ground, working: Working
) -> None:
    back_in_time = "UPDATE member_endpoint SET failed_at = failed_at - interval '1 day'"
    async with sink() as server:
        await account(desk, server.port)
        member = ground.member(email=ADDRESS)
        for day in range(1, 6):
            await offer(ground, member)
            await sent(ground, server, working, day)
            for status in ("5.2.2", "4.2.2"):
                assert await returned(desk, server.taken[-1].sender, bounce(status=status)) == 204
            ((_, state, _, failures),) = await ground.rows(SUPPRESSED)
            assert (state, failures) == ("gone" if day == 5 else "suspect", day)
            async with ground.pool.connection() as connection:
                await connection.execute(back_in_time)


async def test_a_complaint_withdraws_the_consent_to_e_mail(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        member = ground.member(email=ADDRESS)
        await offer(ground, member)
        await sent(ground, server, working)
        told = opened(server.taken[0].content)["CFBL-Feedback-ID"]
        assert await returned(desk, "complaints@news.example.com", complaint(feedback_id=told)) == 204
        await offer(ground, member)
    assert await ground.rows(CONSENT) == [("email", False, "provider", "provider:complained")]
    assert [row[0] for row in await ground.rows(STATES)] == ["accepted"]


async def test_what_is_not_signed_by_us_is_refused_and_changes_nothing(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        await offer(ground, ground.member(email=ADDRESS))
        await sent(ground, server, working)
        right = server.taken[0].sender
    forged = right.replace("bounces+", "bounces+a")[:64] + "@bounces.example.com"
    other = right[:12] + ("b" if right[12] == "a" else "a") + right[13:]
    for recipient in ("", "bounces@bounces.example.com", forged, other, right.replace("bounces+", "")):
        assert await returned(desk, recipient, bounce(returned=right)) == 401
    assert await returned(desk, "", complaint(feedback_id="a" * 48, mail_from=other)) == 401
    assert await returned(desk, right, HOLIDAY) == 204
    assert await returned(desk, right, bounce(action="delayed", status="4.4.1")) == 204
    assert await ground.rows(RECEIPTS) == await ground.rows(SUPPRESSED) == []


async def test_a_bounce_that_overtakes_the_record_is_carried_out_later(
    desk: Desk, ground: Ground, working: Working, database_url: str
) -> None:
    async with sink() as server:
        await account(desk, server.port)
        await offer(ground, ground.member(email=ADDRESS))
        await sent(ground, server, working)
        forget = "UPDATE outbox_message SET provider_id = NULL WHERE channel = 'email' RETURNING id"
        remember = "UPDATE outbox_message SET provider_id = (SELECT id FROM channel_provider WHERE district_id = %s) WHERE district_id = %s AND channel = 'email'"
        async with ground.pool.connection() as connection:
            await connection.execute(forget)
        assert await returned(desk, server.taken[0].sender, bounce()) == 204
        assert await ground.rows(SUPPRESSED) == []
        async with ground.pool.connection() as connection:
            await connection.execute(remember, [ground.info.id, ground.info.id])
    engine = make_engine(database_url, pool_size=1)
    with make_sessions(engine).begin() as session:
        assert receipt_jobs.fold(session, ground.info, clock=ground.clock) == 1
    engine.dispose()
    assert await ground.rows(SUPPRESSED) == [(ADDRESS, "gone", "5.1.1", 1)]


async def test_a_sign_in_code_comes_by_the_same_server(desk: Desk, ground: Ground, working: Working) -> None:
    async with sink() as server:
        await account(desk, server.port, sender_name="Central Square")
        message = NewMessage(
            channel=Channel.EMAIL,
            purpose=MessagePurpose.CODE,
            payload={"to": ADDRESS, "code": "482913", "language": "zh"},
            due_at=ground.clock.now(),
            send_before=ground.clock.now() + LIFE,
        )
        async with ground.pool.connection() as connection:
            await outbox.enqueue_all(connection, ground.info.id, [message])
        await sent(ground, server, working)
        content = server.taken[0].content
    assert opened(content)["Subject"] == "登录验证码"
    assert opened(content)["From"].addresses[0].display_name == "Central Square"
    assert "482913" in words(content, "plain")
    assert "List-Unsubscribe" not in opened(content)


async def test_a_test_message_says_what_the_server_said(desk: Desk, ground: Ground) -> None:
    async with sink() as server:
        await account(desk, server.port)
        tried = (await desk.ask("POST", "channel-providers/mail/test", {"to": "me@example.org"})).json()
        assert (tried["outcome"], tried["message_id"]) == ("accepted", "0001SINK")
        assert is_signed(server.taken[0].content, record=email_dkim.public_record(private_key()))
        server.recipients["me@example.org"] = ["550 5.1.1 No such user"]
        tried = (await desk.ask("POST", "channel-providers/mail/test", {"to": "me@example.org"})).json()
        assert (tried["outcome"], tried["detail"]) == ("address_gone", "RCPT 550 5.1.1")
