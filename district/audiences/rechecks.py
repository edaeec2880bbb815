"""Whether members still belong to the audiences that they were chosen for, asked again in the transaction that issues.

Asked of what a single row decides: language, consent by channel, follows, tags, lists and static segments. What is counted
over visits, redemptions and timelines is taken as it was decided: no such count changes by a person's word.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences.compile import compile_sql
from district.audiences.segments import Rules, all_rules
from district.districts.service import DistrictInfo
from push.audience import Audience
from push.audience_document import parse_who
from push.audience_facts import Owner
from push.audience_segments import Cheap, certainly, expand, names_of
from push.audience_terms import Follows, LabelKind, Labelled, Reachable, Speaks, VisitScope
from push.errors import PushError
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId
from push.problems import Report

Connection = AsyncConnection[TupleRow]
Pair = tuple[CampaignId, MemberId]
CHEAP: Final = Cheap(Speaks, Reachable, Follows, Labelled)
# Campaigns stand above this slice; of them it only reads whom they are for.
_WHO_SQL: Final = """
SELECT campaign.id, campaign.rule -> 'who', campaign.merchant_id, campaign.property_id,
       ARRAY(SELECT store_id FROM campaign_store
             WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id),
       ARRAY(SELECT store.property_id FROM campaign_store
             JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
             WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
               AND store.property_id IS NOT NULL)
FROM campaign
WHERE campaign.district_id = %(district_id)s AND campaign.id = ANY(%(campaigns)s::uuid[])
  AND jsonb_typeof(campaign.rule -> 'who') = 'object'
"""


async def no_longer(
    connection: Connection, district: DistrictInfo, pairs: Iterable[Pair], *, now: datetime
) -> frozenset[Pair]:
    """Those of these campaigns and members where the member is known not to belong any more, or not known to."""
    chosen: dict[CampaignId, set[MemberId]] = {}
    for campaign_id, member_id in pairs:
        chosen.setdefault(campaign_id, set()).add(member_id)
    if not chosen:
        return frozenset()
    values = {"district_id": district.id, "campaigns": sorted(chosen)}
    rows = await (await connection.execute(_WHO_SQL, values)).fetchall()
    audiences = {row[0]: parse_who(row[1], Report()) for row in rows}
    needs_rules = any(names_of(audience, LabelKind.SEGMENT) for audience in audiences.values())
    rules = await all_rules(connection, district.id) if needs_rules else {}
    gone: set[Pair] = set()
    for row in rows:
        members = sorted(chosen[row[0]])
        here = await _still_there(connection, district, row, audiences[row[0]], rules, members, now)
        gone |= {(row[0], member_id) for member_id in members if member_id not in here}
    return frozenset(gone)


async def _still_there(  # noqa: PLR0917 one row's worth of what no_longer has read
    connection: Connection,
    district: DistrictInfo,
    row: Sequence[Any],
    audience: Audience,
    rules: Rules,
    members: Sequence[MemberId],
    now: datetime,
) -> set[uuid.UUID]:
    try:
        written = expand(audience, rules.get(_owner(row).id, {}))
    except PushError:
        return set()
    if not CHEAP.any_in(written.term):
        return set(members)
    weak = Audience(certainly(written.term, CHEAP))
    found = compile_sql(weak, district, _owner(row), now=now, among=members)
    return {one[0] for one in await (await connection.execute(found.sql, found.params)).fetchall()}


def _owner(row: Sequence[Any]) -> Owner:
    _, _, merchant_id, property_id, stores, properties = row
    scope = VisitScope.MERCHANT
    if merchant_id is None:
        scope = VisitScope.DISTRICT if property_id is None else VisitScope.PROPERTY
    return Owner(
        scope=scope,
        merchant_id=None if merchant_id is None else MerchantId(merchant_id),
        store_ids=frozenset(StoreId(one) for one in stores),
        property_ids=frozenset(properties) if property_id is None else frozenset({property_id}),
    )
