"""What Prometheus is told."""

import httpx
import pytest
from fastapi import FastAPI

from district.feeds.models import FeedHealth
from district.monitoring import event_log, service
from district.offers.models import Refusal
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is away here is so for certain, and nothing else is only slow."""
    for part in (event_log, service):
        monkeypatch.setattr(part, "ASKED_WITHIN_S", 60.0)


async def asked(app: FastAPI, *, host: str = "127.0.0.1", token: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app=app, client=(host, 1234))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.get("/metrics", headers=headers)


async def test_every_districts_figures_are_told(app: FastAPI, committed: Makers) -> None:
    district = committed.district()
    feed = committed.feed(district)
    campaign = committed.campaign(district, committed.merchant(district), [])
    committed.offer(campaign, committed.member(district))
    day = committed.info(district).trading_day(committed.clock.now())
    shared = {"district_id": district.id, "trading_day": day}
    now = committed.clock.now()
    committed.session.add(FeedHealth(**shared, feed_id=feed.id, outcome="accepted", rows=7, last_at=now))
    committed.session.add(
        Refusal(
            **shared,
            member_id=committed.member(district).id,
            campaign_id=campaign.id,
            reason="quiet_hours",
            times=3,
            last_at=now,
        )
    )
    committed.done()
    await refresh(app)
    text = (await asked(app)).text
    label = f'district="{district.slug}"'
    assert f'shangquan_sightings_today{{{label},outcome="accepted"}} 7.0' in text
    assert f"shangquan_offers_today{{{label}}} 1.0" in text
    assert f'shangquan_refusals_today{{{label},reason="quiet_hours"}} 3.0' in text
    assert f"shangquan_redemptions_today{{{label}}} 0.0" in text
    assert f"shangquan_engine_reading{{{label}}} 0.0" in text
    assert 'shangquan_up{part="database"} 1.0' in text
    assert 'shangquan_up{part="events"} 1.0' in text
    assert "shangquan_stream_limit_bytes" in text


async def test_a_database_that_is_away_is_said_and_the_rest_is_told(app: FastAPI) -> None:
    await app.state.pool.close()
    answer = await asked(app)
    assert answer.status_code == 200
    assert 'shangquan_up{part="database"} 0.0' in answer.text
    assert 'shangquan_up{part="events"} 1.0' in answer.text


async def test_metrics_are_for_this_machine_only(app: FastAPI) -> None:
    assert (await asked(app)).status_code == 200
    assert (await asked(app, host="::1")).status_code == 200
    assert (await asked(app, host="192.0.2.7")).status_code == 403
    assert (await asked(app, host="192.0.2.7", token="guessed")).status_code == 403


class TestWithToken:
    """A token in the settings."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(**(settings.model_dump() | {"metrics_token": "t" * 32}))

    async def test_who_shows_it_may_ask_from_elsewhere(self, app: FastAPI) -> None:
        assert (await asked(app, host="192.0.2.7", token="t" * 32)).status_code == 200
        assert (await asked(app, host="192.0.2.7", token="u" * 32)).status_code == 403
