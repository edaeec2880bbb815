"""Apps that a member lets us ring: a few telephones for each member, one owner for each token."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.channels import addresses
from district.channels.kinds import apps
from district.channels.kinds.apps import ApnsOptions, FcmOptions
from district.channels.models import ChannelPolicy, ChannelProvider, EndpointState, MemberEndpoint
from district.channels.standing import chosen_order
from district.clock import Clock
from district.database import new_id, notify
from district.deliveries.device_schemas import DeviceOut, NewDevice
from district.districts.service import DistrictInfo
from district.members import consents
from district.members.ledger import Evidence
from district.members.models import Member
from district.problems import Invalid, NotFound, Unavailable
from district.sealing import seal
from push.channels.apns import REGISTERED_AT
from push.channels.app_address import AppAddress, Platform
from push.consent import Channel, Purpose

MOST: Final = 10
"""Telephones of one member; the one that was not seen for longest makes room."""
LONGEST_AGENT: Final = 200


def shown(row: MemberEndpoint) -> DeviceOut:
    """A telephone without its token."""
    platform, app, _ = row.address.split(":", 2)
    return DeviceOut(
        id=row.id,
        platform=Platform(platform),
        app=app,
        state=EndpointState(row.state),
        agent=row.agent,
        created_at=row.created_at,
        seen_at=row.seen_at,
    )


def register(
    session: Session,
    district: DistrictInfo,
    member: Member,
    new: NewDevice,
    *,
    agent: str,
    secret: str,
    clock: Clock,
) -> MemberEndpoint:
    """Keep a telephone's token; the same one again is only seen again, and belongs to who tells it now.

    Raises: Unavailable where no provider of that platform is set up; Invalid for another app than the district's, or
    for what is no token.
    """
    address = _checked(session, district, new)
    session.get_one(Member, (district.id, member.id), with_for_update=True)
    row = session.scalar(_at(district.id, str(address)).with_for_update())
    if row is not None and row.member_id != member.id:
        notify(session, consents.CHANNEL, f"{district.id}:{row.member_id}")
    now = clock.now()
    if row is None:
        row = MemberEndpoint(
            district_id=district.id,
            id=new_id(),
            channel=Channel.APP,
            address=str(address),
            address_hash=_hash(str(address)),
            created_at=now,
        )
        session.add(row)
    row.member_id, row.agent, row.seen_at = member.id, agent[:LONGEST_AGENT], now
    row.state, row.failures = EndpointState.ACTIVE, 0
    keys = {REGISTERED_AT: clock.machine_now().isoformat()}
    row.sealed = seal(secret, json.dumps(keys).encode(), about=addresses.about(row.id))
    session.flush()
    notify(session, consents.CHANNEL, f"{district.id}:{member.id}")
    for old in listed(session, district.id, member.id)[MOST:]:
        session.delete(old)
    session.flush()
    return row


def listed(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Sequence[MemberEndpoint]:
    """The member's telephones, the one seen last first."""
    wanted = _of(district_id, member_id).order_by(MemberEndpoint.seen_at.desc(), MemberEndpoint.id.desc())
    return session.scalars(wanted).all()


def forget(
    session: Session,
    district: DistrictInfo,
    member: Member,
    device_id: uuid.UUID,
    *,
    clock: Clock,
    evidence: Evidence,
) -> None:
    """Forget a telephone; with the last one, the consent to this channel is taken back. Raises: NotFound."""
    row = session.scalar(_of(district.id, member.id).where(MemberEndpoint.id == device_id))
    if row is None:
        raise NotFound("No such device.")
    session.delete(row)
    session.flush()
    notify(session, consents.CHANNEL, f"{district.id}:{member.id}")
    if any(one.state != EndpointState.GONE for one in listed(session, district.id, member.id)):
        return
    consents.decide(
        session,
        district,
        member,
        purpose=Purpose.MARKETING,
        channel=Channel.APP,
        granted=False,
        language=member.language,
        action="api",
        source="me",
        at=clock.now(),
        evidence=evidence,
    )


def _checked(session: Session, district: DistrictInfo, new: NewDevice) -> AppAddress:
    """Raises: Unavailable, Invalid."""
    served = _apps_of(session, district, new.platform)
    if not served:
        raise Unavailable(f"Apps are not told by {new.platform} in this district.")
    if new.app not in served:
        raise _invalid("/app", "This is not an app of this district.")
    address = AppAddress.of(platform=new.platform, app=new.app, token=new.token)
    if address is None:
        raise _invalid("/token", f"This is no token that {new.platform} gives.")
    return address


def _apps_of(session: Session, district: DistrictInfo, platform: Platform) -> set[str]:
    """The apps for which a provider is on; none where the order of channels leaves apps out."""
    policy = session.get(ChannelPolicy, district.id)
    order = chosen_order(policy.channel_order if policy else None, district.country)
    if order is not None and Channel.APP not in order:
        return set()
    kinds = [kind for kind, whose in apps.PLATFORMS.items() if whose is platform]
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district.id,
        ChannelProvider.kind.in_(kinds),
        ChannelProvider.is_on.is_(True),
    )
    return {app for row in session.scalars(wanted) for app in _named(row)}


def _named(row: ChannelProvider) -> Sequence[str]:
    model: type[ApnsOptions] | type[FcmOptions] = ApnsOptions if row.kind == apps.APNS else FcmOptions
    try:
        return model.model_validate(row.options).apps
    except ValidationError:
        return ()


def _hash(address: str) -> bytes:
    return hashlib.sha256(address.encode()).digest()


def _of(district_id: uuid.UUID, member_id: uuid.UUID) -> Select[MemberEndpoint]:
    return select(MemberEndpoint).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.member_id == member_id,
        MemberEndpoint.channel == Channel.APP,
    )


def _at(district_id: uuid.UUID, address: str) -> Select[MemberEndpoint]:
    return select(MemberEndpoint).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.channel == Channel.APP,
        MemberEndpoint.address_hash == _hash(address),
    )


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid("See errors.", errors=[{"pointer": pointer, "detail": detail}])
