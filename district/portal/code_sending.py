"""One-time codes of the portal: sent within the limits of whoever asks, compared, and left to be used up."""

import uuid

from sqlalchemy.orm import Session, sessionmaker

from district.auth import codes
from district.channels.proven import revive
from district.channels.standing import has_provider
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.dialect import Arrival
from district.gateways.models import Gateway
from district.members import service as members
from district.members.contacts import Contact, ContactKind
from district.outbox import service as outbox
from district.portal import visits
from district.problems import Unavailable
from push.consent import Channel
from push.message import MessagePurpose


def channel_of(contact: Contact) -> Channel:
    """By which channel a contact is reached."""
    return Channel.SMS if contact.kind is ContactKind.PHONE else Channel.EMAIL


def proved(session: Session, district: DistrictInfo, contact: Contact) -> None:
    """A code that was sent there came back: an address that was held to be gone is used again."""
    revive(session, district.id, channel_of(contact), contact.value)


def send_code(
    session: Session,
    district: DistrictInfo,
    contact: Contact,
    *,
    network: str,
    clock: Clock,
    language: str,
    is_shown: bool,
    arrival: Arrival | None = None,
    gateway: Gateway | None = None,
    is_bound: bool = True,
) -> str:
    """Send a one-time code; the ticket stays with the page that asked, and without one the code works for programs.

    ``is_shown``: the installation shows codes to its operator, so it can do without a provider.

    A device that its gateway vouches for is limited by itself, any other caller by the network.

    Raises: TooMany; Unavailable when no provider is set up; Invalid for a country that no codes are sent to.
    """
    channel = channel_of(contact)
    if not is_shown and not has_provider(session, district.id, channel):
        raise Unavailable(
            "No provider sends codes here yet; choose another way to sign in.",
            retry_after_s=3600,
            detail_zh="这里尚未开通验证码发送，请换一种方式登录。",
        )
    device, most = None, codes.PER_NETWORK_HOUR
    if arrival is not None:
        device = members.alias_of(district, arrival.mac) if arrival.is_signed else None
        most = codes.PER_SHARED_NETWORK_HOUR if arrival.is_signed else codes.PER_CLAIMED_NETWORK_HOUR
    made = codes.make(
        session,
        district,
        target=contact.value,
        channel=channel,
        network=network,
        clock=clock,
        device=device,
        per_network_hour=most,
        is_bound=is_bound,
    )
    if arrival is not None and gateway is not None:
        visits.code_sent(session, district, gateway, arrival, cost=made.cost, clock=clock)
    now = clock.now()
    outbox.enqueue(
        session,
        district.id,
        outbox.NewMessage(
            channel=channel,
            purpose=MessagePurpose.CODE,
            payload={
                "to": contact.value,
                "code": made.code,
                "expires_at": made.expires_at.isoformat(),
                "language": language,
            },
            due_at=now,
            send_before=now + codes.LIFE,
        ),
        machine_now=clock.machine_now(),
    )
    return made.ticket


def verify(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    contact: Contact,
    *,
    code: str,
    ticket: str | None,
    clock: Clock,
) -> None:
    """Raises: WrongCode."""
    codes.check(sessions, district, target=contact.value, code=code, ticket=ticket, clock=clock)


def compare_code(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    contact: Contact,
    *,
    code: str,
    ticket: str,
    clock: Clock,
) -> uuid.UUID:
    """The right code, for ``sign_in`` to use up. Raises: WrongCode."""
    return codes.compare(sessions, district, target=contact.value, code=code, ticket=ticket, clock=clock)
