"""The campaigns that a demo has behind it: whose they were, when they ran, and what they are made to cause."""

from collections.abc import Sequence
from dataclasses import dataclass

from district.campaigns.joint_schemas import PartyKind
from push.wording import Localised


@dataclass(frozen=True, kw_only=True)
class PastPlan:
    """A campaign of some past days. Its effect is invented: of those who get the offer, ``caused_share`` come who would
    not have; who is held out comes as he would have anyway, and the report has to find the difference."""

    key: str
    name: Localised
    merchant: int
    """Whose it was: the place of a merchant in the order in which they came to the district."""
    first_days_ago: int
    last_days_ago: int
    title: Localised
    """``%(amount)s`` is what it takes off."""
    text: Localised
    caused_share: float
    anyway_share: float = 0.14
    percent: int | None = None
    euros: int | None = None
    """A gift when neither is given. In another currency it is as much as a euro buys."""
    holdout_percent: int = 20
    used_share: float = 0.7
    """Of those who come with the offer, so many use it."""
    bill_euros: int = 24
    """What half of the bills are below."""
    funding: Sequence[tuple[PartyKind, int]] = ()
    """Who bears it, in thousandths; nobody named: the merchant alone."""


PLANS: Sequence[PastPlan] = (
    PastPlan(
        key="back",
        name=Localised(en="Welcome back", zh="欢迎再来"),
        merchant=0,
        first_days_ago=9,
        last_days_ago=2,
        title=Localised(en="15 % off, because you are back", zh="欢迎再来：八五折"),
        text=Localised(en="On everything, today.", zh="全场适用，今日有效。"),
        percent=15,
        caused_share=0.22,
        funding=((PartyKind.MERCHANT, 700), (PartyKind.PLATFORM, 300)),
    ),
    PastPlan(
        key="window",
        name=Localised(en="New in the window", zh="橱窗新品"),
        merchant=0,
        first_days_ago=4,
        last_days_ago=1,
        title=Localised(en="A small present with what is new", zh="选购新品有小礼"),
        text=Localised(en="While there are any.", zh="送完为止。"),
        caused_share=0.01,
    ),
    PastPlan(
        key="afternoon",
        name=Localised(en="A quiet afternoon", zh="午后时光"),
        merchant=1,
        first_days_ago=8,
        last_days_ago=1,
        title=Localised(en="%(amount)s off", zh="立减 %(amount)s"),
        text=Localised(en="From one bill, today.", zh="单笔可用，今日有效。"),
        euros=3,
        caused_share=0.16,
        bill_euros=16,
        funding=((PartyKind.MERCHANT, 500), (PartyKind.PROPERTY, 300), (PartyKind.PLATFORM, 200)),
    ),
)
