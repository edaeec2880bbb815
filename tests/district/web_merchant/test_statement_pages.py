"""Statements as a merchant sees them."""

from datetime import timedelta

import httpx
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.clock import FixedClock
from district.database import make_pool
from district.districts.service import DistrictInfo
from district.settlement import jobs
from district.settlement.models import Statement
from tests.conftest import refresh
from tests.district.web_merchant.conftest import Business
from tests.factories import Makers

NUMBER = "request-till-42"


async def redeem(
    app: FastAPI, merchant: httpx.AsyncClient, makers: Makers, business: Business, minor: int
) -> None:
    member = makers.member(business.district)
    offer = makers.offer(business.campaign, member, value={"type": "amount", "minor_units": minor})
    key = makers.key(
        business.district, Role.TILL, scope_id=business.till.id, merchant_id=business.merchant.id
    )
    await refresh(app)
    used = await merchant.post(
        f"/v1/districts/{business.district.slug}/redemptions",
        json={"code": offer.code, "use_request_no": NUMBER},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert used.status_code == 200, used.text


async def token_of(merchant: httpx.AsyncClient, path: str) -> str:
    page = (await merchant.get(path)).text
    return page.split('name="form_token" value="', 1)[1].split('"', 1)[0]


async def closed(database_url: str, info: DistrictInfo, clock: FixedClock) -> None:
    clock.advance(timedelta(days=1))
    pool = make_pool(database_url, size=2)
    await pool.open(wait=True)
    await jobs.close(pool, [info], clock)
    await pool.close()


async def test_the_open_day_then_the_closed_one_then_its_file(
    app: FastAPI,
    merchant: httpx.AsyncClient,
    committed: Makers,
    business: Business,
    database_url: str,
) -> None:
    await redeem(app, merchant, committed, business, 1234)
    assert "€12.34" in (await merchant.get("/merchant/statements")).text
    await closed(database_url, committed.info(business.district), committed.clock)
    again = committed.token(business.district, Role.MERCHANT, scope_id=business.merchant.id)
    merchant.cookies.set(COOKIE, again)
    listed = (await merchant.get("/merchant/statements")).text
    statement = committed.session.query(Statement).filter_by(district_id=business.district.id).one()
    address = f"/merchant/statements/{statement.id}"
    assert address in listed
    page = (await merchant.get(address)).text
    assert page.count("€12.34") >= 2
    assert NUMBER in (await merchant.get(f"{address}/lines.csv")).text
    form = {"form_token": await token_of(merchant, address), "keep": "yes"}
    sent = {"file": ("till.csv", f"request_no,amount_minor\n{NUMBER},1234\nother,7\n", "text/csv")}
    result = await merchant.post(address, data=form, files=sent)
    assert result.status_code == 200
    assert "1 found, 0 differ, 1 only in the file, 0 only in the statement." in result.text
    wrong = await merchant.post(address, data=form, files={"file": ("x.csv", "a,b\n1,2\n", "text/csv")})
    assert wrong.status_code == 422
    assert "request_no and amount_minor is missing" in wrong.text


async def test_another_merchants_statement_is_not_found(
    merchant: httpx.AsyncClient, rival: Business, committed: Makers, clock: FixedClock
) -> None:
    figures = (
        "redemptions",
        "redeemed_minor",
        "reversals",
        "reversed_minor",
        "corrections",
        "corrected_minor",
    )
    row = Statement(
        district_id=rival.district.id,
        trading_day=clock.now().date(),
        party="merchant",
        party_id=rival.merchant.id,
        closed_at=clock.now(),
        **dict.fromkeys((*figures, "points_minor", "borne_minor", "net_minor"), 0),
    )
    committed.session.add(row)
    committed.done()
    for path in (f"/merchant/statements/{row.id}", f"/merchant/statements/{row.id}/lines.csv"):
        assert (await merchant.get(path)).status_code == 404
    assert str(row.id) not in (await merchant.get("/merchant/statements")).text
