"""What tills brought in later, on the merchant's page and the operator's; and what the till page asks in the background."""

import csv
import io
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.redemptions.offline_models import OfflineEntry, OfflineJournal
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import Makers


def brought_in(makers: Makers, business: Business, *given: dict[str, Any]) -> OfflineJournal:
    """A journal with these entries."""
    now = makers.clock.now()
    journal = OfflineJournal(
        district_id=business.district.id,
        id=new_id(),
        till=f"till:{business.till.id}",
        store_id=business.store.id,
        key=b"k" * 32,
        opened_at=now,
        synced_at=now,
        skew_ms=0,
        list_until=now + timedelta(hours=4),
        uses_granted=20,
        minor_granted=20_000,
    )
    makers.session.add(journal)
    makers.done()
    for seq, values in enumerate(given, 1):
        common: dict[str, Any] = {
            "till": journal.till,
            "store_id": business.store.id,
            "mark": b"m" * 32,
            "till_at": now - timedelta(hours=1),
            "believed_at": now - timedelta(hours=1),
            "at": now,
        }
        makers.session.add(
            OfflineEntry(
                district_id=business.district.id,
                journal_id=journal.id,
                seq=seq,
                id=new_id(),
                **(common | values),
            )
        )
    makers.done()
    return journal


BOOKED = {"outcome": "redeemed", "discount_minor": 500}
CONFLICT = {"outcome": "conflict", "reason": "used-before", "discount_minor": 700, "charged_to": "platform"}
REFUSED = {"outcome": "refused", "reason": "code-stale"}


@pytest.fixture
async def operator(app: FastAPI, business: Business, committed: Makers) -> AsyncIterator[httpx.AsyncClient]:
    account = committed.account(business.district, Role.OPERATOR)
    async with browser(
        app, committed.token(business.district, Role.OPERATOR, subject_id=account.id)
    ) as client:
        yield client


def shown(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return re.findall(r'<tr data-outcome="(\w+)"', answer.text)


async def test_a_merchant_sees_what_became_of_each_entry_and_the_file_says_the_same(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, clock: FixedClock
) -> None:
    first = {"first_at": clock.now() - timedelta(minutes=30), "first_till": f"till:{business.till.id}"}
    brought_in(committed, business, BOOKED, CONFLICT | first, REFUSED | {"believed_at": None})
    page = await merchant.get("/merchant/redeem/later?lang=en")
    assert shown(page) == ["refused", "conflict", "redeemed"]
    for words in (
        "€5.00",
        "€7.00",
        "the platform",
        "clock not believed",
        "The code was too old.",
        "First used",
    ):
        assert words in page.text
    assert shown(await merchant.get("/merchant/redeem/later?which=conflict")) == ["conflict"]
    assert shown(await merchant.get("/merchant/redeem/later?which=charged")) == ["conflict"]
    file = await merchant.get("/merchant/redeem/later.csv")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [row["outcome"] for row in rows] == ["refused", "conflict", "redeemed"]
    assert [row["discount_minor"] for row in rows] == ["", "700", "500"]


async def test_nothing_of_a_rival_is_seen(
    merchant: httpx.AsyncClient, rival: Business, committed: Makers
) -> None:
    brought_in(committed, rival, CONFLICT)
    assert shown(await merchant.get("/merchant/redeem/later")) == []
    assert len((await merchant.get("/merchant/redeem/later.csv")).text.splitlines()) == 1
    answer = await merchant.post(f"/merchant/redeem/later/{rival.till.id}", data={"uses": "1", "amount": "1"})
    assert answer.status_code == 404


async def test_a_merchant_bounds_a_till_below_the_operators_bounds(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    path = f"/merchant/redeem/later/{business.till.id}"
    for typed in ({"uses": "21"}, {"amount": "200.01"}, {"uses": "-1"}, {"uses": "²"}, {"amount": "x"}):
        assert (await merchant.post(path, data=typed)).status_code == 422
    assert (await merchant.post(path, data={"uses": "3", "amount": "40,5"})).status_code == 303
    page = (await merchant.get("/merchant/redeem/later")).text
    assert 'value="3"' in page
    assert 'value="40.50"' in page
    query = {"till": str(business.till.id), "at": "2026-05-01T09:00:00Z"}
    kit = (await merchant.get("/merchant/redeem/offline-kit", params=query)).json()
    assert kit["quota"] == {"uses": 3, "minor_units": 4050}


async def test_the_operator_sees_conflicts_of_all_shops_and_says_who_bears_them(
    operator: httpx.AsyncClient, business: Business, rival: Business, committed: Makers
) -> None:
    brought_in(committed, business, CONFLICT, BOOKED)
    brought_in(committed, rival, CONFLICT)
    page = await operator.get("/operator/offline?lang=en")
    assert shown(page) == ["conflict", "conflict"]
    assert "Rival" in page.text
    assert len((await operator.get("/operator/offline.csv")).text.splitlines()) == 3
    wanted = {"version": "0", "bearer": "platform", "value": "10", "uses": "5", "amount": "50", "hours": "2"}
    assert (await operator.post("/operator/offline", data=wanted | {"hours": "0"})).status_code == 422
    assert (await operator.post("/operator/offline", data=wanted)).status_code == 303
    assert (await operator.post("/operator/offline", data=wanted)).status_code == 409
    page = await operator.get("/operator/offline")
    assert re.search(r'value="platform" checked', page.text)
    assert 'value="10.00"' in page.text


async def test_the_till_pages_requests_are_for_own_tills_of_who_is_logged_in(
    merchant: httpx.AsyncClient, app: FastAPI, business: Business, rival: Business
) -> None:
    query = {"till": str(rival.till.id), "at": "2026-05-01T09:00:00Z"}
    assert (await merchant.get("/merchant/redeem/offline-kit", params=query)).status_code == 404
    assert (await merchant.get("/merchant/redeem/number", params=query)).status_code == 404
    own = {"till": str(business.till.id)}
    assert re.fullmatch(
        r"\d{6}", (await merchant.get("/merchant/redeem/number", params=own)).json()["number"]
    )
    body = {
        "journal": str(uuid.uuid4()),
        "sent_at": "2026-05-01T09:00:00Z",
        "entries": [{"seq": 1, "code": "x", "at": "2026-05-01T09:00:00Z", "mark": "0" * 64}],
    }
    assert (await merchant.post("/merchant/redeem/offline", params=own, json=body)).status_code == 404
    foreign = {"Sec-Fetch-Site": "cross-site"}
    refused = await merchant.post("/merchant/redeem/offline", params=own, json=body, headers=foreign)
    assert refused.status_code == 403
    async with browser(app) as nobody:
        for path in ("offline-kit", "shell", "number", "later"):
            answer = await nobody.get(f"/merchant/redeem/{path}", params=query)
            assert (answer.status_code, answer.headers["location"].startswith("/login")) == (303, True)


async def test_the_worker_keeps_what_the_page_loads_and_the_shell_holds_no_answer(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    worker = await merchant.get("/merchant/redeem/worker.js")
    assert worker.headers["service-worker-allowed"] == "/merchant/redeem"
    kept = json.loads(re.search(r"const ASSETS = (\[.*\]);", worker.text)[1])  # type: ignore[index]  # it is there
    for address in kept:
        assert (await merchant.get(address)).status_code == 200, address
    shell = await merchant.get("/merchant/redeem/shell")
    loaded = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', shell.text))
    loaded |= set(re.findall(r'"(/static/vendor/(?:qr|noble)[^"]+)"', shell.text))
    assert loaded <= set(kept)
    imported = set[str]()
    for address in kept:
        if "/static/app/" in address and address.endswith(".js"):
            text = (await merchant.get(address)).text
            imported |= {f"/static/app/{name}" for name in re.findall(r'from "\./([\w.]+)"', text)}
            imported |= {f"/static/app/{name}" for name in re.findall(r'import\("\./([\w.]+)"\)', text)}
    assert imported <= set(kept)
    assert "data-shell" in shell.text
    assert "data-outcome" not in shell.text
    assert shell.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("typed", "status", "shown"),
    [
        ("", 200, 'data-outcome="redeemed"'),
        ("25", 200, 'data-due="2000"'),
        ("19,99", 200, 'data-left-out="below_threshold"'),
        ("1e400", 422, 'data-outcome="bill-wrong"'),
        ("nan", 422, 'data-outcome="bill-wrong"'),
        ("-1", 422, 'data-outcome="bill-wrong"'),
    ],
)
async def test_the_bill_is_held_to_the_threshold(  # noqa: PLR0917 pytest calls by name
    merchant: httpx.AsyncClient, business: Business, committed: Makers, typed: str, status: int, shown: str
) -> None:
    value = {"type": "amount", "minor_units": 500, "min_spend_minor": 2_000}
    offer = committed.offer(business.campaign, committed.member(business.district), value=value)
    form = {"code": offer.code, "till": str(business.till.id), "request_no": "number-0001", "bill": typed}
    answer = await merchant.post("/merchant/redeem?lang=en", data=form)
    assert answer.status_code == status
    assert shown in answer.text
