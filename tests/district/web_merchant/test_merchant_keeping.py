"""What a campaign says beyond the console's form is kept when the form is saved."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from tests.district.web_merchant.conftest import Business, form
from tests.district.web_merchant.test_campaign_pages import drafts

EXCLUDED = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.168], [24.9401, 60.168], [24.94, 60.1681], [24.94, 60.168]]],
}
BEYOND: Mapping[str, Any] = {
    "who": {"all": [{"attr": "visits", "op": ">=", "value": 3, "window_d": 30}]},
    "holdout": {"pct": 25},
    "pace": {"per_min": 60},
    "priority": "filler",
}


def change(
    engine: Engine, row: Campaign, *, rule: Mapping[str, Any], offer: Mapping[str, Any] | None = None
) -> None:
    with Session(engine) as session, session.begin():
        kept = session.get_one(Campaign, (row.district_id, row.id))
        kept.rule = {**kept.rule, **rule}
        kept.offer = {**kept.offer, **(offer or {})}


async def test_saving_keeps_what_the_form_does_not_show(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    await merchant.post("/merchant/campaigns/new", data=form(business))
    (made,) = drafts(engine, business)
    where = {**made.rule["where"], "exclude": [EXCLUDED]}
    cap = {**made.rule["cap"], "gap_min": 45}
    trigger = {"any": [{**made.rule["trigger"]["any"][0], "cool_down_s": 600}]}
    when = {**made.rule["when"], "blackout": ["2026-12-24"]}
    more = {**BEYOND, "where": where, "cap": cap, "trigger": trigger, "when": when}
    value = {"type": "amount", "minor_units": 250, "min_spend_minor": 1000}
    change(engine, made, rule=more, offer={"value": value})
    sent = form(business, audience="", ttl_min="30", version=str(made.version))
    answer = await merchant.post(f"/merchant/campaigns/{made.id}/edit", data=sent)
    assert answer.headers["location"].endswith("said=saved")
    (saved,) = drafts(engine, business)
    assert saved.rule == {**made.rule, **more, "ttl_s": 1800}
    assert saved.offer["value"] == value


@pytest.mark.parametrize(
    ("rule", "offer"),
    [
        ({"trigger": {"any": [{"on": "wifi.join", "first": True}]}}, {}),
        ({"trigger": {"any": [{"on": "fence.enter"}, {"on": "fence.dwell", "min_s": 60}]}}, {}),
        ({}, {"kind": "greeting"}),
    ],
    ids=["another trigger", "two triggers", "another kind"],
)
async def test_what_the_form_cannot_show_is_not_edited_with_it(
    merchant: httpx.AsyncClient,
    business: Business,
    engine: Engine,
    rule: Mapping[str, Any],
    offer: Mapping[str, Any],
) -> None:
    await merchant.post("/merchant/campaigns/new", data=form(business))
    (made,) = drafts(engine, business)
    change(engine, made, rule=rule, offer=offer)
    page = await merchant.get(f"/merchant/campaigns/{made.id}/edit")
    copied = await merchant.get(f"/merchant/campaigns/new?copy={made.id}")
    saved = await merchant.post(
        f"/merchant/campaigns/{made.id}/edit", data=form(business, version=str(made.version))
    )
    assert {one.headers["location"].partition("said=")[2] for one in (page, copied, saved)} == {"beyond"}
    (left,) = drafts(engine, business)
    assert left.rule == {**made.rule, **rule}
