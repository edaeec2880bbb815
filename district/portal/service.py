"""Signing in: a gateway's redirect and a person's choice become a member, consents and access."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from district.auth import codes
from district.auth import service as auth
from district.auth.models import Role
from district.auth.service import IssuedToken
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import plans
from district.gateways import service as gateways
from district.gateways import sessions as sessions_of_wifi
from district.gateways.dialect import Arrival, BadRedirect, Confirmation, Login, Queue
from district.gateways.models import Gateway, QueuedGrant, WifiSession
from district.members import service as members
from district.members.contacts import Contact, ContactKind
from district.members.models import Member
from district.members.texts import ASKED
from district.outbox import service as outbox
from district.problems import Unavailable
from district.radius import tokens
from push.consent import Channel, Purpose
from push.message import MessagePurpose

PRESSED_AGAIN_WITHIN = timedelta(minutes=2)
"""How long the same form is given its answer again; machine time."""
FORM_TOKEN_CHARACTERS = range(20, 65)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A login that was granted."""

    member: Member
    is_new: bool
    token: IssuedToken | None
    """None when only a device was recognised: it opens the Wi-Fi, not the member's page."""
    wifi_session: WifiSession | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the person said on the sign-in page."""

    language: str
    consents: Mapping[Purpose, bool]
    """Empty when the page did not ask, because an earlier answer stands."""
    contact: Contact | None = None
    """Verified by a code."""
    code_id: uuid.UUID | None = None
    """The compared code, used up in the one commit that lets the person in."""
    form_hash: bytes | None = None
    """Which form was sent (``hash_of_form``); None when the sender did not say."""
    known: uuid.UUID | None = None
    """The member of the browser's session."""
    is_demo: bool = False


def arrive(gateway: Gateway, raw_query: bytes, *, clock: Clock, portal_url: str = "") -> Arrival:
    """Who stands before the sign-in page at ``portal_url``. Raises: BadRedirect, GatewayNotice."""
    dialect = gateways.DIALECTS[gateway.vendor]
    info = gateways.info_of(gateway, portal_url=portal_url)
    return dialect.identify(info, raw_query, machine_now=clock.machine_now())


def met_before(session: Session, district: DistrictInfo, arrival: Arrival, *, clock: Clock) -> bool:
    """Whether a member used this device lately."""
    alias = members.alias_of(district, arrival.mac)
    return members.by_alias(session, district, alias, clock=clock) is not None


def send_code(
    session: Session,
    district: DistrictInfo,
    contact: Contact,
    *,
    network: str,
    clock: Clock,
    is_possible: bool,
    arrival: Arrival | None = None,
    is_bound: bool = True,
) -> str:
    """Send a one-time code; the ticket stays with the page that asked, and without one the code works for programs.

    A device that its gateway vouches for is limited by itself, any other caller by the network.

    Raises: TooMany, Unavailable when no provider is set up.
    """
    if not is_possible:
        raise Unavailable(
            "No provider sends codes here yet; choose another way to sign in.",
            retry_after_s=3600,
            detail_zh="这里尚未开通验证码发送，请换一种方式登录。",
        )
    channel = Channel.SMS if contact.kind is ContactKind.PHONE else Channel.EMAIL
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
    now = clock.now()
    outbox.enqueue(
        session,
        district.id,
        outbox.NewMessage(
            channel=channel,
            purpose=MessagePurpose.CODE,
            payload={"to": contact.value, "code": made.code, "expires_at": made.expires_at.isoformat()},
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


def hash_of_form(token: str, *fields: str) -> bytes | None:
    """What tells one form of one page from every other: the page's secret token and what the form is about."""
    if len(token) not in FORM_TOKEN_CHARACTERS:
        return None
    return hashlib.sha256("\0".join((token, *fields)).encode()).digest()


def sign_in(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    choice: Choice,
    *,
    clock: Clock,
) -> SignedIn:
    """Register or recognise the member, record what was agreed to, use the code and the redirect up.

    The same form pressed twice, even at once, gets the same answer: the later press waits for the earlier.

    Raises: WrongCode, BadRedirect when code or redirect were used before, by somebody else or long ago.
    """
    try:
        if choice.code_id is not None:
            codes.use_up(session, district, choice.code_id, clock=clock)
        if not gateways.take(session, gateway, arrival, clock=clock, form_hash=choice.form_hash):
            raise BadRedirect("The redirect was used before: connect to the Wi-Fi again.")
    except (codes.WrongCode, BadRedirect):
        again = pressed_again(session, district, gateway, arrival, choice, clock=clock)
        if again is None:
            raise
        return again
    alias = members.alias_of(district, arrival.mac)
    found = members.recognise(
        session,
        district,
        alias=alias,
        contact=choice.contact,
        known=choice.known,
        language=choice.language,
        clock=clock,
    )
    found.member.is_demo = found.member.is_demo or (found.is_new and choice.is_demo)
    members.see_device(
        session, district, found.member, mac=arrival.mac, clock=clock, is_vouched=arrival.is_signed
    )
    _record_consents(session, district, gateway, found.member, choice, clock=clock)
    if arrival.is_signed and choice.consents.get(Purpose.LOCATION):
        members.count_device_again(session, district, alias)
    opening = sessions_of_wifi.Opening(
        member=found.member,
        method=choice.contact.kind if choice.contact else "click",
        plan_id=gateway.plan_id,
    )
    row = sessions_of_wifi.open_session(session, district, gateway, arrival, opening, clock=clock)
    used = gateways.use_of(session, gateway, arrival)
    if used is not None:
        used.member_id, used.is_proven = found.member.id, found.is_proven
    session.flush()
    token = _open(session, district, found.member, clock=clock) if found.is_proven else None
    return SignedIn(member=found.member, is_new=found.is_new, token=token, wifi_session=row)


def pressed_again(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    choice: Choice,
    *,
    clock: Clock,
) -> SignedIn | None:
    """The answer that the same form, or the member's own browser, was given before; None for anybody else."""
    used = gateways.use_of(session, gateway, arrival)
    if used is None or used.member_id is None:
        return None
    is_same_form = (
        choice.form_hash is not None
        and choice.form_hash == used.form_hash
        and clock.machine_now() - used.used_at < PRESSED_AGAIN_WITHIN
    )
    if not is_same_form and choice.known != used.member_id:
        return None
    member = members.find(session, district.id, used.member_id)
    if member is None:
        return None
    # A browser that presses again throws the first answer away, and its session with it.
    token = _open(session, district, member, clock=clock) if is_same_form and used.is_proven else None
    row = sessions_of_wifi.newest(session, gateway, members.alias_of(district, arrival.mac), member.id)
    return SignedIn(member=member, is_new=False, token=token, wifi_session=row)


def login_of(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    done: SignedIn,
    *,
    landing_url: str,
    clock: Clock,
) -> Login:
    """What the gateway needs to let the person in. Raises: BadRedirect when the login is gone."""
    row = done.wifi_session
    if row is None:
        raise BadRedirect("The redirect was used before: connect to the Wi-Fi again.")
    username = password = ""
    if gateways.DIALECTS[gateway.vendor].needs_login:
        username, password = tokens.issue(session, district, gateway, arrival, row, clock=clock)
    return Login(
        session_id=row.id,
        username=username,
        password=password,
        plan=plans.plan_of(session, district.id, row.plan_id),
        landing_url=landing_url,
    )


def enqueue(session: Session, gateway: Gateway, step: Queue, login: Login, *, clock: Clock) -> None:
    """Leave a grant for its gateway to fetch; the same login twice is one, a later login of the device replaces it."""
    values = {
        "district_id": gateway.district_id,
        "gateway_id": gateway.id,
        "token": step.token,
        "wifi_session_id": login.session_id,
        "entry": step.entry,
        "router": step.router,
        "created_at": clock.machine_now(),
        "sent_at": None,
        "acknowledged_at": None,
    }
    statement = insert(QueuedGrant).values(values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[QueuedGrant.district_id, QueuedGrant.gateway_id, QueuedGrant.token],
            set_=values,
            where=QueuedGrant.wifi_session_id != statement.excluded.wifi_session_id,
        )
    )


def confirm(session: Session, district: DistrictInfo, login: Login, *, clock: Clock) -> None:
    """The vendor's server let the device in: it is real."""
    row = session.get(WifiSession, (district.id, login.session_id))
    if row is not None:
        sessions_of_wifi.confirm(session, district, row, Confirmation.CONTROLLER, clock=clock)


def _record_consents(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    member: Member,
    choice: Choice,
    *,
    clock: Clock,
) -> None:
    said = {Purpose.ACCESS: True, **choice.consents}
    for purpose, channel in ASKED:
        if purpose in said:
            members.decide(
                session,
                district,
                member,
                purpose=purpose,
                channel=channel,
                granted=said[purpose],
                language=choice.language,
                action="button" if purpose is Purpose.ACCESS else "box",
                source=f"portal:{gateway.slug}",
                at=clock.now(),
            )


def _open(session: Session, district: DistrictInfo, member: Member, *, clock: Clock) -> IssuedToken:
    return auth.open_session(
        session,
        role=Role.SHOPPER,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=member.id,
        clock=clock,
    )
