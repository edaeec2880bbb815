"""What stands in a tenant's books, and the bodies that its operations take."""

import secrets
from typing import Any

from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.merchants.models import Merchant
from district.points.models import PointsRule, PointsSpend
from district.purchases.models import PurchaseSource
from district.settlement.models import Party, Statement
from district.stores.models import Store
from tests.district.purchases.signing import SERIAL, Provider
from tests.factories import Makers

PLATFORM = Provider()


def books(
    makers: Makers, district: District, merchant: Merchant, store: Store, member: Member
) -> dict[str, str]:
    """A closed statement, a payment with points and a source of notices."""
    now = makers.clock.now()
    figures = (
        "redemptions",
        "redeemed_minor",
        "reversals",
        "reversed_minor",
        "corrections",
        "corrected_minor",
    )
    statement = Statement(
        district_id=district.id,
        id=new_id(),
        trading_day=now.date(),
        party=Party.MERCHANT,
        party_id=merchant.id,
        closed_at=now,
        **dict.fromkeys((*figures, "points_minor", "borne_minor", "net_minor"), 7),
    )
    spend = PointsSpend(
        district_id=district.id,
        id=new_id(),
        till=f"canary-{secrets.token_hex(8)}",
        use_request_no="1",
        body_hash=b"h" * 32,
        member_id=member.id,
        merchant_id=merchant.id,
        store_id=store.id,
        points=1,
        amount_minor=1,
        expires_at=now,
        at=now,
    )
    source = PurchaseSource(
        district_id=district.id,
        id=new_id(),
        slug=f"canary-{secrets.token_hex(8)}",
        name="Source",
        public_keys={SERIAL: PLATFORM.public_pem},
        api_key=PLATFORM.api_key.encode(),
        app_id="",
        is_disabled=False,
        created_at=now,
    )
    rule = PointsRule(
        district_id=district.id,
        is_on=True,
        value_minor=1,
        life_days=365,
        per_visit=1,
        visits_per_day=1,
        per_redemption=1,
        minor_units_per_point=None,
        most_per_purchase=1,
        most_per_day=1,
        changed_at=now,
    )
    makers.session.add_all([statement, spend, source])
    makers.session.merge(rule)
    makers.session.flush()
    return {
        "statements": str(statement.id),
        "spends": str(spend.id),
        "purchase-sources": source.slug,
        "purchase-links": source.slug,
    }


def money_bodies(merchant: Merchant) -> dict[str, Any]:
    """By method and path below the district."""
    at = "2026-05-01T09:00:00Z"
    return {
        "PUT points-rule": {"value_minor": 1, "merchant_ids": [str(merchant.id)]},
        "POST points/spends": {"pass_code": "7" * 26, "points": 1, "use_request_no": "9"},
        "POST points/spends/{spend_id}/return": {"return_request_no": "10"},
        "POST purchases": {"notice_id": "n1", "amount_minor": 100, "at": at},
        "POST purchase-refunds": {
            "notice_id": "n2",
            "purchase_notice_id": "n1",
            "amount_minor": 100,
            "at": at,
        },
        "POST purchase-sources": {
            "slug": f"new-{secrets.token_hex(4)}",
            "name": "New",
            "public_keys": {SERIAL: PLATFORM.public_pem},
            "api_key": "k" * 32,
        },
        "PATCH purchase-sources/{slug}": {"name": "Taken"},
    }
