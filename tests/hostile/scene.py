"""A district in which one row of everything stands, and the requests that every operation of the interface would take."""

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import text

from district.audiences.models import ContactList, Segment, Tag
from district.auth.models import ApiKey, Role
from district.auth.service import token_hash
from district.campaigns.shared_models import (
    JoinIncentive,
    JointEnrolment,
    JointEvent,
    TerritoryConsent,
)
from district.database import new_id
from district.districts import service as districts
from district.districts.models import District, RouteKind
from district.gateways.models import Ban, Gateway, Plan, WifiSession
from district.members.models import Alarm, Member, MemberMerge
from district.merchants.models import Merchant, WebhookEndpoint
from district.offers.arbitration_models import Exposure
from district.offers.claim_models import ClaimLink
from district.offers.models import Offer
from district.portal.models import OidcProvider, SmsProvider
from district.radius.models import RadiusClient
from district.redemptions.models import Redemption
from district.stores.models import Property, Till
from district.vouchers.models import Voucher, VoucherBatch
from push.holdout import Arm
from push.redeem_model import FEATURES
from tests.factories import Makers
from tests.hostile.channels import (
    browser,
    channel_bodies,
    corporation,
    delivery,
    device,
    filed_text,
    phone,
    push_subscription,
    suppressed,
)
from tests.hostile.channels import provider as provider_of_messages
from tests.hostile.locks import locked
from tests.hostile.money import books, money_bodies

Operation: TypeAlias = tuple[str, str]
"""A method and a path template, as /openapi.json has them."""
STREAMS = frozenset({"/v1/me/inbox/stream", "/v1/districts/{d}/footfall/live"})
"""Answers without an end."""
ENDING: frozenset[Operation] = frozenset({("DELETE", "/v1/me"), ("DELETE", "/v1/tokens")})
"""What ends the caller's own membership or session."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a tenant has."""

    district: District
    merchant: Merchant
    members: tuple[Member, Member, Member]
    ids: Mapping[str, str]
    """By the part of the path that stands before the identifier."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Secrets and words that nobody else may ever read."""

    def path(self, template: str, **instead: str) -> str:
        """The address of what stands here; ``instead`` replaces identifiers by the part of the path before them."""
        ids = {"districts": self.district.slug, "consents": "marketing", **self.ids, **instead}
        filled = template.replace("{z}/{x}/{y}", "0/0/0")
        while match := re.search(r"([\w-]+)/\{\w+\}", filled):
            filled = filled.replace(match[0], f"{match[1]}/{ids[match[1]]}", 1)
        return filled

    @property
    def marks(self) -> set[str]:
        """All texts by which an answer would give away that it holds something of this tenant."""
        named = {one for one in self.ids.values() if len(one) >= len("canary-00000000")}
        return named | set(self.values.values()) | {str(member.id) for member in self.members}


def operations(openapi: Mapping[str, Any]) -> list[Operation]:
    """Every operation; what ends the caller's own session or membership comes last."""
    found = [(method.upper(), path) for path, methods in openapi["paths"].items() for method in methods]
    return sorted(found, key=lambda one: (one in ENDING, one[1] == "/v1/me", one))


def furnish(makers: Makers, district: District) -> Scene:
    """One row of each kind, of one merchant in the district."""
    merchant = makers.merchant(district, name=_canary())
    members = (makers.member(district), makers.member(district), makers.member(district))
    shop = _shop(makers, district, merchant, members[0])
    wifi = _wifi(makers, district, members)
    sets = _sets(makers, district, merchant)
    sets |= _shared(makers, district, shop["stores"], merchant)
    values = {"merchant": merchant.name, "secret": wifi["secret"], "voucher": wifi["voucher"]}
    ids = {key: value for key, value in (shop | sets | wifi).items() if key not in values}
    makers.done()
    return Scene(district=district, merchant=merchant, members=members, ids=ids, values=values)


def _canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


def _shop(makers: Makers, district: District, merchant: Merchant, member: Member) -> dict[str, str]:
    store = makers.store(district, merchant_id=merchant.id)
    campaign = makers.campaign(district, merchant, [store], stock=9, state="in_review")
    live = makers.campaign(district, merchant, [store], stock=9)
    offer = makers.offer(live, member)
    makers.session.add(_exposure_of(offer))
    common = {"district_id": district.id, "created_at": makers.clock.now()}
    till = Till(id=new_id(), store_id=store.id, name=_canary(), **common)
    used = makers.offer(live, member, state="redeemed")
    key = ApiKey(
        id=new_id(),
        role=Role.TILL,
        key_hash=token_hash(_canary()),
        scope_id=till.id,
        merchant_id=merchant.id,
        **common,
    )
    hook = WebhookEndpoint(
        id=new_id(),
        merchant_id=merchant.id,
        url=f"https://hooks.test/{_canary()}",
        secret=b"s" * 32,
        **common,
    )
    redemption = Redemption(
        district_id=district.id,
        id=new_id(),
        offer_id=used.id,
        store_id=store.id,
        till=_canary(),
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
    link = ClaimLink(token=_canary(), campaign_id=campaign.id, **common)
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


def _shared(makers: Makers, district: District, store_id: str, merchant: Merchant) -> dict[str, str]:
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


def _sets(makers: Makers, district: District, merchant: Merchant) -> dict[str, str]:
    """A tag, a list and a segment of the merchant's; the operator's of the same names stand beside them."""
    names = {"tags": _canary(), "contact-lists": _canary(), "segments": _canary()}
    now = makers.clock.now()
    for merchant_id in (merchant.id, None):
        common = {"district_id": district.id, "merchant_id": merchant_id, "title": "Set", "created_at": now}
        makers.session.add_all(
            [
                Tag(id=new_id(), name=names["tags"], **common),
                ContactList(id=new_id(), name=names["contact-lists"], **common),
                Segment(
                    id=new_id(),
                    name=names["segments"],
                    kind="static",
                    rule="new",
                    changed_at=now,
                    **common,
                ),
            ]
        )
    makers.session.flush()
    return names


def _wifi(makers: Makers, district: District, members: tuple[Member, Member, Member]) -> dict[str, str]:
    session, now = makers.session, makers.clock.now()
    common = {"district_id": district.id, "created_at": now}
    plan = Plan(id=new_id(), slug=_canary(), **common)
    secret = _canary()
    gateway = Gateway(id=new_id(), slug=_canary(), vendor="click", secret=secret, **common)
    session.add_all([plan, gateway])
    session.flush()
    districts.add_route(session, RouteKind.GATEWAY, gateway.slug, district.id)
    kept = {"district_id": district.id, "gateway_id": gateway.id, "member_id": members[0].id}
    on_line = WifiSession(id=new_id(), alias=secrets.token_bytes(16), method="click", granted_at=now, **kept)
    ban = Ban(id=new_id(), member_id=members[1].id, reason=_canary(), **common)
    client = RadiusClient(
        id=new_id(),
        name=_canary(),
        address=f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
        secret=secret,
        **common,
    )
    batch = VoucherBatch(id=new_id(), name=_canary(), **common)
    provider = OidcProvider(
        id=new_id(),
        slug=_canary(),
        name="Provider",
        issuer="https://provider.test",
        client_id="client",
        client_secret=secret,
        **common,
    )
    texts = SmsProvider(id=new_id(), slug=_canary(), number="17123", keyword="JOIN", secret=secret, **common)
    merge = MemberMerge(
        district_id=district.id,
        id=new_id(),
        kept_id=members[0].id,
        merged_id=members[2].id,
        reason="test",
        at=now,
    )
    alarm = Alarm(district_id=district.id, id=new_id(), kind="test", subject=_canary(), at=now, last_at=now)
    session.add_all([on_line, ban, client, batch, provider, texts, merge, alarm])
    session.flush()
    districts.add_route(session, RouteKind.SMS_PROVIDER, texts.slug, district.id)
    voucher = Voucher(district_id=district.id, code=secrets.token_hex(8), batch_id=batch.id)
    session.add(voucher)
    zone, feed = makers.zone(district), makers.feed(district, slug=_canary())
    slugs: dict[str, Any] = {"gateways": gateway, "plans": plan, "oidc-providers": provider, "feeds": feed}
    slugs |= {"sms-providers": texts, "sms": texts}
    relay = provider_of_messages(makers, district, slug=_canary())
    slugs |= {"channel-providers": relay, "receipts": relay}
    slugs |= {"accounts": corporation(makers, district, slug=_canary())}
    made: dict[str, Any] = {"wifi-sessions": on_line, "bans": ban, "radius-clients": client, "zones": zone}
    made |= {"voucher-batches": batch, "members": members[0], "member-merges": merge, "alarms": alarm}
    made |= {"access-points": makers.access_point(district)}
    made |= {"push-subscriptions": browser(makers, district, members[0])}
    made |= {"devices": phone(makers, district, members[0])}
    made |= {"suppressed-addresses": suppressed(makers, district, members[0])}
    made |= {"deliveries": delivery(makers, district)}
    other = provider_of_messages(makers, district, slug=_canary())
    made |= {"text-templates": filed_text(makers, district, other)}
    ids = {name: str(row.slug) for name, row in slugs.items()} | {
        name: str(row.id) for name, row in made.items()
    }
    others = {"meraki": feed.slug, "tiles": district.slug, "v1": "a.b.c"}
    return ids | others | {"secret": secret, "voucher": voucher.code}


SQUARE = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.16], [24.95, 60.16], [24.95, 60.17], [24.94, 60.17], [24.94, 60.16]]],
}
RULE = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}]},
    "where": {"within": SQUARE},
    "holdout": {"pct": 0},
}
OFFER = {
    "kind": "coupon",
    "value": {"type": "percent", "percent": 20},
    "title": {"zh": "八折", "en": "20 % off"},
    "text": {"zh": "今天有效", "en": "Today only"},
}
DISTRICT = "/v1/districts/{d}"


def bodies(scene: Scene) -> dict[Operation, Any]:
    """A body that each writing operation takes from whoever owns what ``scene`` holds."""
    ids, members = scene.ids, [str(member.id) for member in scene.members]
    store, campaign = ids["stores"], f"{DISTRICT}/campaigns/{{campaign_id}}"
    new_campaign = {"name": "New", "store_ids": [store], "rule": RULE, "offer": OFFER, "stock": 3}
    steps: dict[Operation, Any] = {
        ("POST", f"{campaign}/{step}"): {}
        for step in ("submit", "withdraw", "approve", "reject", "pause", "resume", "end", "preview")
    }
    steps["POST", "/v1/me/push-subscriptions"] = push_subscription()
    steps["POST", "/v1/me/accounts"] = {"provider": "nobody", "code": "code-1"}
    steps["POST", "/v1/me/wechat/grants"] = {"provider": "nobody", "templates": ["TEMPLATE-1"]}
    steps["POST", "/v1/me/devices"] = device()
    plain: dict[str, Any] = {
        "POST sightings": {"sightings": []},
        "POST feeds": {"slug": f"new-{uuid.uuid4().hex[:8]}"},
        "PATCH feeds/{slug}": {"is_disabled": False},
        "POST campaigns/{campaign_id}/claim-links": {},
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
        "POST webhooks": {"url": "https://127.0.0.1:9/new"},
        "POST campaigns": new_campaign | {"merchant_id": str(scene.merchant.id)},
        "PATCH campaigns/{campaign_id}": {"version": 1, "name": "Taken"},
        "POST gateways": {
            "slug": f"new-{uuid.uuid4().hex[:8]}",
            "vendor": "click",
            "secret": secrets.token_hex(16),
            "plan": ids["plans"],
            "zone_id": ids["zones"],
        },
        "PATCH gateways/{slug}": {"name": "Taken", "plan": ids["plans"], "zone_id": ids["zones"]},
        "POST plans": {"slug": f"new-{uuid.uuid4().hex[:8]}"},
        "PATCH plans/{slug}": {"name": "Taken"},
        "POST bans": {"member_id": members[1], "wifi_session_id": ids["wifi-sessions"]},
        "POST radius-clients": {
            "name": f"new-{uuid.uuid4().hex[:8]}",
            "address": f"192.0.2.{secrets.randbelow(200) + 20}",
            "gateway": ids["gateways"],
        },
        "PATCH radius-clients/{client_id}": {"nas_identifier": "taken", "gateway": ids["gateways"]},
        "POST voucher-batches": {"name": "New", "count": 1, "plan": ids["plans"]},
        "POST oidc-providers": {
            "slug": f"new-{uuid.uuid4().hex[:8]}",
            "name": "New",
            "issuer": "https://127.0.0.1:9",
            "client_id": "client",
            "client_secret": "secret-secret",
        },
        "PATCH oidc-providers/{slug}": {"name": "Taken"},
        "PUT recipients": {
            "after": 0,
            "recipients": [{part: {"en": "New", "zh": "新"} for part in ("name", "data", "why")}],
        },
        "POST sms-providers": {"slug": f"new-{uuid.uuid4().hex[:8]}", "number": "17124"},
        "PATCH sms-providers/{slug}": {"name": "Taken"},
        "PATCH marketing-policy": {"version": 1, "offers_per_day": 3},
        "PUT code-policy": {"countries": ["FI"], "sms_cost": 5, "daily_budget": 500},
        "POST access-log/searches": {"since": "2026-04-30T00:00:00Z", "until": "2026-05-02T00:00:00Z"},
        "POST member-merges": {"kept_id": members[0], "merged_id": members[1], "reason": "one person"},
        "POST stores": {
            "name": "New",
            "category": "clothes",
            "lon": 24.94,
            "lat": 60.17,
            "merchant_id": str(scene.merchant.id),
        },
        "PATCH stores/{store_id}": {"name": "Taken"},
        "POST tills": {"store_id": store, "name": "New"},
        "PATCH tills/{till_id}": {"name": "Taken"},
        "POST keys": {"role": "till", "scope_id": ids["tills"]},
        "POST zones": {"name": "New", "geometry": SQUARE},
        "PATCH zones/{zone_id}": {"name": "Taken"},
        "POST access-points": {"mac": secrets.token_hex(6), "zone_id": ids["zones"]},
        "PATCH access-points/{access_point_id}": {"name": "Taken", "zone_id": ids["zones"]},
        "POST merchants": {"name": "New"},
        "POST tags": {"name": f"new-{uuid.uuid4().hex[:8]}", "title": "New"},
        "PUT tags/{name}/members": {"add": [{"redemption_id": ids["redemptions"]}]},
        "POST contact-lists": {"name": f"new-{uuid.uuid4().hex[:8]}", "title": "New"},
        "POST segments": {
            "name": f"new-{uuid.uuid4().hex[:8]}",
            "title": "New",
            "rule": {"not": {"attr": "tag", "value": ids["tags"]}},
        },
        "PATCH segments/{name}": {"version": 1, "title": "Taken"},
        "POST properties": {"kind": "mall", "name": "New"},
        "PATCH properties/{property_id}": {"name": "Taken"},
        "POST properties/{property_id}/territory-consents": {
            "kind": "merchant",
            "id": str(scene.merchant.id),
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
        "POST joint-events/{event_id}/enrolments": {"store_ids": [store]},
        "POST join-incentives": {
            "name": "New",
            "kind": "coupon",
            "offer": OFFER,
            "store_ids": [store],
        },
        "PATCH merchants/{merchant_id}": {"name": "Taken"},
    }
    plain |= money_bodies(scene.merchant) | channel_bodies(ids["channel-providers"])
    return steps | {
        (key.partition(" ")[0], f"{DISTRICT}/{key.partition(' ')[2]}"): body for key, body in plain.items()
    }


def queries(makers: Makers) -> dict[str, dict[str, str]]:
    """What an operation must be asked with, by path."""
    now = makers.clock.now()
    stay = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    return {
        f"{DISTRICT}/access-log/export": stay,
        f"{DISTRICT}/stores/nearest": {"lon": "24.94", "lat": "60.17"},
        "/v1/stores/nearest": {"lon": "24.94", "lat": "60.17"},
        "/v1/me/consents/proof": {"purpose": "marketing"},
        f"{DISTRICT}/tills/offline-kit": {"at": now.isoformat()},
    }


def fingerprint(makers: Makers, *, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Each table's contents in a word, so that two states can be told apart table by table."""
    names = makers.session.scalars(
        text(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'spatial_ref_sys'"
        )
    ).all()
    parts = " UNION ALL ".join(
        f"SELECT '{name}', coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {name} t"
        for name in sorted(set(names) - without)
    )
    found = {str(name): str(word) for name, word in makers.session.execute(text(parts))}
    makers.session.rollback()
    return found
