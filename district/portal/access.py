"""What the access log is told of a sign-in, in the same transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.accesslog import service as accesslog
from district.accesslog.schemas import normal_address
from district.gateways.dialect import Arrival
from district.gateways.models import Gateway, WifiSession
from district.members.models import Member
from district.portal.choice import Choice
from district.portal.models import MemberIdentity, OidcProvider


def note(
    session: Session,
    gateway: Gateway,
    arrival: Arrival,
    choice: Choice,
    *,
    row: WifiSession,
    member: Member,
) -> None:
    """Write that the session is on. Who it is, and from which outer address, only where the law asks for names."""
    inner = _address(arrival.inner_address)
    outer = _address(choice.address) if gateway.is_real_name else ""
    accesslog.begin(
        session,
        gateway.district_id,
        accesslog.SessionOn(
            session_id=row.id,
            at=row.granted_at,
            member_id=member.id,
            identity=_identity(session, choice, member) if gateway.is_real_name else "",
            method=row.method,
            mac=arrival.mac,
            inner_address=inner,
            outer_address="" if outer == inner else outer,
            nas=gateway.slug,
            access_point_mac=arrival.access_point_mac,
            detail="" if arrival.is_signed else "claim",
        ),
    )


def _address(text: str) -> str:
    try:
        return normal_address(text) if text else ""
    except ValueError:
        return ""


def _identity(session: Session, choice: Choice, member: Member) -> str:
    """What was verified: the contact, else the account at a provider."""
    if member.phone or member.email:
        return member.phone or member.email or ""
    if choice.identity is not None:
        return f"{choice.identity.provider_slug}:{choice.identity.subject}"
    found = session.execute(
        select(OidcProvider.slug, MemberIdentity.subject)
        .join(
            MemberIdentity,
            (MemberIdentity.district_id == OidcProvider.district_id)
            & (MemberIdentity.provider_id == OidcProvider.id),
        )
        .where(MemberIdentity.district_id == member.district_id, MemberIdentity.member_id == member.id)
        .order_by(MemberIdentity.created_at.desc())
        .limit(1)
    ).one_or_none()
    return f"{found[0]}:{found[1]}" if found else ""
