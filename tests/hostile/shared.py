"""What several parties share, and the bodies that these operations take."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from district.auth.models import Role
from district.campaigns.shared_models import JoinIncentive, JointEnrolment, JointEvent, TerritoryConsent
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Property
from tests.factories import Makers
from tests.hostile.samples import OFFER, RULE


def shared(makers: Makers, district: District, store_id: str, merchant: Merchant) -> dict[str, str]:
    """What several parties share: a property with a consent, a joint event with a store, and an incentive."""
    session, now = makers.session, makers.clock.now()
    common = {"district_id": district.id, "created_at": now}
    place = Property(id=new_id(), kind="mall", name="Mall", **common)
    session.add(place)
    session.flush()
    consent = TerritoryConsent(
        district_id=district.id,
        id=new_id(),
        property_id=place.id,
        grantee_kind="merchant",
        grantee_id=merchant.id,
        granted_at=now,
        granted_role=Role.OPERATOR,
        granted_by=new_id(),
    )
    joint = makers.campaign(
        district,
        merchant,
        [],
        owner_kind="operator",
        merchant_id=None,
        state="approved",
        holds_until=now + timedelta(days=1),
        starts_at=now + timedelta(days=2),
    )
    given = makers.campaign(district, merchant, [], owner_kind="operator", merchant_id=None)
    event = JointEvent(campaign_id=joint.id, enrol_until=now + timedelta(days=1), **common)
    incentive = JoinIncentive(id=new_id(), name="Welcome", kind="coupon", campaign_id=given.id, **common)
    session.add_all([consent, event, incentive])
    session.flush()
    session.add(
        JointEnrolment(
            district_id=district.id,
            campaign_id=joint.id,
            store_id=uuid.UUID(store_id),
            merchant_id=merchant.id,
            enrolled_at=now,
            enrolled_by=new_id(),
        )
    )
    session.flush()
    made: dict[str, Any] = {
        "properties": place.id,
        "territory-consents": consent.id,
        "joint-events": joint.id,
    }
    made |= {"join-incentives": incentive.id, "enrolments": store_id, "follows": store_id}
    made |= {"mutes": merchant.id}
    return {name: str(one) for name, one in made.items()}


def shared_bodies(ids: Mapping[str, str], merchant_id: str) -> dict[str, Any]:
    """Of what several parties share. By method and path below the district."""
    return {
        "POST properties": {"kind": "mall", "name": "New"},
        "PATCH properties/{property_id}": {"name": "Taken"},
        "POST properties/{property_id}/territory-consents": {
            "kind": "merchant",
            "id": merchant_id,
        },
        "POST properties/{property_id}/territory-consents/{consent_id}/withdraw": {"reason": "No more"},
        "POST joint-events": {
            "name": "New",
            "rule": RULE,
            "offer": OFFER,
            "enrol_until": "2030-01-01T00:00:00Z",
            "starts_at": "2030-01-02T00:00:00Z",
            "ends_at": "2030-01-03T00:00:00Z",
            "funding": [{"party_kind": "platform", "permille": 1000}],
        },
        "POST joint-events/{event_id}/enrolments": {"store_ids": [ids["stores"]]},
        "POST join-incentives": {
            "name": "New",
            "kind": "coupon",
            "offer": OFFER,
            "store_ids": [ids["stores"]],
        },
    }
