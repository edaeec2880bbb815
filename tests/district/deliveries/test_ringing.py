"""An offer rings by one channel at a time: the first in order that he has an address for, then those that stand by."""

import uuid
from collections.abc import Sequence

import pytest

from district.channels.models import ChannelPolicy, ChannelProvider, EndpointState, MemberEndpoint
from district.members.models import Member
from push.consent import Channel
from push.receipts import Failure, FailureKind, Outcome
from tests.district.deliveries.test_dispatch import Provider, run
from tests.district.offers.conftest import Ground

K = FailureKind
ALL = (Channel.INBOX, Channel.WEB_PUSH, Channel.SMS)
ROWS = """
SELECT channel, state, reason, fallbacks FROM outbox_message WHERE district_id = %(d)s
ORDER BY channel <> 'inbox', id
"""
PUSH_ADDRESS = "https://push.example/abc"


class WebPush(Provider):
    name = Channel.WEB_PUSH


def use(ground: Ground, *channels: Channel, order: Sequence[Channel] | None = None) -> None:
    """Switch channels on in the district."""
    now = ground.clock.now()
    for channel in channels:
        ground.makers.session.add(
            ChannelProvider(
                district_id=ground.district.id,
                slug=channel,
                channel=channel,
                kind="none",
                name=channel,
                options={},
                sealed=b"",
                created_at=now,
                changed_at=now,
            )
        )
    if order is not None:
        named = [one.value for one in order]
        policy = ChannelPolicy(district_id=ground.district.id, channel_order=named, changed_at=now)
        ground.makers.session.add(policy)
    ground.makers.done()


def endpoint(ground: Ground, member: Member, address: str = PUSH_ADDRESS) -> uuid.UUID:
    now = ground.clock.now()
    row = MemberEndpoint(
        district_id=ground.district.id,
        id=uuid.uuid4(),
        member_id=member.id,
        channel=Channel.WEB_PUSH,
        address=address,
        address_hash=address.encode(),
        created_at=now,
        seen_at=now,
    )
    ground.makers.session.add(row)
    ground.makers.done()
    return row.id


async def told(ground: Ground, *outcomes: Outcome) -> tuple[WebPush, Provider]:
    """A member with a browser and a telephone is told of an offer; every row comes to its end."""
    use(ground, Channel.WEB_PUSH, Channel.SMS)
    member = ground.member(phone="+358401234567", language="zh")
    endpoint(ground, member)
    await ground.issue(ground.draft(ground.campaign(), member, channels=ALL))
    push, sms = WebPush(*outcomes), Provider()
    for _ in range(3):
        await run(ground, push, sms)
    return push, sms


async def test_one_message_rings_and_one_lies_in_the_inbox(ground: Ground) -> None:
    push, sms = await told(ground)
    assert [(one.address, one.title) for one in push.seen] == [(PUSH_ADDRESS, "八折")]
    assert sms.seen == []
    assert await ground.rows(ROWS) == [
        ("inbox", "accepted", "", []),
        ("web_push", "accepted", "", ["sms"]),
    ]


async def test_an_address_that_is_gone_is_remembered_and_the_next_channel_takes_over(ground: Ground) -> None:
    push, sms = await told(ground, Failure(kind=K.ADDRESS_GONE, detail="410"))
    assert len(push.seen) == 1
    assert [one.address for one in sms.seen] == ["+358401234567"]
    assert sms.seen[0].id == push.seen[0].id
    assert await ground.rows(ROWS) == [("inbox", "accepted", "", []), ("sms", "accepted", "", [])]
    assert await ground.rows("SELECT state FROM member_endpoint WHERE district_id = %(d)s") == [
        (EndpointState.GONE,)
    ]
    attempts = "SELECT channel, outcome, detail FROM delivery_attempt WHERE district_id = %(d)s ORDER BY id"
    assert await ground.rows(attempts) == [("web_push", "queued", "410"), ("sms", "accepted", "")]


async def test_what_may_have_arrived_rings_no_other_channel(ground: Ground) -> None:
    _, sms = await told(ground, Failure(kind=K.UNKNOWN, detail="deadline"))
    assert sms.seen == []
    assert (await ground.rows(ROWS))[1] == ("web_push", "unknown", "deadline", ["sms"])


async def test_a_number_that_does_not_exist_is_asked_no_more(ground: Ground) -> None:
    use(ground, Channel.SMS)
    member = ground.member(phone="+358401234567")
    campaign = ground.campaign()
    sms = Provider(Failure(kind=K.ADDRESS_GONE, detail="unknown subscriber"))
    await ground.issue(ground.draft(campaign, member, channels=ALL))
    await run(ground, sms)
    other = ground.campaign()
    await ground.issue(ground.draft(other, member, channels=ALL))
    await run(ground, sms)
    assert len(sms.seen) == 1
    assert [row[0] for row in await ground.rows(ROWS)] == ["inbox", "inbox", "sms"]


async def test_the_districts_order_decides_and_leaves_out(ground: Ground) -> None:
    use(ground, Channel.WEB_PUSH, Channel.SMS, order=(Channel.SMS,))
    member = ground.member(phone="+358401234567")
    endpoint(ground, member)
    await ground.issue(ground.draft(ground.campaign(), member, channels=ALL))
    assert [row[0] for row in await ground.rows(ROWS)] == ["inbox", "sms"]


@pytest.mark.parametrize("with_inbox", [True, False], ids=["also-in-the-inbox", "nowhere-else"])
async def test_an_offer_that_reached_nobody_is_void_and_one_in_the_inbox_is_not(
    ground: Ground, with_inbox: bool
) -> None:
    use(ground, Channel.SMS)
    member = ground.member(phone="+358401234567")
    channels = ALL if with_inbox else (Channel.SMS,)
    await ground.issue(ground.draft(ground.campaign(stock=1), member, channels=channels))
    sms = Provider(Failure(kind=K.MESSAGE_REFUSED, detail="too long"))
    for _ in range(2):
        await run(ground, sms)
    states = await ground.rows("SELECT state FROM offer WHERE district_id = %(d)s")
    assert states == [("issued" if with_inbox else "void",)]
    held = await ground.number("SELECT sum(issued) FROM campaign_stock WHERE district_id = %(d)s")
    assert held == int(with_inbox)


CHANNEL_SLOTS = (
    "SELECT scope FROM cap_slot WHERE district_id = %(d)s AND scope LIKE 'channel:%%' ORDER BY scope"
)


async def test_a_channel_that_only_stood_by_gives_its_slot_back(ground: Ground) -> None:
    use(ground, Channel.WEB_PUSH, Channel.SMS)
    member = ground.member(phone="+358401234567")
    endpoint(ground, member)
    slots = tuple(ground.cap(f"channel:{one}:day") for one in ("inbox", "sms", "web_push"))
    draft = ground.draft(ground.campaign(), member, channels=ALL, reservations=slots)
    await ground.issue(draft)
    await run(ground, WebPush(), Provider())
    assert await ground.rows(CHANNEL_SLOTS) == [("channel:inbox:day",), ("channel:web_push:day",)]


async def test_a_channel_that_carried_nothing_gives_its_slot_back(ground: Ground) -> None:
    use(ground, Channel.WEB_PUSH, Channel.SMS)
    member = ground.member(phone="+358401234567")
    endpoint(ground, member)
    slots = tuple(ground.cap(f"channel:{one}:day") for one in ("inbox", "sms", "web_push"))
    draft = ground.draft(ground.campaign(), member, channels=ALL, reservations=slots)
    await ground.issue(draft)
    for _ in range(2):
        await run(ground, WebPush(Failure(kind=K.ADDRESS_GONE)), Provider())
    assert await ground.rows(CHANNEL_SLOTS) == [("channel:inbox:day",), ("channel:sms:day",)]
