"""What a campaign caused, on its merchant's page and to who may ask."""

import csv
import html
import io
import uuid

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.offers.models import Refusal
from district.reports.schemas import Outcome
from district.reports.words import DEFINITIONS, told
from district.stores.models import Property
from push.wording import Language
from tests.conftest import refresh
from tests.district.reports.conftest import HOURS, Trial


def arms(trial: Trial, *, treated: int, control: int, came: int = 0, base: int = 0) -> None:
    """Two arms, of which the first so many came within the day."""
    for arm, people, visitors in (("treated", treated, came), ("control", control, base)):
        for number in range(people):
            member_id = trial.exposed(arm)
            if number < visitors:
                trial.visit(member_id, trial.clock.now() + HOURS)


async def ask(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, file: str = "", **values: str
) -> httpx.Response:
    headers = trial.headers()
    trial.makers.session.commit()
    await refresh(app)
    return await client.get(trial.path + file, headers=headers, params=values)


async def test_a_split_that_chance_does_not_make_blocks_the_figures(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial
) -> None:
    arms(trial, treated=160, control=90, came=80, base=20)
    report = (await ask(app, client, trial)).json()
    assert not report["sample_ratio"]["is_trusted"]
    assert report["sample_ratio"]["p_value"] < 0.001
    visit = report["effects"][0]
    assert (visit["difference"], visit["additional"], visit["reason"]) == (None, None, "split")
    assert report["money"]["per_incremental_visit"]["estimate_minor"] is None
    assert report["visits_per_member"]["reason"] == "split"


async def test_fewer_than_ten_are_counted_nowhere(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial
) -> None:
    arms(trial, treated=40, control=9, came=20, base=3)
    report = (await ask(app, client, trial)).json()
    assert (report["funnel"]["treated"], report["funnel"]["visited"]) == (40, 20)
    assert (report["funnel"]["control"], report["funnel"]["targeted"]) == (None, None)
    assert report["sample_ratio"]["p_value"] is None
    for one in report["effects"]:
        assert (one["control"], one["reason"]) == ({"people": None, "did": None, "share": None}, "too_few")
        assert (one["difference"], one["smallest_detectable"]) == (None, None)


async def test_without_a_control_nothing_is_claimed(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial
) -> None:
    trial.campaign.rule = {**trial.campaign.rule, "holdout": {"pct": 0}}
    arms(trial, treated=30, control=0, came=20)
    report = (await ask(app, client, trial, lang="zh")).json()
    assert {one["reason"] for one in report["effects"]} == {"no_control"}
    assert "对照组" in report["effects"][0]["reason_text"]
    assert report["effects"][0]["treated"]["did"] == 20


async def test_a_lift_that_may_be_zero_has_a_cost_without_bound(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial
) -> None:
    arms(trial, treated=160, control=40, came=50, base=12)
    report = (await ask(app, client, trial)).json()
    cost = report["money"]["per_incremental_visit"]
    assert (cost["estimate_minor"], cost["high_minor"], cost["reason"]) == (0.0, None, "unbounded")


async def test_a_competitor_who_won_has_no_name(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial
) -> None:
    own = trial.makers.campaign(trial.district, trial.merchant, [], name="=Supper")
    rival = trial.makers.campaign(trial.district, trial.makers.merchant(trial.district), [], name="Rival")
    for number in range(25):
        winner = own if number < 11 else rival
        trial.add(
            Refusal(
                district_id=trial.district.id,
                trading_day=trial.clock.now().date(),
                member_id=trial.makers.member(trial.district).id,
                campaign_id=trial.campaign.id,
                reason="lower_score",
                last_at=trial.clock.now(),
                winner_id=winner.id,
            )
        )
    answer = await ask(app, client, trial)
    assert answer.json()["refusals"][0]["winners"] == [
        {"campaign_id": None, "name": None, "members": 14},
        {"campaign_id": str(own.id), "name": "=Supper", "members": 11},
    ]
    assert "Rival" not in answer.text
    file = await ask(app, client, trial, ".csv")
    lines = list(csv.reader(io.StringIO(file.text.lstrip("\ufeff"))))
    assert ["refusals:lower_score", "'=Supper", "11", "", "", ""] in lines


async def test_who_may_read_it(app: FastAPI, client: httpx.AsyncClient, trial: Trial) -> None:
    rival = trial.makers.merchant(trial.district)
    mall = Property(
        district_id=trial.district.id,
        id=uuid.uuid4(),
        name="Mall",
        kind="mall",
        created_at=trial.clock.now(),
    )
    trial.add(mall)
    trial.makers.session.flush()
    trial.store.property_id = mall.id
    asked: dict[int, list[dict[str, str]]] = {
        200: [trial.headers(), trial.headers(Role.OPERATOR), trial.headers(Role.PROPERTY, mall.id)],
        404: [trial.headers(scope_id=rival.id), trial.headers(Role.PROPERTY, uuid.uuid4())],
        403: [trial.headers(Role.SHOPPER, uuid.uuid4())],
        401: [{}],
    }
    trial.makers.session.commit()
    await refresh(app)
    for status, callers in asked.items():
        for headers in callers:
            for path in (trial.path, f"{trial.path}.csv"):
                assert (await client.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize("window", ["0", "25", "-1", "1e9", "99999999999999999999", "x"])
async def test_other_windows_are_refused(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, window: str
) -> None:
    assert (await ask(app, client, trial, within_h=window)).status_code == 422


@pytest.mark.parametrize(("language", "words"), [("en", "What it caused"), ("zh", "活动带来的增量")])
async def test_the_merchants_page_tells_it_in_both_languages(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, language: str, words: str
) -> None:
    arms(trial, treated=80, control=20, came=60, base=10)
    account = trial.makers.account(trial.district, Role.MERCHANT, scope_id=trial.merchant.id)
    token = trial.makers.token(
        trial.district, Role.MERCHANT, subject_id=account.id, scope_id=trial.merchant.id
    )
    trial.makers.session.commit()
    await refresh(app)
    client.cookies.set(COOKIE, token)
    page = await client.get(f"/merchant/campaigns/{trial.campaign.id}?lang={language}")
    assert page.status_code == 200
    assert words in page.text
    assert "60 / 80" in page.text
    assert told(DEFINITIONS[Outcome.VISIT], Language(language)) in html.unescape(page.text)
    file = await client.get(f"/merchant/campaigns/{trial.campaign.id}/report.csv")
    assert "visit,treated_did,60," in file.text
    assert (await client.get(f"/merchant/campaigns/{uuid.uuid4()}/report.csv")).status_code == 404
