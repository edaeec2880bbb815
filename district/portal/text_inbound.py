"""A text message that a provider hands on: signed, taken once, and read as a sign-in or as an end of messages."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import pydantic
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth import code_policy, limits
from district.auth.limits import Limit
from district.clock import Clock
from district.deliveries import replies
from district.districts.service import DistrictInfo
from district.members import consents, contacts, text_words
from district.members import service as members
from district.members.text_words import Meaning, Said
from district.portal import text_providers, texting
from district.portal.models import SmsJoin, SmsMessage, SmsProvider
from district.portal.text_schemas import InboundText
from district.problems import Conflict, Invalid, NotAuthenticated, TooMany
from push.channels import signing
from push.channels.signing import SignatureRefused

MOST_BYTES = 16 * 1024
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_NUMBER_HOUR, PER_NUMBER_DAY = 5, 20
"""Sign-ins, as for codes."""
WRONG_PER_NUMBER_HOUR = 10
"""Codes that nobody waits for; afterwards a number's codes are not looked at. With false senders somebody has
39 bits to guess, of codes that live ten minutes."""


class Outcome(StrEnum):
    """What became of a message; the provider reads it in our answer."""

    JOINED = "joined"
    ALREADY_JOINED = "already_joined"
    UNKNOWN_CODE = "unknown_code"
    UNUSABLE_NUMBER = "unusable_number"
    """Of a kind or country from which no sign-in is taken."""
    LIMITED = "limited"
    STOPPED = "stopped"
    """Marketing is off for whoever has this number, if anybody does."""
    IGNORED = "ignored"


class BadSignature(NotAuthenticated):
    """A message that its provider did not sign, or not now."""

    slug, title = "sms-signature", "The message is not signed by its provider"


class MessageReused(Conflict):
    """An id under which another message came before."""

    slug, title = "sms-message-reused", "Another message came under this id"


def take(
    session: Session,
    district: DistrictInfo,
    provider: SmsProvider,
    *,
    headers: Mapping[str, str],
    body: bytes,
    clock: Clock,
) -> Outcome:
    """Take a message once; the same one again gets the same answer.

    Raises: BadSignature, MessageReused; Invalid for a body that is no message.
    """
    secrets = text_providers.secrets_of(provider, clock=clock)
    try:
        message_id = signing.verify(headers, body, secrets=secrets, now=clock.machine_now())
    except SignatureRefused as error:
        raise BadSignature(str(error)) from None
    message = _read(body)
    taken = _first(session, provider, message_id, body, clock=clock)
    if taken is not None:
        return taken
    outcome = _carry_out(session, district, provider, message, message_id=message_id, clock=clock)
    row = session.get_one(SmsMessage, (district.id, provider.id, message_id))
    row.outcome = outcome
    session.flush()
    return outcome


def _read(body: bytes) -> InboundText:
    try:
        return InboundText.model_validate_json(body)
    except pydantic.ValidationError as error:
        places = [
            {"pointer": "/" + "/".join(map(str, one["loc"])), "detail": one["msg"]}
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid('Send {"from": "+358…", "text": "…"} as JSON.', errors=places) from None


def _first(
    session: Session, provider: SmsProvider, message_id: str, body: bytes, *, clock: Clock
) -> Outcome | None:
    """None for a new message; what became of one that came before. Of two at once the later waits."""
    digest = hashlib.sha256(body).digest()
    statement = insert(SmsMessage).values(
        district_id=provider.district_id,
        provider_id=provider.id,
        message_id=message_id,
        body_hash=digest,
        received_at=clock.machine_now(),
    )
    made = session.execute(statement.on_conflict_do_nothing().returning(SmsMessage.message_id)).first()
    if made is not None:
        return None
    before = session.get_one(SmsMessage, (provider.district_id, provider.id, message_id))
    if before.body_hash != digest:
        raise MessageReused("Give each message an id of its own.")
    return Outcome(before.outcome)


def _carry_out(
    session: Session,
    district: DistrictInfo,
    provider: SmsProvider,
    message: InboundText,
    *,
    message_id: str,
    clock: Clock,
) -> Outcome:
    said = text_words.read(message.text)
    match said.meaning:
        case Meaning.STOP:
            _stop(session, district, provider, message.sender, message_id=message_id, clock=clock)
            return Outcome.STOPPED
        case Meaning.JOIN:
            return _join(session, district, provider, said, message.sender, clock=clock)
    return Outcome.IGNORED


def _stop(
    session: Session,
    district: DistrictInfo,
    provider: SmsProvider,
    sender: str,
    *,
    message_id: str,
    clock: Clock,
) -> None:
    """Whoever has this number gets no marketing any more, by any channel; the word is kept as proof, and answered by one
    text.
    """
    number = contacts.number_of(sender, country=district.country)
    if not number:
        return
    contact = contacts.Contact(kind=contacts.ContactKind.PHONE, value=number)
    member = members.by_contact(session, district, contact)
    if member is None:
        return
    has_changed = consents.stop_messages(
        session,
        district,
        member,
        action="keyword",
        source=f"sms:{provider.slug}",
        at=clock.now(),
        evidence=members.Evidence(proof=f"sms:{message_id}"),
    )
    if has_changed:
        replies.confirm(session, district, member, clock=clock)


def _join(
    session: Session, district: DistrictInfo, provider: SmsProvider, said: Said, sender: str, *, clock: Clock
) -> Outcome:
    number = contacts.number_of(sender, country=district.country)
    wrong = Limit(
        subject=f"join-wrong:{_keyed(district, number or sender)}", period=HOUR, most=WRONG_PER_NUMBER_HOUR
    )
    if limits.is_spent(session, district.id, wrong, clock=clock):
        return Outcome.LIMITED
    code = text_words.code_of(said)
    row = texting.waiting_with(session, provider, code, clock=clock) if code else None
    if row is None or not text_words.has_keyword(said, row.keyword):
        return _wrong(session, district, wrong, clock=clock)
    if row.proven_at is not None:
        return Outcome.ALREADY_JOINED if row.phone == number else Outcome.UNKNOWN_CODE
    return _prove(session, district, row, sender, clock=clock)


def _prove(session: Session, district: DistrictInfo, row: SmsJoin, sender: str, *, clock: Clock) -> Outcome:
    try:
        contact = contacts.phone(sender, country=district.country)
        policy = code_policy.of(session, district)
        code_policy.check_country(district, policy, contact.value)
        for name, period, most in (("hour", HOUR, PER_NUMBER_HOUR), ("day", DAY, PER_NUMBER_DAY)):
            limit = Limit(subject=f"join-{name}:{_keyed(district, contact.value)}", period=period, most=most)
            limits.take(session, district.id, limit, clock=clock)
    except Invalid:
        row.refusal = Outcome.UNUSABLE_NUMBER
        return Outcome.UNUSABLE_NUMBER
    except TooMany:
        row.refusal = Outcome.LIMITED
        return Outcome.LIMITED
    row.phone, row.proven_at, row.refusal = contact.value, clock.machine_now(), ""
    session.flush()
    return Outcome.JOINED


def _wrong(session: Session, district: DistrictInfo, limit: Limit, *, clock: Clock) -> Outcome:
    """A code that nobody waits for is counted."""
    try:
        limits.take(session, district.id, limit, clock=clock)
    except TooMany:
        return Outcome.LIMITED
    return Outcome.UNKNOWN_CODE


def _keyed(district: DistrictInfo, number: str) -> str:
    return hmac.digest(district.alias_key, b"sms:" + number.encode("utf-8", "replace"), "sha256").hex()
