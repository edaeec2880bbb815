"""The network of a tenant and the people in it, and the bodies that these operations take."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from district.database import new_id
from district.districts import service as districts
from district.districts.models import District, RouteKind
from district.gateways.models import Ban, Gateway, Plan, WifiSession
from district.members.models import Alarm, Member, MemberMerge
from district.portal.models import OidcProvider, SmsProvider
from district.radius.models import RadiusClient
from district.vouchers.models import Voucher, VoucherBatch
from tests.factories import Makers
from tests.hostile.samples import SQUARE, canary, new_address, new_word


def wifi(makers: Makers, district: District, members: tuple[Member, Member, Member]) -> dict[str, str]:
    """Somebody on line and by what he got there, with the secret that all of it shares."""
    session, now = makers.session, makers.clock.now()
    common = {"district_id": district.id, "created_at": now}
    secret = canary()
    plan = Plan(id=new_id(), slug=canary(), **common)
    gateway = Gateway(id=new_id(), slug=canary(), vendor="click", secret=secret, **common)
    session.add_all([plan, gateway])
    session.flush()
    districts.add_route(session, RouteKind.GATEWAY, gateway.slug, district.id)
    kept = {"district_id": district.id, "gateway_id": gateway.id, "member_id": members[0].id}
    on_line = WifiSession(id=new_id(), alias=secrets.token_bytes(16), method="click", granted_at=now, **kept)
    client = RadiusClient(id=new_id(), name=canary(), address=new_address(), secret=secret, **common)
    batch = VoucherBatch(id=new_id(), name=canary(), **common)
    session.add_all([on_line, client, batch])
    session.flush()
    voucher = Voucher(district_id=district.id, code=secrets.token_hex(8), batch_id=batch.id)
    session.add(voucher)
    made: dict[str, Any] = {"wifi-sessions": on_line, "radius-clients": client, "voucher-batches": batch}
    ids = {name: str(row.id) for name, row in made.items()} | {"gateways": gateway.slug, "plans": plan.slug}
    ids |= _sign_in(makers, district, secret) | _people(makers, district, members) | _seen(makers, district)
    return ids | {"v1": "a.b.c", "secret": secret, "voucher": voucher.code}


def _sign_in(makers: Makers, district: District, secret: str) -> dict[str, str]:
    """Two of the ways."""
    common = {"district_id": district.id, "created_at": makers.clock.now()}
    provider = OidcProvider(
        id=new_id(),
        slug=canary(),
        name="Provider",
        issuer="https://provider.test",
        client_id="client",
        client_secret=secret,
        **common,
    )
    texts = SmsProvider(id=new_id(), slug=canary(), number="17123", keyword="JOIN", secret=secret, **common)
    makers.session.add_all([provider, texts])
    makers.session.flush()
    districts.add_route(makers.session, RouteKind.SMS_PROVIDER, texts.slug, district.id)
    return {"oidc-providers": provider.slug, "sms-providers": texts.slug, "sms": texts.slug}


def _people(makers: Makers, district: District, members: tuple[Member, Member, Member]) -> dict[str, str]:
    """What is noted of members."""
    kept, banned, merged = members
    now = makers.clock.now()
    ban = Ban(district_id=district.id, id=new_id(), member_id=banned.id, reason=canary(), created_at=now)
    merge = MemberMerge(
        district_id=district.id, id=new_id(), kept_id=kept.id, merged_id=merged.id, reason="test", at=now
    )
    alarm = Alarm(district_id=district.id, id=new_id(), kind="test", subject=canary(), at=now, last_at=now)
    makers.session.add_all([ban, merge, alarm])
    made: dict[str, Any] = {"bans": ban, "members": kept, "member-merges": merge, "alarms": alarm}
    return {name: str(row.id) for name, row in made.items()}


def _seen(makers: Makers, district: District) -> dict[str, str]:
    """Places, and what tells who is there."""
    feed = makers.feed(district, slug=canary())
    places = {"zones": str(makers.zone(district).id), "access-points": str(makers.access_point(district).id)}
    return places | {"feeds": feed.slug, "meraki": feed.slug, "tiles": district.slug}


def gateway_bodies(ids: Mapping[str, str], members: Sequence[str]) -> dict[str, Any]:
    """Of gateways and who may pass. By method and path below the district."""
    return {
        "POST gateways": {
            "slug": new_word(),
            "vendor": "click",
            "secret": secrets.token_hex(16),
            "plan": ids["plans"],
            "zone_id": ids["zones"],
        },
        "PATCH gateways/{slug}": {"name": "Taken", "plan": ids["plans"], "zone_id": ids["zones"]},
        "POST plans": {"slug": new_word()},
        "PATCH plans/{slug}": {"name": "Taken"},
        "POST bans": {"member_id": members[1], "wifi_session_id": ids["wifi-sessions"]},
        "POST radius-clients": {
            "name": new_word(),
            "address": new_address(),
            "gateway": ids["gateways"],
        },
        "PATCH radius-clients/{client_id}": {"nas_identifier": "taken", "gateway": ids["gateways"]},
        "POST voucher-batches": {"name": "New", "count": 1, "plan": ids["plans"]},
    }


def sign_in_bodies(members: Sequence[str]) -> dict[str, Any]:
    """Of the ways to sign in and of who did. By method and path below the district."""
    return {
        "POST oidc-providers": {
            "slug": new_word(),
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
        "POST sms-providers": {"slug": new_word(), "number": "17124"},
        "PATCH sms-providers/{slug}": {"name": "Taken"},
        "PUT code-policy": {"countries": ["FI"], "sms_cost": 5, "daily_budget": 500},
        "POST access-log/searches": {"since": "2026-04-30T00:00:00Z", "until": "2026-05-02T00:00:00Z"},
        "POST member-merges": {"kept_id": members[0], "merged_id": members[1], "reason": "one person"},
    }


def place_bodies(ids: Mapping[str, str]) -> dict[str, Any]:
    """Of places and what is seen there. By method and path below the district."""
    return {
        "POST sightings": {"sightings": []},
        "POST feeds": {"slug": new_word()},
        "PATCH feeds/{slug}": {"is_disabled": False},
        "POST zones": {"name": "New", "geometry": SQUARE},
        "PATCH zones/{zone_id}": {"name": "Taken"},
        "POST access-points": {"mac": secrets.token_hex(6), "zone_id": ids["zones"]},
        "PATCH access-points/{access_point_id}": {"name": "Taken", "zone_id": ids["zones"]},
    }
