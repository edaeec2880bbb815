"""What waits to be sent when its member mutes the merchant, or stops its channel, is not sent."""

from dataclasses import replace

from sqlalchemy import text

from district.districts.service import DistrictInfo
from district.members import mutes, stops
from district.members.models import Member
from district.members.stops import Stop, StopScope
from push.consent import Channel
from tests.district.deliveries.test_dispatch import Provider, dispatcher, run
from tests.district.deliveries.test_ringing import use
from tests.district.offers.conftest import Ground

BOTH = (Channel.INBOX, Channel.SMS)
ROWS = "SELECT channel, state, reason FROM outbox_message WHERE district_id = %(d)s ORDER BY channel"


async def queued(ground: Ground) -> Member:
    use(ground, Channel.SMS)
    member = ground.member(phone="+358401234567")
    await ground.issue(ground.draft(ground.campaign(), member, channels=BOTH))
    return member


async def test_a_queued_message_of_a_muted_merchant_leaves_by_no_channel(ground: Ground) -> None:
    member = await queued(ground)
    names = (ground.district.id, member.id, ground.merchant.id)
    mutes.mute(ground.makers.session, *names, source="me", at=ground.clock.now())
    ground.makers.done()
    sms = Provider()
    await run(ground, sms)
    assert sms.seen == []
    assert await ground.rows(ROWS) == [
        ("inbox", "suppressed", "muted"),
        ("sms", "suppressed", "muted"),
    ]
    slots = "SELECT count(*) FROM cap_slot WHERE district_id = %(d)s"
    assert await ground.rows(slots) == [(0,)]


async def test_a_mute_of_another_merchant_holds_nothing_back(ground: Ground) -> None:
    member = await queued(ground)
    other = ground.makers.merchant(ground.district)
    mutes.mute(
        ground.makers.session, ground.district.id, member.id, other.id, source="me", at=ground.clock.now()
    )
    ground.makers.done()
    sms = Provider()
    await run(ground, sms)
    assert len(sms.seen) == 1


async def test_a_stop_of_a_channel_holds_what_is_queued_on_it(ground: Ground) -> None:
    member = await queued(ground)
    wanted = Stop(
        scope=StopScope.CHANNEL, channel=Channel.SMS, merchant_id=ground.merchant.id, source="link:test"
    )
    session, info = ground.makers.session, ground.info
    assert isinstance(info, DistrictInfo)
    stops.stop(session, info, session.merge(member), wanted, at=ground.clock.now())
    ground.makers.done()
    sms = Provider()
    await run(ground, sms)
    assert sms.seen == []
    assert await ground.rows(ROWS) == [("inbox", "accepted", ""), ("sms", "suppressed", "no_consent")]


async def test_messages_carry_their_links(ground: Ground) -> None:
    await queued(ground)
    sms = Provider()
    sender = dispatcher(ground, sms)
    sender.store = replace(sender.store, origin="https://wifi.example", secret="s" * 32)  # type: ignore[type-var]
    await sender.run_once()
    [message] = sms.seen
    assert message.link.startswith("https://wifi.example/m/")
    assert message.stop_link.startswith("https://wifi.example/s/")
    assert len(message.stop_link) == len("https://wifi.example/s/") + 30
    with_link = text("SELECT count(*) FROM outbox_message WHERE payload::text LIKE '%/s/%'")
    assert ground.makers.session.scalar(with_link) == 0
