"""Members' accounts at WeChat and its like: bound by a proof of the provider's own, and what they allow."""

import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from district.channels.kinds import KINDS, wechat_mini, wecom
from district.channels.models import ChannelProvider, EndpointState, MemberEndpoint
from district.channels.wechat_models import WechatGrant
from district.clock import Clock
from district.database import new_id, notify
from district.deliveries import own_endpoints
from district.districts.service import DistrictInfo
from district.members import consents
from district.members.ledger import Evidence
from district.members.models import Member
from district.problems import Conflict, Invalid, NotFound
from push.consent import Channel, Purpose

MOST: Final = 3
"""Accounts of one member at one provider; the one that was not seen for longest makes room."""
TOLD_KINDS: Final = (wecom.NAME,)
MOST_LEFT: Final = 20
"""Messages by one template that are counted ahead."""


def provider_of(session: Session, district_id: uuid.UUID, slug: str) -> ChannelProvider:
    """A provider whose accounts members can bind. Raises: NotFound."""
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district_id, ChannelProvider.slug == slug, ChannelProvider.is_on
    )
    row = session.scalar(wanted)
    kind = KINDS.get(row.kind) if row is not None else None
    if row is None or kind is None or kind.login is None:
        raise NotFound(f"No provider {slug!r} that accounts can be bound to.")
    return row


def told_provider_of(session: Session, district_id: uuid.UUID, slug: str) -> ChannelProvider:
    """A provider at which no member can prove who he is: the operator's own system knows it. Raises: NotFound."""
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district_id,
        ChannelProvider.slug == slug,
        ChannelProvider.kind.in_(TOLD_KINDS),
    )
    row = session.scalar(wanted)
    if row is None:
        raise NotFound(f"No provider {slug!r} whose customers are told by your own system.")
    return row


def forget_told(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, provider: ChannelProvider
) -> None:
    """Forget what a system told of a member. Raises: NotFound."""
    rows = listed(session, district_id, member_id, provider)
    if not rows:
        raise NotFound("No account of this member is known here.")
    for row in rows:
        session.delete(row)
    session.flush()
    notify(session, consents.CHANNEL, f"{district_id}:{member_id}")


def providers(session: Session, district_id: uuid.UUID) -> Sequence[ChannelProvider]:
    """Every provider whose accounts members can bind."""
    kinds = [name for name, kind in KINDS.items() if kind.login is not None]
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district_id, ChannelProvider.kind.in_(kinds), ChannelProvider.is_on
    )
    return session.scalars(wanted.order_by(ChannelProvider.id)).all()


def bind(
    session: Session,
    district: DistrictInfo,
    member_id: uuid.UUID,
    provider: ChannelProvider,
    address: str,
    *,
    clock: Clock,
) -> MemberEndpoint:
    """Keep an account that the member has just proved to be his; whose it was before, he had it then.

    It is no consent: nothing is sent before the member agrees to marketing by this channel.
    """
    # Held until the commit: of two members who prove one account at once, the later has it.
    session.execute(
        select(func.pg_advisory_xact_lock(int.from_bytes(own_endpoints.hash_of(address)[:8], signed=True)))
    )
    session.get_one(Member, (district.id, member_id), with_for_update=True)
    row = session.scalar(own_endpoints.at(district.id, Channel(provider.channel), address).with_for_update())
    if row is None:
        row = MemberEndpoint(
            district_id=district.id,
            id=new_id(),
            channel=provider.channel,
            address=address,
            address_hash=own_endpoints.hash_of(address),
            created_at=clock.now(),
        )
        session.add(row)
    elif row.member_id != member_id:
        _forget_grants(session, district.id, row.member_id, provider.id)
        notify(session, consents.CHANNEL, f"{district.id}:{row.member_id}")
    row.member_id, row.provider_id, row.seen_at = member_id, provider.id, clock.now()
    row.state, row.failures = EndpointState.ACTIVE, 0
    session.flush()
    for old in listed(session, district.id, member_id, provider)[MOST:]:
        session.delete(old)
    session.flush()
    notify(session, consents.CHANNEL, f"{district.id}:{member_id}")
    return row


def unbind(
    session: Session,
    district: DistrictInfo,
    member: Member,
    provider: ChannelProvider,
    *,
    clock: Clock,
    evidence: Evidence,
) -> None:
    """Forget the member's accounts at a provider, and take back his consent to its channel. Raises: NotFound."""
    rows = listed(session, district.id, member.id, provider)
    if not rows:
        raise NotFound("No account of yours is bound here.")
    for row in rows:
        session.delete(row)
    _forget_grants(session, district.id, member.id, provider.id)
    session.flush()
    consents.decide(
        session,
        district,
        member,
        purpose=Purpose.MARKETING,
        channel=Channel(provider.channel),
        granted=False,
        language=member.language,
        action="api",
        source="me",
        at=clock.now(),
        evidence=evidence,
    )


def listed(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, provider: ChannelProvider
) -> Sequence[MemberEndpoint]:
    """The member's accounts at a provider, the one seen last first."""
    wanted = select(MemberEndpoint).where(
        MemberEndpoint.district_id == district_id,
        MemberEndpoint.member_id == member_id,
        MemberEndpoint.channel == provider.channel,
        MemberEndpoint.provider_id == provider.id,
    )
    return session.scalars(wanted.order_by(MemberEndpoint.seen_at.desc(), MemberEndpoint.id.desc())).all()


def templates_of(provider: ChannelProvider) -> list[str]:
    """What a mini-program may ask its reader to allow."""
    if provider.kind != wechat_mini.NAME:
        return []
    return [str(one["id"]) for one in provider.options.get("templates", ())]


def grant(
    session: Session,
    district: DistrictInfo,
    member_id: uuid.UUID,
    provider: ChannelProvider,
    templates: Sequence[str],
    *,
    clock: Clock,
) -> dict[str, int]:
    """Keep that the member allowed one message for each template named; what is left of each of the provider's.

    Raises: Conflict while no account is bound; Invalid for a template that the provider does not have.
    """
    known = templates_of(provider)
    strange = [place for place, one in enumerate(templates) if one not in known]
    if strange:
        detail = "Not a template of this provider."
        raise Invalid("See errors.", errors=[{"pointer": f"/templates/{strange[0]}", "detail": detail}])
    session.get_one(Member, (district.id, member_id), with_for_update=True)
    if not any(row.state != EndpointState.GONE for row in listed(session, district.id, member_id, provider)):
        raise Conflict("Bind the member's account first: POST /v1/me/accounts.")
    left = left_of(session, district.id, member_id, provider)
    for one in templates:
        if left[one] < MOST_LEFT:
            left[one] += 1
            session.add(_granted(district.id, member_id, provider.id, one, clock))
    session.flush()
    notify(session, consents.CHANNEL, f"{district.id}:{member_id}")
    return left


def _granted(
    district_id: uuid.UUID, member_id: uuid.UUID, provider_id: uuid.UUID, template_id: str, clock: Clock
) -> WechatGrant:
    return WechatGrant(
        district_id=district_id,
        id=new_id(),
        member_id=member_id,
        provider_id=provider_id,
        template_id=template_id,
        granted_at=clock.machine_now(),
    )


def left_of(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, provider: ChannelProvider
) -> dict[str, int]:
    """How many messages by each template the member still allows."""
    counted = (
        select(WechatGrant.template_id, func.count())
        .where(
            WechatGrant.district_id == district_id,
            WechatGrant.member_id == member_id,
            WechatGrant.provider_id == provider.id,
            WechatGrant.delivery_id.is_(None),
        )
        .group_by(WechatGrant.template_id)
    )
    found = dict(session.execute(counted).all())
    return {one: found.get(one, 0) for one in templates_of(provider)}


def _forget_grants(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, provider_id: uuid.UUID
) -> None:
    session.execute(
        delete(WechatGrant).where(
            WechatGrant.district_id == district_id,
            WechatGrant.member_id == member_id,
            WechatGrant.provider_id == provider_id,
            WechatGrant.delivery_id.is_(None),
        )
    )
