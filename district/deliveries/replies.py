"""Texts that people send to a district's numbers: a word that ends messages is carried out and confirmed once."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from district.channels.kinds.kind import Heard
from district.channels.models import ChannelProvider
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members import consents, contacts, text_words
from district.members import service as members
from district.members.models import Member
from district.members.text_words import Meaning
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.message import MessagePurpose

CONFIRMED_WITHIN = timedelta(hours=1)
_CONFIRMATION = {
    "zh": "{}：已退订，您不会再收到我们的营销短信。",
    "en": "{}: you are unsubscribed and will get no more offers from us.",
}


def hear(
    session: Session,
    district: DistrictInfo,
    provider: ChannelProvider,
    heard: Sequence[Heard],
    *,
    clock: Clock,
) -> int:
    """Carry out the words that end messages; how many changed something. Everything else is left unread."""
    return sum(_hear(session, district, provider, one, clock=clock) for one in heard)


def confirm(session: Session, district: DistrictInfo, member: Member, *, clock: Clock) -> None:
    """Tell a member by text that messages have ended, where the district has a way to."""
    can_send = exists().where(
        ChannelProvider.district_id == district.id,
        ChannelProvider.channel == Channel.SMS,
        ChannelProvider.is_on,
    )
    if not session.scalar(select(can_send)):
        return
    words = {name: text.format(district.name) for name, text in _CONFIRMATION.items()}
    message = NewMessage(
        channel=Channel.SMS,
        purpose=MessagePurpose.SERVICE,
        member_id=member.id,
        payload={"title": words, "body": words},
        due_at=clock.now(),
        send_before=clock.now() + CONFIRMED_WITHIN,
    )
    outbox.enqueue(session, district.id, message, machine_now=clock.machine_now())


def _hear(
    session: Session, district: DistrictInfo, provider: ChannelProvider, heard: Heard, *, clock: Clock
) -> bool:
    if text_words.read(heard.text).meaning is not Meaning.STOP:
        return False
    member = _member(session, district, heard.sender)
    if member is None:
        return False
    has_changed = consents.stop_messages(
        session,
        district,
        member,
        action="keyword",
        source=f"sms:{provider.slug}",
        at=clock.now(),
        evidence=members.Evidence(proof=f"sms:{heard.key[:200]}"),
    )
    if has_changed:
        confirm(session, district, member, clock=clock)
    return has_changed


def _member(session: Session, district: DistrictInfo, sender: str) -> Member | None:
    """Whose number it is; gateways leave out the plus of an international one."""
    written = [sender, f"+{sender}"] if sender.isdecimal() else [sender]
    numbers = [contacts.number_of(one, country=district.country) for one in written]
    found = (
        members.by_contact(session, district, contacts.Contact(kind=contacts.ContactKind.PHONE, value=one))
        for one in numbers
        if one
    )
    return next((member for member in found if member is not None), None)
