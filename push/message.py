"""What a member is told: an offer or a one-time code, rendered in the member's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from push.consent import Channel
from push.identifiers import CampaignId, DeliveryId, MemberId, OfferId, StoreId
from push.offer import OfferContent
from push.rule import TriggerKind
from push.wording import Language, Localised, both


class MessagePurpose(StrEnum):
    """Marketing goes out at most once; service messages and codes at least once."""

    MARKETING = "marketing"
    SERVICE = "service"
    CODE = "code"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one address by one channel. Its id is the dedupe key that a provider gets.

    address is what the channel sends to: a telephone number, a URL, the member's id for the inbox; keys are
    what goes with it, such as a browser's public key. Neither address nor body ever belongs in a log.
    """

    id: DeliveryId
    channel: Channel
    purpose: MessagePurpose
    address: str = field(repr=False)
    language: Language
    title: str
    body: str = field(repr=False)
    why: str = ""
    at: datetime
    expires_at: datetime | None = None
    member_id: MemberId | None = None
    offer_id: OfferId | None = None
    campaign_id: CampaignId | None = None
    store_id: StoreId | None = None
    code: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    link: str = field(default="", repr=False)
    """Where the message leads, for this member alone; empty where the installation has no address of its own."""
    stop_link: str = field(default="", repr=False)
    """Where one press ends such messages."""
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What the offer's words were filled with, by the placeholder's name: for templates that are on file elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """What made an offer: the answer to "why did I get this?"."""

    trigger: TriggerKind
    store_name: Localised
    distance_m: float | None = None
    dwell: timedelta = timedelta(0)

    def text(self) -> Localised:
        """The answer in both languages, with rounded figures."""
        zh = _why_zh(self.trigger, self.store_name.read(Language.ZH)[1], self)
        en = _why_en(self.trigger, self.store_name.read(Language.EN)[1], self)
        return both(zh=zh, en=en)


# {} is the name of the store.
_OCCASIONS: Mapping[TriggerKind, Localised] = MappingProxyType(
    {
        TriggerKind.ENTER: both(zh="您刚走到「{}」附近", en="You have just come near {}"),
        TriggerKind.EXIT: both(zh="您刚离开「{}」附近", en="You have just left the surroundings of {}"),
        TriggerKind.WIFI_JOIN: both(
            zh="您刚连接商圈 Wi-Fi，「{}」有优惠", en="You have just joined the Wi-Fi, and {} has an offer"
        ),
        TriggerKind.STORE_VISIT: both(zh="您刚到过「{}」", en="You have just visited {}"),
        TriggerKind.SCHEDULE: both(zh="「{}」按计划向会员发送", en="{} sends this to members at this time"),
        TriggerKind.PURCHASE: both(zh="您刚在「{}」消费", en="You have just bought something at {}"),
        TriggerKind.BIRTHDAY: both(zh="「{}」祝您生日快乐", en="{} wishes you a happy birthday"),
        TriggerKind.VISITS: both(zh="您多次到访「{}」", en="You have visited {} several times"),
        TriggerKind.LAPSED: both(zh="您已有一段时间没来「{}」", en="You have not been to {} for a while"),
    }
)


def _why_zh(trigger: TriggerKind, store: str, why: Why) -> str:
    away = "" if why.distance_m is None else f"，相距约 {_rounded_m(why.distance_m)} 米"
    if trigger is TriggerKind.DWELL:
        return f"您已在「{store}」附近停留约 {_minutes(why.dwell)} 分钟{away}。"
    return f"{_occasion(trigger, Language.ZH, store)}{away}。"


def _why_en(trigger: TriggerKind, store: str, why: Why) -> str:
    away = "" if why.distance_m is None else f", about {_rounded_m(why.distance_m)} m away"
    if trigger is TriggerKind.DWELL:
        minutes = _minutes(why.dwell)
        return (
            f"You have been near {store} for about {minutes} {'minute' if minutes == 1 else 'minutes'}{away}."
        )
    return f"{_occasion(trigger, Language.EN, store)}{away}."


def _occasion(trigger: TriggerKind, language: Language, store: str) -> str:
    return (_OCCASIONS[trigger].given(language) or "").replace("{}", store)


def _rounded_m(distance_m: float) -> int:
    """Tens of metres, as positions are no better than that."""
    return max(10, round(distance_m / 10) * 10)


def _minutes(dwell: timedelta) -> int:
    return max(1, round(dwell / timedelta(minutes=1)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The words of an offer in one language."""

    language: Language
    title: str
    body: str
    why: str


def render(
    offer: OfferContent, why: Localised, *, preferred: Language | None, fallback: Language
) -> Rendered:
    """The offer in the member's language, else the district's, else the one its author wrote.

    Title and text may fall back separately; the language named is the title's.
    """
    order = (preferred or fallback, fallback)
    language, title = offer.title.read(*order)
    _, body = offer.text.read(language, *order)
    return Rendered(language=language, title=title, body=body, why=why.read(language)[1])


_CODE_TITLE = both(zh="登录验证码", en="Your sign-in code")


def one_time_code_text(code: str, *, minutes: int, language: Language) -> tuple[str, str]:
    """Title and body of a message that carries a one-time code."""
    body = both(
        zh=f"验证码：{code}，{minutes} 分钟内有效。请勿告诉他人。",
        en=f"Your code is {code}. It is valid for {minutes} minutes. Tell it to nobody.",
    )
    return _CODE_TITLE.read(language)[1], body.read(language)[1]
