"""Signing in: a gateway's redirect and a person's choice become a member, consents and access."""

import hashlib
import uuid
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from district.auth import codes
from district.auth import service as auth
from district.auth.models import Role
from district.auth.service import IssuedToken
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import bans
from district.gateways import service as gateways
from district.gateways import sessions as sessions_of_wifi
from district.gateways.dialect import Arrival, BadRedirect
from district.gateways.models import Gateway
from district.members import proof
from district.members import service as members
from district.members.models import Member
from district.members.texts import ASKED
from district.portal import access, identities, incentives, joins, notices, texting, two_places, visits
from district.portal.choice import Choice as Choice  # noqa: PLC0414 callers ask one module about sign-ins
from district.portal.choice import SignedIn as SignedIn  # noqa: PLC0414
from district.portal.code_sending import compare_code as compare_code  # noqa: PLC0414
from district.portal.code_sending import proved as proved  # noqa: PLC0414
from district.portal.code_sending import send_code as send_code  # noqa: PLC0414
from district.portal.code_sending import verify as verify  # noqa: PLC0414
from district.portal.granting import confirm as confirm  # noqa: PLC0414
from district.portal.granting import enqueue as enqueue  # noqa: PLC0414
from district.portal.granting import login_of as login_of  # noqa: PLC0414
from district.problems import Invalid
from district.vouchers import service as vouchers
from push.consent import Purpose

PRESSED_AGAIN_WITHIN = timedelta(minutes=2)
"""How long the same form is given its answer again; machine time."""
FORM_TOKEN_CHARACTERS = range(20, 65)


class NameNeeded(Invalid):
    """A sign-in that names nobody, where the law asks for names."""

    slug, title = "name-needed", "Say who you are first"


def arrive(gateway: Gateway, raw_query: bytes, *, clock: Clock, portal_url: str = "") -> Arrival:
    """Who stands before the sign-in page at ``portal_url``. Raises: BadRedirect, GatewayNotice."""
    dialect = gateways.DIALECTS[gateway.vendor]
    info = gateways.info_of(gateway, portal_url=portal_url)
    return dialect.identify(info, raw_query, machine_now=clock.machine_now())


def met(
    session: Session,
    district: DistrictInfo,
    arrival: Arrival,
    *,
    known: uuid.UUID | None,
    clock: Clock,
) -> Member | None:
    """The member of the browser's session, else whoever used this device lately."""
    member = members.find(session, district.id, known) if known else None
    return member or members.by_alias(session, district, members.alias_of(district, arrival.mac), clock=clock)


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

    Raises: WrongCode, BadRedirect when code or redirect were used before, by somebody else or long ago;
    WrongVoucher; NameNeeded.
    """
    try:
        if choice.code_id is not None:
            codes.use_up(session, district, choice.code_id, clock=clock)
        if choice.join_id is not None:
            texting.use_up(session, district, choice.join_id, clock=clock)
        if not gateways.take(session, gateway, arrival, clock=clock, form_hash=choice.form_hash):
            raise BadRedirect("The redirect was used before: connect to the Wi-Fi again.")
    except (codes.WrongCode, BadRedirect):
        again = pressed_again(session, district, gateway, arrival, choice, clock=clock)
        if again is None:
            raise
        return again
    alias = members.alias_of(district, arrival.mac)
    found = _who(session, district, gateway, alias, choice, clock=clock)
    bans.check(session, district.id, alias=alias, member_id=found.member.id, now=clock.now())
    _say_of_member(found, choice)
    notices.of_new_device(session, district, found, alias, choice, clock=clock)
    members.see_device(
        session, district, found.member, mac=arrival.mac, clock=clock, is_vouched=arrival.is_signed
    )
    _record_consents(session, district, gateway, arrival, found.member, choice=choice, clock=clock)
    if arrival.is_signed and choice.consents.get(Purpose.LOCATION) and found.member.is_of_age is not False:
        members.count_device_again(session, district, alias)
    opening = sessions_of_wifi.Opening(
        member=found.member,
        method=choice.method,
        plan_id=_plan_id(session, district, gateway, arrival, found.member, choice=choice, clock=clock),
    )
    row = sessions_of_wifi.open_session(session, district, gateway, arrival, opening, clock=clock)
    two_places.at_sign_in(session, row, clock=clock)
    visits.let_in(session, district, gateway, arrival, method=choice.method, is_new=found.is_new, clock=clock)
    used = gateways.use_of(session, gateway, arrival)
    if used is not None:
        used.member_id, used.is_proven = found.member.id, found.is_proven
    session.flush()
    access.note(session, gateway, arrival, choice, row=row, member=found.member)
    joins.tell(session, district, found, row, clock=clock)
    incentives.earn(session, found.member, row, now=clock.now())
    token = _open(session, district, found.member, clock=clock) if found.is_proven else None
    return SignedIn(member=found.member, is_new=found.is_new, token=token, wifi_session=row)


def _who(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    alias: bytes,
    choice: Choice,
    *,
    clock: Clock,
) -> members.Recognition:
    """The member of this sign-in. Where the law asks for names a device is nobody, and whoever is known was verified."""
    if choice.identity is not None:
        return identities.recognise(session, district, choice.identity, choice, clock=clock)
    if gateway.is_real_name and choice.contact is None and not is_named(session, district, choice.known):
        raise NameNeeded(
            "The law asks who goes on line here: sign in with a number, an address or an account.",
            detail_zh="依法需要实名上网，请使用手机号、邮箱或账号登录。",
        )
    found = members.recognise(
        session,
        district,
        alias=alias,
        contact=choice.contact,
        known=choice.known,
        language=choice.language,
        clock=clock,
    )
    if choice.contact is not None:
        proved(session, district, choice.contact)
    elif proof.is_stale(session, found.member, now=clock.now()):
        return replace(found, is_proven=False)
    return found


def is_named(session: Session, district: DistrictInfo, member_id: uuid.UUID | None) -> bool:
    """Whether the member of the browser's session was verified, and not too long ago."""
    member = members.find(session, district.id, member_id) if member_id else None
    return member is not None and member.verified_at is not None


def _say_of_member(found: members.Recognition, choice: Choice) -> None:
    member = found.member
    member.is_demo = member.is_demo or (found.is_new and choice.is_demo)
    if choice.is_of_age is not None:
        member.is_of_age = choice.is_of_age
    if member.is_of_age is False:
        member.is_personalised = False


def _plan_id(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    member: Member,
    *,
    choice: Choice,
    clock: Clock,
) -> uuid.UUID | None:
    """The plan of the access code, which wins, else one that joining brought, else the gateway's. Raises: WrongVoucher."""
    if not choice.voucher:
        return incentives.plan_of(session, member, now=clock.now()) or gateway.plan_id
    plan_id = vouchers.use(session, district, choice.voucher, member.id, clock=clock)
    vouchers.forgive_try(
        session, district, device=device_of(district, arrival), network=choice.network, clock=clock
    )
    return plan_id or gateway.plan_id


def device_of(district: DistrictInfo, arrival: Arrival) -> bytes | None:
    """The pseudonym of a device that its gateway vouches for."""
    return members.alias_of(district, arrival.mac) if arrival.is_signed else None


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


def _record_consents(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    member: Member,
    *,
    choice: Choice,
    clock: Clock,
) -> None:
    said = {Purpose.ACCESS: True, **choice.consents}
    source, evidence = f"portal:{gateway.slug}", _evidence(choice, arrival)
    if member.is_of_age is False:
        # Not asked, whatever the form says: nobody so young can agree to it.
        said = {Purpose.ACCESS: True} | dict.fromkeys(choice.consents, False)
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
                source=source,
                at=clock.now(),
                evidence=evidence,
            )
    members.honour_gpc(session, district, member, source=source, at=clock.now(), evidence=evidence)


def _evidence(choice: Choice, arrival: Arrival) -> members.Evidence:
    """What stands behind what this form said."""
    if choice.code_id is not None:
        proof = f"code:{choice.code_id}"
    elif choice.join_id is not None:
        proof = f"sms:{choice.join_id}"
    elif choice.identity is not None:
        proof = f"oidc:{choice.identity.provider_slug}"
    elif choice.voucher:
        proof = "voucher"
    else:
        proof = "session" if choice.known is not None else "device"
    return members.Evidence(
        proof=proof,
        address=choice.address,
        agent=choice.agent,
        access_point_mac=arrival.access_point_mac,
        sec_gpc=choice.sec_gpc,
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
