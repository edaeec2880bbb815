"""Members' own names and passwords for 802.1X: made, shown to the member alone, revoked."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.gateways import sessions
from district.gateways.models import WifiSession
from district.members.models import Member, MemberState
from district.problems import Conflict, NotFound, TooMany, Unavailable
from district.radius.models import (
    RadiusAuthority,
    RadiusCredential,
    RadiusProfileDelivery,
    RadiusSession,
)

MOST_AT_ONCE = 3
"""Names that work at once: one opens all devices that a profile is installed on."""
MOST_A_DAY = 10
A_DAY = timedelta(days=1)
METHOD = "802.1x"
REVOKED = "credential_revoked"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Easily told apart, for some devices want the password typed."""
_PASSWORD_LETTERS = 28
"""log2(31) × 28 = 138 bits."""
_NAME_BYTES = 8
_METHOD_OF_VOUCHERS = "voucher"


class Form(StrEnum):
    """How a credential leaves the portal."""

    APPLE = "apple"
    PASSPOINT = "passpoint"
    READ = "read"
    """Shown on the page, to be typed in."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What devices must know of the district's 802.1X."""

    realm: str
    server_name: str
    ssid: str
    certificate: str
    """The authority's, PEM."""

    @property
    def outer_name(self) -> str:
        """The name outside the tunnel: the same for everybody."""
        return f"anonymous@{self.realm}"


def network_of(session: Session, district_id: uuid.UUID) -> Network | None:
    """None until an operator has rendered FreeRADIUS's configuration."""
    row = session.get(RadiusAuthority, district_id)
    if row is None:
        return None
    return Network(realm=row.realm, server_name=row.server_name, ssid=row.ssid, certificate=row.certificate)


def issue(
    session: Session, district: DistrictInfo, member: Member, *, life: timedelta, clock: Clock
) -> RadiusCredential:
    """A new name and password of a member.

    Raises: Unavailable where 802.1X is not set up, Conflict with ``MOST_AT_ONCE`` that work, TooMany after
    ``MOST_A_DAY`` in a day, NotFound for a member who has left.
    """
    network = network_of(session, district.id)
    if network is None:
        raise Unavailable("This district has not set up Wi-Fi without the sign-in page.")
    now = clock.machine_now()
    _lock(session, district.id, member.id)
    _refuse_too_many(session, district.id, member.id, now=now)
    row = RadiusCredential(
        district_id=district.id,
        username=f"m{secrets.token_hex(_NAME_BYTES)}@{network.realm}",
        password="".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD_LETTERS)),
        member_id=member.id,
        plan_id=_plan_of(session, district.id, member.id),
        created_at=now,
        expires_at=now + life,
    )
    session.add(row)
    session.flush()
    return row


def _lock(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Two presses at once are one after the other. Raises: NotFound."""
    member = select(Member.state).where(Member.district_id == district_id, Member.id == member_id)
    if session.scalar(member.with_for_update()) != MemberState.ACTIVE:
        raise NotFound("No such member.")


def _refuse_too_many(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, now: datetime
) -> None:
    if len(live(session, district_id, member_id, now=now)) >= MOST_AT_ONCE:
        raise Conflict(
            f"You have {MOST_AT_ONCE} access profiles already: remove one first.",
            detail_zh=f"您已有 {MOST_AT_ONCE} 个免认证配置，请先删除一个。",
        )
    of_today = select(func.count()).where(
        RadiusCredential.district_id == district_id,
        RadiusCredential.member_id == member_id,
        RadiusCredential.created_at > now - A_DAY,
    )
    if (session.scalar(of_today) or 0) >= MOST_A_DAY:
        raise TooMany(
            "Too many new access profiles today: try again tomorrow.",
            retry_after_s=int(A_DAY.total_seconds()),
            detail_zh="今日新建的免认证配置过多，请明天再试。",
        )
    session.execute(  # what has been over for a day says nothing any more
        delete(RadiusCredential).where(
            RadiusCredential.district_id == district_id,
            RadiusCredential.member_id == member_id,
            RadiusCredential.created_at < now - A_DAY,
            func.least(RadiusCredential.expires_at, RadiusCredential.revoked_at) < now - A_DAY,
        )
    )


def _plan_of(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> uuid.UUID | None:
    """What the member was last granted by signing in; a voucher's plan is the voucher's."""
    newest = (
        select(WifiSession.plan_id)
        .where(
            WifiSession.district_id == district_id,
            WifiSession.member_id == member_id,
            WifiSession.method != _METHOD_OF_VOUCHERS,
        )
        .order_by(WifiSession.granted_at.desc())
        .limit(1)
    )
    return session.scalar(newest)


def live(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, now: datetime
) -> Sequence[RadiusCredential]:
    """The member's names that work, the oldest first."""
    found = select(RadiusCredential).where(
        RadiusCredential.district_id == district_id,
        RadiusCredential.member_id == member_id,
        RadiusCredential.revoked_at.is_(None),
        RadiusCredential.expires_at > now,
    )
    return session.scalars(found.order_by(RadiusCredential.created_at, RadiusCredential.username)).all()


def get(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, username: str, *, now: datetime
) -> RadiusCredential:
    """One of them. Raises: NotFound, for anybody else's as well."""
    for row in live(session, district_id, member_id, now=now):
        if row.username == username:
            return row
    raise NotFound("No such access profile.")


def hand_out(session: Session, row: RadiusCredential, form: Form, *, at: datetime) -> None:
    """Record that it left the portal."""
    session.add(
        RadiusProfileDelivery(
            district_id=row.district_id, id=new_id(), username=row.username, form=form, at=at
        )
    )
    session.flush()


def deliveries_of(
    session: Session, district_id: uuid.UUID, usernames: Sequence[str]
) -> dict[str, tuple[int, datetime]]:
    """How often each was handed out, and when last."""
    found = (
        select(
            RadiusProfileDelivery.username,
            func.count(RadiusProfileDelivery.id),
            func.max(RadiusProfileDelivery.at),
        )
        .where(
            RadiusProfileDelivery.district_id == district_id, RadiusProfileDelivery.username.in_(usernames)
        )
        .group_by(RadiusProfileDelivery.username)
    )
    return {username: (count, last) for username, count, last in session.execute(found)}


def revoke(session: Session, row: RadiusCredential, *, clock: Clock) -> None:
    """It opens nothing any more, and what it opened ends.

    All of the member's sessions by 802.1X end: a device that has another name of his is back at once.
    """
    row.revoked_at = clock.machine_now()
    wifi = select(WifiSession.id).where(
        WifiSession.district_id == row.district_id,
        WifiSession.member_id == row.member_id,
        WifiSession.method == METHOD,
        WifiSession.ended_at.is_(None),
    )
    asked = list(session.scalars(wifi.order_by(WifiSession.id)))
    for one in asked:
        sessions.ask_to_end(session, row.district_id, reason=REVOKED, clock=clock, wifi_session_id=one)
    radius = select(RadiusSession).where(
        RadiusSession.district_id == row.district_id,
        RadiusSession.member_id == row.member_id,
        RadiusSession.username == row.username,
        RadiusSession.stopped_at.is_(None),
    )
    for other in session.scalars(radius):
        if other.wifi_session_id not in asked:
            sessions.ask_to_end(
                session,
                row.district_id,
                reason=REVOKED,
                clock=clock,
                radius_session_id=other.unique_id,
            )
    session.flush()
