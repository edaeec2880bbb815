"""What a merchant has on the street and in the till, and the bodies that these operations take."""

import uuid
from collections.abc import Mapping
from typing import Any

from district.auth.models import ApiKey, Role
from district.auth.service import token_hash
from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.merchants.models import Merchant, WebhookEndpoint
from district.offers.arbitration_models import Exposure
from district.offers.claim_models import ClaimLink
from district.offers.models import Offer
from district.redemptions.models import Redemption
from district.stores.models import Till
from push.holdout import Arm
from push.redeem_model import FEATURES
from tests.factories import Makers
from tests.hostile.locks import locked
from tests.hostile.money import books
from tests.hostile.samples import OFFER, RULE, canary


def shop(makers: Makers, district: District, merchant: Merchant, member: Member) -> dict[str, str]:
    store = makers.store(district, merchant_id=merchant.id)
    campaign = makers.campaign(district, merchant, [store], stock=9, state="in_review")
    live = makers.campaign(district, merchant, [store], stock=9)
    offer = makers.offer(live, member)
    makers.session.add(_exposure_of(offer))
    common = {"district_id": district.id, "created_at": makers.clock.now()}
    till = Till(id=new_id(), store_id=store.id, name=canary(), **common)
    used = makers.offer(live, member, state="redeemed")
    key = ApiKey(
        id=new_id(),
        role=Role.TILL,
        key_hash=token_hash(canary()),
        scope_id=till.id,
        merchant_id=merchant.id,
        **common,
    )
    hook = WebhookEndpoint(
        id=new_id(),
        merchant_id=merchant.id,
        url=f"https://hooks.test/{canary()}",
        secret=b"s" * 32,
        **common,
    )
    redemption = Redemption(
        district_id=district.id,
        id=new_id(),
        offer_id=used.id,
        store_id=store.id,
        till=canary(),
        use_request_no="1",
        body_hash=b"h" * 32,
        value={},
        redeemed_at=makers.clock.now(),
    )
    makers.session.add_all([till, key, hook])
    makers.session.flush()
    makers.session.add(redemption)
    made: dict[str, Any] = {
        "stores": store,
        "campaigns": campaign,
        "offers": offer,
        "tills": till,
        "keys": key,
    }
    link = ClaimLink(token=canary(), campaign_id=campaign.id, **common)
    makers.session.add(link)
    made |= {"webhooks": hook, "redemptions": redemption, "merchants": merchant}
    own = {name: str(row.id) for name, row in made.items()} | {"claim-links": link.token}
    own["locks"] = locked(makers, district, till)
    return own | books(makers, district, merchant, store, member)


def _exposure_of(offer: Offer) -> Exposure:
    """What the offer was chosen by."""
    return Exposure(
        district_id=offer.district_id,
        campaign_id=offer.campaign_id,
        member_id=offer.member_id,
        occurrence_key=offer.occurrence_key,
        campaign_version=1,
        arm=Arm.TREATED,
        at=offer.issued_at,
        offer_id=offer.id,
        kind="amount:normal",
        chance=0.05,
        score_minor=10.0,
        features=[0.0] * len(FEATURES),
        model_version=0,
    )


def campaign_bodies(ids: Mapping[str, str], merchant_id: str) -> dict[str, Any]:
    """Of campaigns and who is told of them. By method and path below the district."""
    return {
        "POST campaigns": {
            "name": "New",
            "store_ids": [ids["stores"]],
            "rule": RULE,
            "offer": OFFER,
            "stock": 3,
            "merchant_id": merchant_id,
        },
        "PATCH campaigns/{campaign_id}": {"version": 1, "name": "Taken"},
        "POST campaigns/{campaign_id}/claim-links": {},
        "PATCH marketing-policy": {"version": 1, "offers_per_day": 3},
        "POST webhooks": {"url": "https://127.0.0.1:9/new"},
    }


def till_bodies(ids: Mapping[str, str]) -> dict[str, Any]:
    """Of tills and what they take. By method and path below the district."""
    return {
        "POST redemptions": {"code": "AAAAAAAAAAAA", "use_request_no": "7"},
        "POST redemptions/{redemption_id}/reversal": {"return_request_no": "8"},
        "POST redemptions/keys": {},
        "POST redemptions/quote": {"bill_minor": 1000, "codes": ["AAAAAAAAAAAA"]},
        "POST redemptions/bill": {"bill_minor": 1000, "codes": ["AAAAAAAAAAAA"], "use_request_no": "9"},
        "POST tills/number": {},
        "POST redemptions/offline": {
            "journal": str(uuid.uuid4()),
            "sent_at": "2026-05-01T09:00:00Z",
            "entries": [{"seq": 1, "code": "x", "at": "2026-05-01T09:00:00Z", "mark": "0" * 64}],
        },
        "PUT offline-policy": {
            "version": 0,
            "most_value_minor": 100,
            "most_uses": 1,
            "most_minor": 100,
            "list_age_s": 60,
            "conflicts_borne_by": "platform",
        },
        "PUT tills/{till_id}/offline": {"most_uses": 0, "most_minor": 0},
        "POST tills": {"store_id": ids["stores"], "name": "New"},
        "PATCH tills/{till_id}": {"name": "Taken"},
        "POST keys": {"role": "till", "scope_id": ids["tills"]},
    }


def store_bodies(merchant_id: str) -> dict[str, Any]:
    """Of shops and whose they are. By method and path below the district."""
    return {
        "POST stores": {
            "name": "New",
            "category": "clothes",
            "lon": 24.94,
            "lat": 60.17,
            "merchant_id": merchant_id,
        },
        "PATCH stores/{store_id}": {"name": "Taken"},
        "POST merchants": {"name": "New"},
        "PATCH merchants/{merchant_id}": {"name": "Taken"},
    }
