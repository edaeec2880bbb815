"""What is known of members when something is decided about them, for whoever decides."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences import facts
from district.audiences.queries import MEMBERS_SQL, MUTES_SQL, SLOTS_SQL
from district.channels import addresses
from district.channels import standing as channels
from district.clock import monotonic
from district.districts.service import DistrictInfo
from district.members.models import MemberState
from district.members.newest_consents import newest_consents
from push.audience import MemberContext
from push.audience_asked import STAYS, Asked, Label, asked
from push.audience_facts import Facts, Owner
from push.audience_terms import EVERYONE
from push.campaign import Campaign
from push.consent import NO_CONSENT, Channel, Consents, Purpose
from push.identifiers import MemberId, MerchantId, StoreId
from push.limits import QuietHours
from push.wording import language_of

INBOX_ONLY: Final = frozenset({Channel.INBOX})


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A member as loaded."""

    context: MemberContext
    inside: frozenset[Label] = frozenset()
    """The sets that the member is in."""
    sets: Mapping[uuid.UUID | None, tuple[Label, ...]] = field(default_factory=dict)
    """The sets that exist, by owner; of who wants no personal offers, none."""
    properties: Mapping[StoreId, uuid.UUID] = field(default_factory=dict)
    loaded_at_s: float = field(default_factory=monotonic)

    def for_campaign(self, campaign: Campaign) -> MemberContext:
        """The context as this campaign's audience reads it: its owner's scopes and names."""
        is_asked = campaign.rule.audience.term != EVERYONE
        if not is_asked and campaign.rule.where.or_visited is None:
            return self.context
        return self.as_owner_sees(owner_of(campaign, self.properties))

    def as_owner_sees(self, owner: Owner) -> MemberContext:
        """The context with this owner's scopes and names."""
        mine = {(label.kind, label.name): label in self.inside for label in self.sets.get(owner.id, ())}
        known = replace(self.context.facts, owner=owner, labels=mine)
        return replace(self.context, facts=known, store_visits=last_visits(known))


def owner_of(campaign: Campaign, properties: Mapping[StoreId, uuid.UUID]) -> Owner:
    """What the campaign's scopes stand for; properties are those of its stores."""
    owner = _owner(campaign)
    own = frozenset(properties[one] for one in campaign.store_ids if one in properties)
    return replace(owner, store_ids=frozenset(campaign.store_ids), property_ids=owner.property_ids or own)


def _owner(campaign: Campaign) -> Owner:
    return campaign.owner or Owner(merchant_id=campaign.merchant_id)


def last_visits(known: Facts) -> dict[StoreId, datetime]:
    """When the latest earlier visit to each store began."""
    return {
        stays.place.store_id: stays.last_at
        for stays in known.stays or ()
        if stays.place.store_id is not None and stays.last_at is not None
    }


def asked_by(campaign: Campaign) -> Asked:
    """What a campaign's audience and place ask of members."""
    found = asked(campaign.rule.audience, owner_id=_owner(campaign).id, stores=campaign.store_ids)
    return found if campaign.rule.where.or_visited is None else found.together(STAYS)


async def load(
    connection: AsyncConnection[TupleRow],
    district: DistrictInfo,
    member_ids: Sequence[uuid.UUID],
    *,
    wanted: Asked,
    now: datetime,
) -> dict[uuid.UUID, Known]:
    """Read members, consents, taken cap slots and what is wanted besides, each with one statement.

    A member that does not exist is erased. ``now`` is business time. Raises: psycopg.Error.
    """
    values = {"district_id": district.id, "members": list(member_ids)}
    members = await (await connection.execute(MEMBERS_SQL, values)).fetchall()
    consents = await newest_consents(connection, district.id, member_ids)
    standing = await channels.load(connection, district.id)
    addressed = await addresses.count(connection, district.id, member_ids, standing.used)
    taken: dict[uuid.UUID, dict[str, tuple[datetime, ...]]] = {}
    for member_id, scope, at in await (await connection.execute(SLOTS_SQL, values)).fetchall():
        scopes = taken.setdefault(member_id, {})
        scopes[scope] = (*scopes.get(scope, ()), at)
    muted: dict[uuid.UUID, set[MerchantId]] = {}
    for member_id, merchant_id in await (await connection.execute(MUTES_SQL, values)).fetchall():
        muted.setdefault(member_id, set()).add(MerchantId(merchant_id))
    found = await facts.find(connection, district, member_ids, wanted, now=now)
    sets: dict[uuid.UUID | None, tuple[Label, ...]] = {}
    for label in found.labels:
        sets[label.owner_id] = (*sets.get(label.owner_id, ()), label)
    known = {one: Known(context=MemberContext(member_id=MemberId(one), is_erased=True)) for one in member_ids}
    for row in members:
        said = consents.get(row[0], NO_CONSENT)
        context = replace(
            _context(row),
            endpoints=INBOX_ONLY.union(addressed.get(row[0], ())),
            taken=taken.get(row[0], {}),
            muted=frozenset(muted.get(row[0], ())),
            consents=said,
            facts=_facts(row, said, found),
        )
        inside = frozenset(label for label, members_in in found.labels.items() if row[0] in members_in)
        known[row[0]] = Known(
            context=context,
            inside=inside,
            sets=sets if row[7] else {},
            properties=found.properties,
        )
    return known


def _facts(row: TupleRow, consents: Consents, found: facts.Found) -> Facts:
    """What may be looked at: nothing that he did of who wants no personal offers, no walks of who is not to be located."""
    member_id, is_open, has_phone, has_email = row[0], row[7], row[8], row[9]
    is_walked = is_open and consents.holds(Purpose.LOCATION)
    addresses = {Channel.INBOX: True, Channel.SMS: has_phone, Channel.EMAIL: has_email}
    return Facts(
        stays=found.stays.get(member_id, ()) if is_walked and found.stays is not None else None,
        redemptions=found.redemptions.get(member_id, ())
        if is_open and found.redemptions is not None
        else None,
        events=found.events.get(member_id, ()) if is_open and found.events is not None else None,
        follows=None if found.follows is None else frozenset(found.follows.get(member_id, ())),
        addresses=frozenset(channel for channel, is_there in addresses.items() if is_there),
    )


def _context(row: TupleRow) -> MemberContext:
    id_, language, zone, quiet_from, quiet_until, bucket, state = row[:7]
    return MemberContext(
        member_id=MemberId(id_),
        language=language_of(language),
        zone=_zone(zone),
        quiet=_quiet(quiet_from, quiet_until),
        bucket=bucket,
        is_erased=state != MemberState.ACTIVE,
    )


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _quiet(start: int | None, end: int | None) -> QuietHours | None:
    if start is None or end is None:
        return None
    return QuietHours(start=_clock_time(start), end=_clock_time(end))


def _clock_time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
