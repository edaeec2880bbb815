"""Apps that a member lets us ring: a few telephones for each member, one owner for each token."""

import json
from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.channels import addresses
from district.channels.kinds import apps
from district.channels.kinds.apps import ApnsOptions, FcmOptions
from district.channels.models import ChannelPolicy, ChannelProvider, EndpointState, MemberEndpoint
from district.channels.standing import chosen_order
from district.clock import Clock
from district.database import new_id
from district.deliveries import own_endpoints
from district.deliveries.device_schemas import DeviceOut, NewDevice
from district.deliveries.own_endpoints import hash_of, invalid
from district.districts.service import DistrictInfo
from district.members.models import Member
from district.problems import Unavailable
from district.sealing import seal
from push.channels.apns import REGISTERED_AT
from push.channels.app_address import AppAddress, Platform
from push.consent import Channel


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
    row = session.scalar(own_endpoints.at(district.id, Channel.APP, str(address)).with_for_update())
    if row is not None and row.member_id != member.id:
        own_endpoints.told(session, district.id, row.member_id)
    now = clock.now()
    if row is None:
        row = MemberEndpoint(
            district_id=district.id,
            id=new_id(),
            channel=Channel.APP,
            address=str(address),
            address_hash=hash_of(str(address)),
            created_at=now,
        )
        session.add(row)
    row.member_id, row.agent, row.seen_at = member.id, agent[: own_endpoints.LONGEST_AGENT], now
    row.state, row.failures = EndpointState.ACTIVE, 0
    keys = {REGISTERED_AT: clock.machine_now().isoformat()}
    row.sealed = seal(secret, json.dumps(keys).encode(), about=addresses.about(row.id))
    own_endpoints.settle(session, district.id, member.id, Channel.APP)
    return row


def _checked(session: Session, district: DistrictInfo, new: NewDevice) -> AppAddress:
    """Raises: Unavailable, Invalid."""
    served = _apps_of(session, district, new.platform)
    if not served:
        raise Unavailable(f"Apps are not told by {new.platform} in this district.")
    if new.app not in served:
        raise invalid("/app", "This is not an app of this district.")
    address = AppAddress.of(platform=new.platform, app=new.app, token=new.token)
    if address is None:
        raise invalid("/token", f"This is no token that {new.platform} gives.")
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
