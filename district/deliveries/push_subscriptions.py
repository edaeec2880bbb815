"""Browsers that a member lets us ring: kept with their keys sealed, a few for each member, one owner for each."""

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.channels import addresses
from district.channels.kinds import web_push
from district.channels.kinds.web_push import WebPushOptions, WebPushSecrets
from district.channels.models import ChannelPolicy, ChannelProvider, EndpointState, MemberEndpoint
from district.channels.service import about
from district.channels.standing import chosen_order
from district.clock import Clock
from district.database import new_id
from district.deliveries import own_endpoints
from district.deliveries.own_endpoints import hash_of, invalid
from district.deliveries.push_schemas import NewPushSubscription
from district.districts.service import DistrictInfo
from district.members.models import Member
from district.problems import Conflict, Unavailable
from district.sealing import SealBroken, seal, unseal
from push.channels.vapid import public_key_of
from push.channels.web_push import is_known
from push.channels.web_push_encoding import BrowserKeys, KeysInvalid
from push.consent import Channel


@dataclass(frozen=True, kw_only=True)
class PushService:
    """What browsers subscribe with in a district, and which push services they may name."""

    provider_id: uuid.UUID
    public_key: str
    hosts: Sequence[str]


def service_of(session: Session, district: DistrictInfo, *, secret: str) -> PushService | None:
    """None where notifications are not set up, are switched off, or have no place in the order of channels."""
    here = ChannelProvider.district_id == district.id
    wanted = select(ChannelProvider).where(
        here, ChannelProvider.kind == web_push.NAME, ChannelProvider.is_on.is_(True)
    )
    row = session.scalars(wanted.order_by(ChannelProvider.id).limit(1)).first()
    policy = session.get(ChannelPolicy, district.id)
    order = chosen_order(policy.channel_order if policy else None, district.country)
    if row is None or (order is not None and Channel.WEB_PUSH not in order):
        return None
    try:
        opened = WebPushSecrets.model_validate_json(unseal(secret, bytes(row.sealed), about=about(row.id)))
        options = WebPushOptions.model_validate(row.options)
    except (SealBroken, ValidationError):
        return None
    return PushService(provider_id=row.id, public_key=public_key_of(opened.private_key), hosts=options.hosts)


def subscribe(
    session: Session,
    district: DistrictInfo,
    member: Member,
    new: NewPushSubscription,
    *,
    agent: str,
    secret: str,
    clock: Clock,
) -> MemberEndpoint:
    """Keep a browser's subscription; the same one again is only seen again.

    Raises: Unavailable where notifications are not set up; Invalid for an address or keys that no browser gives;
    Conflict for an address that is known with other keys.
    """
    service = service_of(session, district, secret=secret)
    if service is None:
        raise Unavailable("Notifications of browsers are not set up in this district.")
    _check(new, service)
    session.get_one(Member, (district.id, member.id), with_for_update=True)
    row = session.scalar(own_endpoints.at(district.id, Channel.WEB_PUSH, new.endpoint).with_for_update())
    if row is None:
        return _added(session, district.id, member.id, new, service, agent=agent, secret=secret, clock=clock)
    if not _same_keys(row, new, secret):
        raise Conflict("This address is known with other keys: subscribe anew.")
    # A browser that somebody else used before: who is logged in now has it.
    row.member_id, row.agent, row.seen_at = member.id, agent[: own_endpoints.LONGEST_AGENT], clock.now()
    row.provider_id = service.provider_id
    own_endpoints.settle(session, district.id, member.id, Channel.WEB_PUSH)
    return row


def _check(new: NewPushSubscription, service: PushService) -> None:
    if not is_known(new.endpoint, service.hosts):
        raise invalid("/endpoint", "This is not the address of a push service that is used here.")
    try:
        BrowserKeys.read(new.keys.p256dh, new.keys.auth)
    except KeysInvalid as broken:
        raise invalid("/keys", str(broken)) from None


def _added(
    session: Session,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    new: NewPushSubscription,
    service: PushService,
    *,
    agent: str,
    secret: str,
    clock: Clock,
) -> MemberEndpoint:
    id_ = new_id()
    row = MemberEndpoint(
        district_id=district_id,
        id=id_,
        member_id=member_id,
        channel=Channel.WEB_PUSH,
        provider_id=service.provider_id,
        address=new.endpoint,
        address_hash=hash_of(new.endpoint),
        sealed=seal(secret, json.dumps(_keys(new)).encode(), about=addresses.about(id_)),
        state=EndpointState.ACTIVE,
        agent=agent[: own_endpoints.LONGEST_AGENT],
        created_at=clock.now(),
        seen_at=clock.now(),
    )
    session.add(row)
    own_endpoints.settle(session, district_id, member_id, Channel.WEB_PUSH)
    return row


def _same_keys(row: MemberEndpoint, new: NewPushSubscription, secret: str) -> bool:
    """Whether these are the keys that the address was kept with: its name alone makes nobody its owner."""
    if row.sealed is None:
        return False
    try:
        kept: Mapping[str, str] = json.loads(unseal(secret, bytes(row.sealed), about=addresses.about(row.id)))
    except SealBroken:
        return False
    return all(
        secrets.compare_digest(kept.get(name, ""), value.rstrip("=")) for name, value in _keys(new).items()
    )


def _keys(new: NewPushSubscription) -> dict[str, str]:
    return {"p256dh": new.keys.p256dh.rstrip("="), "auth": new.keys.auth.rstrip("=")}
