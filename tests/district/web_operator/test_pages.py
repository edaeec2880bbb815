"""The operator's pages: who sees them, what they show, what they change."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth import codes
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.feeds.models import FeedHealth
from district.footfall.live import Here, Line, Live, Today
from district.gateways.models import Gateway, WifiSession
from district.outbox.models import OutboxMessage
from district.visits.models import Visit
from district.web import operator_live
from district.web.language import Language, Tongue, speaking
from tests.factories import Makers

PAGES = (
    "/operator",
    "/operator/approvals",
    "/operator/gateways",
    "/operator/feeds",
    "/operator/places",
    "/operator/codes",
)
FILES = (
    "/operator/zones.csv",
    "/operator/feeds.csv",
    "/operator/zones-list.csv",
    "/operator/access-points.csv",
)
HTMX = {"hx-request": "true"}


def table_of(answer: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


@pytest.mark.parametrize("path", [*PAGES, *FILES, "/operator/live"])
async def test_strangers_and_merchants_are_led_to_the_log_in(
    client: httpx.AsyncClient, merchant: httpx.AsyncClient, path: str
) -> None:
    for browser in (client, merchant):
        answer = await browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?role=operator")


async def test_a_fragment_leads_the_whole_page_to_the_log_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/operator/codes", headers=HTMX)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?role=operator")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_shows_its_empty_state_without_inline_code(
    operator: httpx.AsyncClient, path: str, lang: str
) -> None:
    answer = await operator.get(path, params={"lang": lang})
    assert answer.status_code == 200
    assert "empty-state" in answer.text
    assert not any(part in answer.text for part in (" style=", " onclick=", "hx-on", "javascript:"))
    assert answer.headers["content-language"] == {"en": "en", "zh": "zh-Hans"}[lang]


@pytest.mark.parametrize("path", FILES)
async def test_every_table_is_a_file_too(operator: httpx.AsyncClient, path: str) -> None:
    answer = await operator.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(table_of(answer)) == 1


async def test_the_live_page_hides_small_zones(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    info = committed.info(district)
    start = clock.now() - timedelta(minutes=40)
    for name, people in (("Aleksi", 14), ("+Quiet", 6)):
        zone = committed.zone(district, name=name)
        for _ in range(people):
            committed.session.add(
                Visit(
                    district_id=district.id,
                    trading_day=info.trading_day(start),
                    id=uuid.uuid4(),
                    place_kind="zone",
                    place_id=zone.id,
                    device=uuid.uuid4().bytes,
                    started_at=start,
                    ended_at=start + timedelta(minutes=25),
                    fixes=50,
                )
            )
    committed.done()
    page = (await operator.get("/operator")).text
    assert "Aleksi" in page
    assert "25 min" in page
    assert "&lt;10" in page
    rows = {row[0]: row[3:] for row in table_of(await operator.get("/operator/zones.csv"))}
    assert rows["Aleksi"] == ["14", "25.0"]
    assert rows["'+Quiet"] == ["<10", ""]


async def test_one_click_approves_and_one_takes_it_back(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    campaign = committed.campaign(
        district, committed.merchant(district), [], state="in_review", name="<Lunch>"
    )
    page = (await operator.get("/operator/approvals")).text
    assert "&lt;Lunch&gt;" in page
    assert "20% off" in page
    steps = (("approve", "live", "/pause"), ("pause", "paused", "/resume"), ("resume", "live", "/pause"))
    for action, state, following in steps:
        answer = await operator.post(f"/operator/approvals/{campaign.id}/{action}", headers=HTMX)
        assert answer.status_code == 200, answer.text
        assert f"/operator/approvals/{campaign.id}{following}" in answer.text
        committed.session.refresh(campaign)
        assert campaign.state == state


async def test_a_rejection_tells_the_merchant_why_and_can_be_taken_back(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    campaign = committed.campaign(district, committed.merchant(district), [], state="in_review")
    form = {"reason": "Too loud", "version": str(campaign.version)}
    answer = await operator.post(f"/operator/approvals/{campaign.id}/reject", data=form, headers=HTMX)
    committed.session.refresh(campaign)
    assert (campaign.state, campaign.reject_reason) == ("draft", "Too loud")
    assert f"/operator/approvals/{campaign.id}/submit" in answer.text
    await operator.post(f"/operator/approvals/{campaign.id}/submit", headers=HTMX)
    committed.session.refresh(campaign)
    assert campaign.state == "in_review"


async def test_a_campaign_that_was_changed_meanwhile_is_not_approved_unseen(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    campaign = committed.campaign(district, committed.merchant(district), [], state="in_review", version=3)
    answer = await operator.post(
        f"/operator/approvals/{campaign.id}/approve", data={"version": "2"}, headers=HTMX
    )
    assert "alert-danger" in answer.text
    committed.session.refresh(campaign)
    assert campaign.state == "in_review"


async def test_nobody_else_decides(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    committed: Makers,
    district: District,
) -> None:
    campaign = committed.campaign(district, committed.merchant(district), [], state="in_review")
    path = f"/operator/approvals/{campaign.id}/approve"
    assert (await stranger.post(path)).status_code == 404
    assert (await client.post(path, headers={"sec-fetch-site": "same-origin"})).status_code == 303
    assert (await operator.post(path, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await operator.post(f"/operator/approvals/{campaign.id}/end")).status_code == 404
    assert (await operator.post(f"/operator/approvals/{new_id()}/approve")).status_code == 404
    committed.session.refresh(campaign)
    assert campaign.state == "in_review"


async def test_a_gateway_is_registered_with_its_configuration(
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    slug = f"gw-{uuid.uuid4().hex[:8]}"
    form: dict[str, Any] = {
        "slug": slug,
        "vendor": "opennds",
        "methods": ["click", "phone"],
        "networks": "192.168.1.0/24",
    }
    answer = await operator.post("/operator/gateways", data=form)
    assert answer.headers["location"] == f"/operator/gateways/{slug}?made=1"
    page = (await operator.get(answer.headers["location"])).text
    assert f"faspath /portal/{slug}" in page
    again = await operator.post("/operator/gateways", data=form)
    assert again.status_code == 422
    assert "taken" in again.text
    assert (await stranger.post(f"/operator/gateways/{slug}/remove")).status_code == 404
    assert (await operator.post(f"/operator/gateways/{slug}/remove")).status_code == 303
    assert slug not in (await operator.get("/operator/gateways")).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Not A Slug"},
        {"vendor": "unheard-of"},
        {"public_url": "javascript:alert(1)"},
        {"networks": "300.1.1.1/8"},
        {"methods": "telepathy"},
    ],
)
async def test_a_gateway_that_makes_no_sense_is_shown_again(
    operator: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    form = {"slug": f"gw-{uuid.uuid4().hex[:8]}", "vendor": "click"} | wrong
    answer = await operator.post("/operator/gateways", data=form)
    assert answer.status_code == 422
    assert "alert-danger" in answer.text


async def test_a_gateway_that_people_used_stays(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    slug = f"gw-{uuid.uuid4().hex[:8]}"
    await operator.post("/operator/gateways", data={"slug": slug, "vendor": "click"})
    row = committed.session.query(Gateway).filter_by(district_id=district.id, slug=slug).one()
    committed.session.add(
        WifiSession(
            district_id=district.id,
            gateway_id=row.id,
            member_id=committed.member(district).id,
            alias=b"a" * 16,
            method="click",
            granted_at=clock.now(),
        )
    )
    committed.done()
    assert (await operator.post(f"/operator/gateways/{slug}/remove")).status_code == 409
    assert "1 sign-in" in (await operator.get("/operator/gateways")).text


async def test_feeds_tell_what_became_of_each_row(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    feed = committed.feed(district)
    outcomes = {"accepted": 900, "recorded": 880, "duplicates": 3, "bad_mac": 12, "in_future": 5}
    for outcome, rows in outcomes.items():
        committed.session.add(
            FeedHealth(
                district_id=district.id,
                feed_id=feed.id,
                trading_day=committed.info(district).trading_day(clock.now()),
                outcome=outcome,
                rows=rows,
                last_at=clock.now() - timedelta(seconds=30),
            )
        )
    committed.done()
    page = (await operator.get("/operator/feeds")).text
    assert "not a MAC address" in page
    assert "Delivers" in page
    head, row = table_of(await operator.get("/operator/feeds.csv"))
    told = dict(zip(head, row, strict=True))
    assert (told["accepted"], told["recorded"], told["rejected_bad_mac"]) == ("900", "880", "12")
    clock.advance(timedelta(minutes=10))
    assert "Silent" in (await operator.get("/operator/feeds")).text


async def test_places_list_zones_and_access_points(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    committed.zone(district, name="Aleksi")
    committed.access_point(district, name="AP 1", mac="00180a000001")
    committed.access_point(district, name="AP 2", at=None)
    page = (await operator.get("/operator/places")).text
    assert "Aleksi" in page
    assert "1 access point is not on the map" in page
    rows = table_of(await operator.get("/operator/access-points.csv"))
    assert rows[1][:2] == ["00:18:0a:00:00:01", "AP 1"]
    assert rows[2][2:4] == ["", ""]


async def test_codes_are_shown_only_where_the_settings_say_so(
    app: FastAPI, operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    committed.session.add(
        OutboxMessage(
            district_id=district.id,
            channel="sms",
            purpose="code",
            payload={"to": "+358401234567", "code": "482913"},
            state="accepted",
            due_at=clock.now(),
            retry_at=clock.machine_now(),
            created_at=clock.machine_now(),
            finished_at=clock.machine_now() - codes.LIFE / 2,
        )
    )
    committed.done()
    assert "482913" not in (await operator.get("/operator/codes")).text
    app.state.settings = app.state.settings.model_copy(update={"demo_console_codes": True})
    assert "482913" in (await operator.get("/operator/codes")).text
    fragment = await operator.get("/operator/codes", headers=HTMX)
    assert "482913" in fragment.text
    assert "<html" not in fragment.text


async def test_the_stream_speaks_the_pages_language_and_hides_small_counts(
    district: District, committed: Makers
) -> None:
    zone = committed.zone(district)
    here = Here(members=None, others=25)
    now = Live(
        here=here,
        is_known=True,
        zones={zone.id: here},
        today=Today(visits=None, median_dwell_min=None, offers=3, redemptions=1),
    )
    line = Line(
        number=1,
        at=committed.clock.now(),
        kind="refusal",
        campaign="Lunch\u202e",
        merchant="Zio",
        reason="sold_out",
    )
    with speaking(Tongue(language=Language.ZH, zone=committed.info(district).zone)):
        values = operator_live.values_of(now) | operator_live.zone_values(now)
        told = operator_live.line_of(line)
    assert values["members_now"] == "<10"
    assert (values["others_now"], values["visits_today"], values["offers_today"]) == ("25", "<10", "3")
    assert values[f"zone-{zone.id}-members"] == "<10"
    assert told["campaign"] == "Lunch"
    assert (told["at"], told["head"]) == ("12:00", "未发送：已领完")
    assert operator_live.paint_of(Here(members=None, others=None))["opacity"] < 0.06
