"""A district in which one row of everything stands, and the requests that every operation of the interface would take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import text

from district.districts.models import District
from district.members.models import Member
from district.merchants.models import Merchant
from tests.factories import Makers
from tests.hostile.channels import (
    channel_bodies,
    device,
    messengers,
    push_subscription,
)
from tests.hostile.money import money_bodies
from tests.hostile.network import gateway_bodies, place_bodies, sign_in_bodies, wifi
from tests.hostile.samples import canary
from tests.hostile.sets import set_bodies, sets
from tests.hostile.shared import shared, shared_bodies
from tests.hostile.trade import campaign_bodies, shop, store_bodies, till_bodies

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
    merchant = makers.merchant(district, name=canary())
    members = (makers.member(district), makers.member(district), makers.member(district))
    own = shop(makers, district, merchant, members[0])
    network = wifi(makers, district, members)
    others = sets(makers, district, merchant)
    others |= shared(makers, district, own["stores"], merchant) | messengers(makers, district, members[0])
    values = {"merchant": merchant.name, "secret": network["secret"], "voucher": network["voucher"]}
    ids = {key: value for key, value in (own | others | network).items() if key not in values}
    makers.done()
    return Scene(district=district, merchant=merchant, members=members, ids=ids, values=values)


DISTRICT = "/v1/districts/{d}"


def bodies(scene: Scene) -> dict[Operation, Any]:
    """A body that each writing operation takes from whoever owns what ``scene`` holds."""
    ids, members, merchant_id = scene.ids, [str(one.id) for one in scene.members], str(scene.merchant.id)
    plain = campaign_bodies(ids, merchant_id) | till_bodies(ids) | store_bodies(merchant_id)
    plain |= gateway_bodies(ids, members) | sign_in_bodies(members) | place_bodies(ids)
    plain |= set_bodies(ids) | shared_bodies(ids, merchant_id)
    plain |= money_bodies(scene.merchant) | channel_bodies(ids["channel-providers"])
    steps = ("submit", "withdraw", "approve", "reject", "pause", "resume", "end", "preview")
    plain |= {f"POST campaigns/{{campaign_id}}/{step}": {} for step in steps}
    here = {
        (key.partition(" ")[0], f"{DISTRICT}/{key.partition(' ')[2]}"): body for key, body in plain.items()
    }
    return here | own_bodies()


def own_bodies() -> dict[Operation, Any]:
    """Of what members write of themselves."""
    return {
        ("POST", "/v1/me/push-subscriptions"): push_subscription(),
        ("POST", "/v1/me/accounts"): {"provider": "nobody", "code": "code-1"},
        ("POST", "/v1/me/wechat/grants"): {"provider": "nobody", "templates": ["TEMPLATE-1"]},
        ("POST", "/v1/me/devices"): device(),
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
