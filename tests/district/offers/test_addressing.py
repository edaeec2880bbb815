"""How a member is addressed: in his messages alone, and never in what others may read."""

from typing import Any

from tests.district.offers.conftest import Ground

OFFER: dict[str, Any] = {
    "kind": "coupon",
    "value": {"type": "amount", "minor_units": 300},
    "title": {"en": "{name|Friend}, 3 off", "zh": "{name|朋友}，减三元"},
    "text": {"en": "For {name|you}"},
}
WORDS = """
SELECT offer.title ->> 'en', offer.text ->> 'en', message.payload -> 'title' ->> 'en',
       message.payload -> 'title' ->> 'zh', message.payload -> 'body' ->> 'en'
FROM offer JOIN outbox_message AS message
  ON message.district_id = offer.district_id AND message.offer_id = offer.id
WHERE offer.district_id = %(d)s AND message.channel = 'inbox'
"""


async def _words(ground: Ground, offer: dict[str, Any], **values: Any) -> tuple[Any, ...]:
    campaign, member = ground.campaign(offer=offer), ground.member(**values)
    await ground.issue(ground.draft(campaign, member))
    (row,) = await ground.rows(WORDS)
    return tuple(row)


async def test_the_message_addresses_the_member_and_the_offer_itself_does_not(ground: Ground) -> None:
    title, text, told, told_zh, body = await _words(ground, OFFER, called="Lin")
    assert (told, told_zh, body) == ("Lin, 3 off", "Lin，减三元", "For Lin")
    assert (title, text) == ("Friend, 3 off", "For you")


async def test_who_said_nothing_reads_the_texts_own_words(ground: Ground) -> None:
    _, _, told, told_zh, body = await _words(ground, OFFER)
    assert (told, told_zh, body) == ("Friend, 3 off", "朋友，减三元", "For you")


async def test_a_title_stays_within_its_limit(ground: Ground) -> None:
    long = OFFER | {"title": {"en": "{name|Friend}, come in and have a look at our lunch"}}
    _, _, told, _, body = await _words(ground, long, called="L" * 40)
    assert told == "Friend, come in and have a look at our lunch"
    assert body == f"For {'L' * 40}"
