"""What a member agreed to, and whether a channel may therefore be used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """What a consent is for; each is asked for, given and withdrawn by itself."""

    ACCESS = "access"
    MARKETING = "marketing"
    LOCATION = "location"
    THIRD_PARTY = "third_party"


class Channel(StrEnum):
    """How a message reaches a member."""

    INBOX = "inbox"
    WEB_PUSH = "web_push"
    APP = "app"
    """An app of the district's on the member's telephone, by Apple's or Google's push service."""
    WECHAT = "wechat"
    """The WeChat official account that the member follows."""
    MINI_PROGRAM = "mini_program"
    """A WeChat mini-program: one message for each time that the member allowed one."""
    WECOM = "wecom"
    """A member of staff's WeCom account that the member added."""
    ALIPAY = "alipay"
    """The Alipay life account that the member follows."""
    SMS = "sms"
    EMAIL = "email"
    WEBHOOK = "webhook"


# Only the in-page inbox is read when its reader chooses to; everything else may ring a telephone.
RINGING = frozenset(Channel) - {Channel.INBOX}

# A webhook hands the member's name for this district to somebody else's machine.
_THIRD_PARTY = frozenset({Channel.WEBHOOK})


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentRecord:
    """One decision of a member; channel None speaks for every channel."""

    purpose: Purpose
    channel: Channel | None = None
    granted: bool
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Consents:
    """What holds now, out of an append-only history: the newest word per purpose and channel."""

    newest: tuple[ConsentRecord, ...] = ()

    @classmethod
    def after(cls, records: Iterable[ConsentRecord]) -> "Consents":
        """The state after these records, given in any order; of two at one moment the withdrawal holds."""
        newest: dict[tuple[Purpose, Channel | None], ConsentRecord] = {}
        for record in records:
            key = (record.purpose, record.channel)
            if key not in newest or _weight(record) > _weight(newest[key]):
                newest[key] = record
        return cls(newest=tuple(newest.values()))

    def holds(self, purpose: Purpose, channel: Channel | None = None) -> bool:
        """Whether the newest word on this purpose, for this channel or for all, is a grant.

        With channel None: whether it was granted for all channels.
        """
        spoken = [
            record
            for record in self.newest
            if record.purpose is purpose and record.channel in {None, channel}
        ]
        return bool(spoken) and max(spoken, key=_weight).granted


NO_CONSENT = Consents()


def _weight(record: ConsentRecord) -> tuple[datetime, bool]:
    return record.at, not record.granted


def may_contact(consents: Consents, channel: Channel, *, by_location: bool) -> bool:
    """Whether a marketing message may go out by this channel.

    by_location says that where the member is chose the message: that is a consent of its own. An inbox
    is a channel like any other: an advertisement in it is direct marketing (CJEU C-102/20).
    """
    return (
        consents.holds(Purpose.MARKETING, channel)
        and (not by_location or consents.holds(Purpose.LOCATION))
        and (channel not in _THIRD_PARTY or consents.holds(Purpose.THIRD_PARTY))
    )
