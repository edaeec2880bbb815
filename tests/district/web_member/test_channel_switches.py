"""The privacy page asks for each channel that the district has switched on and that reaches the member."""

import httpx
from sqlalchemy import Engine, text

from district.channels.models import ChannelProvider
from district.members.texts import consent_text
from push.consent import Channel, Purpose
from tests.district.web_member.conftest import Shopping
from tests.factories import Makers

SAID = """
SELECT consent.granted, consent_text.text FROM consent
LEFT JOIN consent_text ON consent_text.district_id = consent.district_id
                      AND consent_text.text_hash = consent.text_hash
WHERE consent.member_id = :member AND consent.channel = 'sms' ORDER BY consent.id
"""
FIELD = 'name="channel" value="sms"'


def use(makers: Makers, shopping: Shopping, *, phone: str | None) -> None:
    now = makers.clock.now()
    provider = ChannelProvider(
        district_id=shopping.district.id,
        slug="texts",
        channel=Channel.SMS,
        kind="none",
        name="Texts",
        options={},
        sealed=b"",
        created_at=now,
        changed_at=now,
    )
    makers.session.add(provider)
    names = {"phone": phone, "member": shopping.member.id}
    makers.session.execute(text("UPDATE member SET phone = :phone WHERE id = :member"), names)
    makers.done()


async def test_a_channel_is_agreed_to_and_withdrawn_in_its_own_words(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers, engine: Engine
) -> None:
    page = f"{shopping.base}/privacy"
    assert FIELD not in (await shopper.get(page)).text
    use(committed, shopping, phone="+358401234567")
    words = consent_text(Purpose.MARKETING, Channel.SMS, "zh").text
    shown = (await shopper.get(f"{page}?lang=zh")).text
    assert FIELD in shown
    assert words in shown
    for granted in ("true", "false"):
        sent = {"purpose": "marketing", "channel": "sms", "granted": granted}
        assert (await shopper.post(f"{page}/consents?lang=zh", data=sent)).status_code == 303
    with engine.connect() as connection:
        said = [tuple(row) for row in connection.execute(text(SAID), {"member": shopping.member.id})]
    assert said == [(True, words), (False, words)]


async def test_a_channel_that_cannot_reach_the_member_is_not_asked_for(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers
) -> None:
    use(committed, shopping, phone=None)
    assert FIELD not in (await shopper.get(f"{shopping.base}/privacy")).text
