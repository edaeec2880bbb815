"""A district in which every page has something to show."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from district.audiences.models import ContactList, Segment, Tag
from district.auth.models import Role
from district.campaigns.models import Campaign
from district.channels.models import ChannelProvider, TextFiling, TextTemplate
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members.models import Member
from district.merchants.models import Merchant
from district.offers.claim_models import ClaimLink
from district.offers.models import Offer, Refusal
from district.radius import credentials, eap
from district.redemptions.models import Redemption
from district.stores.models import Property, Store, Till
from district.visits.models import Visit
from push.channels.filed_texts import Carrier
from push.coupon import code_from
from tests.browser.addresses import AP_MAC, POSTER, SET, pages
from tests.browser.points_and_locks import points_and_locks
from tests.district.web_member.conftest import arrive
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"


@dataclass(frozen=True, kw_only=True)
class Words:
    """What people and machines have written, by where it shows."""

    merchant: str = "Zio"
    store: str = "Zio Kluuvi"
    campaign: str = "Lunch"
    title: str = "20 % off"
    text: str = "Today only"
    access_point: str = "Entrance north"
    zone: str = "Aleksanterinkatu"
    till: str = "Counter 1"
    wanted: str = "http://example.com/"
    title_zh: str = "八折"
    more: tuple[str, ...] = ()
    """Each the name of one more shop, merchant, campaign, offer, zone and access point."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who may look at what. pages: by the role that looks, "" for anybody; tokens: of their sessions."""

    slug: str
    coupon: Offer
    campaign_id: uuid.UUID
    tokens: Mapping[str, str]
    pages: Mapping[str, list[str]] = field(default_factory=dict)


def build(session: Session, clock: FixedClock, words: Words) -> Scene:
    """Fill a district and say where everything shows."""
    makers = Makers(session, clock, commit=True)
    district = makers.district(
        label="Demo district", name="Kluuvi", country="FI", attribution="© OpenStreetMap"
    )
    merchant = makers.merchant(district, name=words.merchant)
    store = makers.store(district, merchant_id=merchant.id, name=words.store, address=words.text, floor="2")
    for number in range(12):
        makers.store(
            district, name=f"{words.store} {number}", category="cafe", opening_hours="Mo-Su 08:00-20:00"
        )
    till = Till(
        district_id=district.id, id=new_id(), store_id=store.id, name=words.till, created_at=clock.now()
    )
    session.add(till)
    offered = {
        "kind": "coupon",
        "value": {"type": "percent", "percent": 20},
        "title": {"zh": words.title_zh, "en": words.title},
        "text": {"zh": words.text, "en": words.text},
    }
    live = makers.campaign(district, merchant, [store], stock=100, name=words.campaign, offer=offered)
    makers.campaign(district, merchant, [store], name=words.campaign, offer=offered, state="in_review")
    claimed = _claimable(makers, district, merchant, store, offered)
    place = _property(makers, district, store, words)
    _audience(makers, merchant, claimed[0], words)
    makers.zone(district, name=words.zone)
    makers.access_point(district, mac=AP_MAC, name=words.access_point)
    makers.access_point(district, at=None, name=words.access_point)
    makers.feed(district)
    member = makers.member(district)
    shown = {"title": offered["title"], "text": offered["text"]}
    coupon = makers.offer(live, member, code=code_from(b"q" * 16), **shown)
    used = makers.offer(live, member, state="redeemed", **shown)
    for one in (coupon, used):
        arrive(makers, one, store)
    for name in words.more:
        _named(makers, district, member, name)
    session.add(_redemption(used, store, till, clock))
    points_and_locks(makers, member, store, used)
    _lively(session, makers.info(district).trading_day(clock.now()), member, live.id, clock)
    gateway = f"gw-{district.slug}"
    new = NewGateway(slug=gateway, vendor="click", secret=SECRET, methods=["click", "phone", "email"])
    gateways.create(session, makers.info(district), new, clock=clock)
    _own_wifi(session, makers.info(district), member, clock)
    _channels(makers, district, words)
    _beside_channels(makers, district, words)
    session.commit()
    operator = makers.account(district, Role.OPERATOR)
    owner = makers.account(district, Role.MERCHANT, scope_id=merchant.id)
    manager = makers.account(district, Role.PROPERTY, scope_id=place.id)
    return Scene(
        slug=district.slug,
        coupon=coupon,
        campaign_id=live.id,
        tokens={
            "shopper": makers.token(district, Role.SHOPPER, subject_id=member.id),
            "merchant": makers.token(district, Role.MERCHANT, subject_id=owner.id, scope_id=merchant.id),
            "operator": makers.token(district, Role.OPERATOR, subject_id=operator.id),
            "property": makers.token(district, Role.PROPERTY, subject_id=manager.id, scope_id=place.id),
        },
        pages=pages(district.slug, store, coupon, _redirect(gateway, words, clock), claimed),
    )


def _claimable(
    makers: Makers, district: District, merchant: Merchant, store: Store, offered: dict[str, Any]
) -> list[Campaign]:
    """One offer of each kind that members take themselves: there, in the shop only, soon, sold out."""
    price = {"type": "in_store_price", "price_minor": 990, "regular_minor": 1_590}
    threshold = {"type": "amount", "minor_units": 500, "min_spend_minor": 2_000}
    opens = makers.clock.now() + timedelta(minutes=20)
    kinds: list[tuple[dict[str, Any], int | None]] = [
        ({"value": threshold, "claim": {"mode": "open"}}, 40),
        ({"value": price, "claim": {"mode": "open"}}, None),
        ({"claim": {"mode": "drop", "opens_at": opens.isoformat()}}, 50),
        ({"claim": {"mode": "open"}}, 0),
    ]
    return [
        makers.campaign(district, merchant, [store], stock=stock, offer=offered | kind)
        for kind, stock in kinds
    ]


def _beside_channels(makers: Makers, district: District, words: Words) -> None:
    """Wallets and screens."""
    now = makers.clock.now()
    values = {"district_id": district.id, "created_at": now, "changed_at": now, "name": words.store}
    for kind, part in (("apple_wallet", "wallet"), ("google_wallet", "wallet"), ("none", "screen")):
        slug = f"{part}-{kind.replace('_', '-')}"
        makers.session.add(
            ChannelProvider(id=new_id(), slug=slug, channel=part, kind=kind, options={}, sealed=b"", **values)
        )


def _channels(makers: Makers, district: District, words: Words) -> None:
    """Browsers and mail servers that ring, and texts of a provider that is off, on file and not."""
    now = makers.clock.now()
    values = {"district_id": district.id, "created_at": now, "changed_at": now}
    kinds = {"sms": "aliyun_sms", "web_push": "none", "email": "none"}
    for channel, kind in kinds.items():
        named = {"slug": channel, "channel": channel, "kind": kind, "name": words.store}
        row = ChannelProvider(id=new_id(), options={}, sealed=b"", is_on=channel != "sms", **values, **named)
        makers.session.add(row)
        makers.session.flush()
        if channel != "sms":
            continue
        for number in ("", "SMS_1"):
            about = {
                "signature": "中央商圈",
                "purpose": "marketing",
                "language": "zh",
                "text": "{store} 拒收请回复R",
            }
            text = TextTemplate(id=new_id(), provider_id=row.id, number=number, **about, **values)
            makers.session.add(text)
            makers.session.flush()
            filing = {"state": "refused", "note": words.text, "changed_at": now}
            for carrier in Carrier if number else ():
                filed = TextFiling(district_id=district.id, template_id=text.id, carrier=carrier, **filing)
                makers.session.add(filed)


def _property(makers: Makers, district: District, store: Store, words: Words) -> Property:
    """A house in which the store stands."""
    place = Property(
        district_id=district.id, id=new_id(), kind="mall", name=words.zone, created_at=makers.clock.now()
    )
    makers.session.add(place)
    makers.session.flush()
    store.property_id = place.id
    makers.done()
    return place


def _audience(makers: Makers, merchant: Merchant, campaign: Campaign, words: Words) -> None:
    """A tag, a list and a segment of the merchant's, and the code of a poster."""
    now, district_id = makers.clock.now(), merchant.district_id
    own = {"district_id": district_id, "merchant_id": merchant.id, "name": SET, "created_at": now}
    rule = {
        "all": [
            {"attr": "visits", "op": ">=", "value": 3, "window_d": 90},
            {"not": {"attr": "tag", "value": SET}},
        ]
    }
    makers.session.add_all(
        [
            Tag(**own, title=words.zone),
            ContactList(**own, title=words.zone, entries=12, uploaded_at=now),
            Segment(**own, title=words.zone, kind="live", version=1, rule=rule, changed_at=now),
            ClaimLink(district_id=district_id, token=POSTER, campaign_id=campaign.id, created_at=now),
        ]
    )
    makers.done()


def _own_wifi(session: Session, district: DistrictInfo, member: Member, clock: FixedClock) -> None:
    now = clock.machine_now()
    eap.prepare(session, district, eap.Wanted(ssid="Members"), kept=None, public_url=None, now=now)
    credentials.issue(session, district, member, life=timedelta(days=365), clock=clock)


def _named(makers: Makers, district: District, member: Member, name: str) -> None:
    merchant = makers.merchant(district, name=name)
    store = makers.store(
        district, merchant_id=merchant.id, name=name, category=name[:40], address=name, brand=name
    )
    said = {"title": {"zh": name, "en": name}, "text": {"zh": name, "en": name}}
    value = {"type": "percent", "percent": 20}
    offered = {"kind": "coupon", "value": value, **said}
    live = makers.campaign(district, merchant, [store], name=name, offer=offered)
    makers.campaign(district, merchant, [store], name=name, offer=offered, state="in_review")
    arrive(makers, makers.offer(live, member, **said), store)
    makers.zone(district, name=name)
    makers.access_point(district, name=name)
    makers.access_point(district, at=None, name=name)


def _redemption(used: Offer, store: Store, till: Till, clock: FixedClock) -> Redemption:
    return Redemption(
        district_id=used.district_id,
        id=new_id(),
        offer_id=used.id,
        store_id=store.id,
        till=f"till:{till.id}",
        use_request_no="scene",
        body_hash=b"\0" * 32,
        value=used.value,
        redeemed_at=clock.now() - timedelta(minutes=2),
    )


def _lively(session: Session, day: date, member: Member, campaign_id: uuid.UUID, clock: FixedClock) -> None:
    """Enough people that nothing is suppressed, and a refusal with its reason."""
    now = clock.now()
    for _ in range(12):
        session.add(
            Visit(
                district_id=member.district_id,
                trading_day=day,
                id=new_id(),
                place_kind="district",
                member_id=new_id(),
                started_at=now - timedelta(minutes=40),
                ended_at=now,
                fixes=5,
            )
        )
    session.add(
        Refusal(
            district_id=member.district_id,
            trading_day=day,
            member_id=member.id,
            campaign_id=campaign_id,
            reason="capped",
            last_at=now,
        )
    )


def _redirect(gateway: str, words: Words, clock: FixedClock) -> str:
    """The address to which the gateway sends a telephone."""
    query = redirect_query(
        SECRET, mac="02:aa:22:33:44:66", ap=AP_MAC, url=words.wanted, machine_now=clock.machine_now()
    )
    return f"/portal/{gateway}?{query}"
