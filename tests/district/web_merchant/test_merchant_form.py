"""The form and the stored campaign say the same, both ways."""

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.campaigns.schemas import CampaignOut, OwnerKind
from district.database import new_id
from district.districts.service import DistrictInfo
from district.stores.schemas import StoreView
from district.web.merchant_form import Builder, CampaignForm
from district.web.merchant_hours import DAYS
from district.web.merchant_refill import IDEAS, of_campaign
from geo.coordinates import LonLat
from geo.datum import Datum
from push.campaign import CampaignState
from push.campaign_document import parse_rule
from push.offer_document import parse_offer

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
SHOP = StoreView(
    id=new_id(),
    ref="zio",
    merchant_id=new_id(),
    property_id=None,
    name="Zio",
    name_zh="",
    category="clothes",
    brand="",
    opening_hours="",
    floor=None,
    address="",
    lon=24.94,
    lat=60.17,
    overrides=[],
    closed_at=None,
    created_at=NOW,
)


def district(currency: str = "EUR") -> DistrictInfo:
    return DistrictInfo(
        id=new_id(),
        slug="helsinki",
        name="Helsinki",
        name_zh="",
        center=LonLat(lon=24.94, lat=60.17),
        zone=ZoneInfo("Europe/Helsinki"),
        day_start=time(6),
        datum=Datum.WGS84,
        currency=currency,
        alias_key=b"",
    )


def built(form: CampaignForm, where: DistrictInfo) -> CampaignOut:
    """The campaign that a form asks for, as it would be stored."""
    builder = Builder(form=form, district=where, stores=[SHOP])
    new = builder.campaign()
    assert new is not None, builder.errors
    parse_rule(new.rule)
    parse_offer(new.offer)
    return CampaignOut(
        id=new_id(),
        version=3,
        state=CampaignState.DRAFT,
        owner_kind=OwnerKind.STORE,
        merchant_id=new_id(),
        property_id=None,
        content_version=3,
        pending=None,
        name=new.name,
        store_ids=new.store_ids,
        rule=new.rule,
        offer=new.offer,
        fence={},
        stock=new.stock,
        issued=0,
        reject_reason="",
        pause_reason=None,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        created_at=NOW,
        changed_at=NOW,
        allows=[],
    )


FORMS = st.builds(
    CampaignForm,
    name=st.just("Lunch"),
    store_ids=st.just((str(SHOP.id),)),
    radius_m=st.integers(5, 2000).map(str),
    hours=st.sampled_from(["any", "chips"]),
    days=st.sets(st.sampled_from(DAYS), min_size=1).map(lambda days: tuple(sorted(days))),
    store_open=st.sampled_from(["", "yes"]),
    audience=st.sampled_from(["everyone", "new", "returning"]),
    trigger=st.sampled_from(["enter", "dwell"]),
    dwell_min=st.integers(1, 240).map(str),
    cap_n=st.integers(1, 10).map(str),
    cap_per=st.sampled_from(["day", "7d", "total"]),
    ttl_min=st.integers(1, 1440).map(str),
    kind=st.sampled_from(["coupon", "message"]),
    value=st.sampled_from(["amount", "percent", "gift", "none"]),
    amount=st.decimals("0.01", "9999", places=2).map(str),
    percent=st.integers(1, 100).map(str),
    title_en=st.just("A title"),
    text_zh=st.just("正文"),
    stock=st.one_of(st.just(""), st.integers(0, 10**8).map(str)),
    starts=st.sampled_from(["", "2026-05-02T10:00"]),
    ends=st.sampled_from(["", "2026-06-30T21:30"]),
)


@given(form=FORMS)
def test_a_campaign_shown_in_the_form_and_sent_again_is_the_same(form: CampaignForm) -> None:
    where = district()
    first = built(form, where)
    again = built(of_campaign(first, where), where)
    for name in ("name", "store_ids", "rule", "offer", "stock", "starts_at", "ends_at"):
        assert getattr(again, name) == getattr(first, name)


@pytest.mark.parametrize("idea", sorted(IDEAS))
def test_every_idea_is_a_campaign_that_can_be_sent_at_once(idea: str) -> None:
    made = built(replace(IDEAS[idea], store_ids=(str(SHOP.id),)), district())
    assert set(made.offer["title"]) == {"en", "zh"}


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("EUR", "2,50", 250), ("CNY", "9.9", 990), ("JPY", "300", 300)]
)
def test_an_amount_is_read_in_the_districts_currency(currency: str, amount: str, minor: int) -> None:
    where = district(currency)
    form = CampaignForm(
        name="x", store_ids=(str(SHOP.id),), value="amount", amount=amount, title_en="t", text_en="t"
    )
    made = built(form, where)
    assert made.offer["value"]["minor_units"] == minor
    assert Decimal(of_campaign(made, where).amount) == Decimal(amount.replace(",", "."))


def test_a_start_is_read_in_the_districts_zone() -> None:
    form = CampaignForm(
        name="x", store_ids=(str(SHOP.id),), starts="2026-01-10T12:00", title_en="t", text_en="t"
    )
    starts_at = built(form, district()).starts_at
    assert starts_at is not None
    assert starts_at.astimezone(UTC).hour == 10
