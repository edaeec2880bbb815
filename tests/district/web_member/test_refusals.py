"""What people are told when a page cannot be had; programs get problem documents."""

import httpx
import pytest
from fastapi import FastAPI

from tests.district.web_member.conftest import Shopping, browser

PERSON = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/d/nowhere/inbox", 404),
        ("/portal/nowhere", 404),
        ("/nothing", 404),
        ("{base}/inbox?before=x", 422),
    ],
)
async def test_a_person_reads_a_page_in_his_language(
    shopper: httpx.AsyncClient, shopping: Shopping, path: str, status: int
) -> None:
    address = path.format(base=shopping.base)
    answer = await shopper.get(address, headers=PERSON | {"Accept-Language": "zh-CN"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert 'lang="zh-Hans"' in answer.text
    assert "返回首页" in answer.text


async def test_a_program_reads_a_problem_document(app: FastAPI, shopping: Shopping) -> None:
    async with browser(app) as program:
        plain = await program.get("/d/nowhere/inbox")
        interface = await program.get(
            "/v1/districts/nowhere/stores/nearest?lon=24.9&lat=60.1", headers=PERSON
        )
    for answer in (plain, interface):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_foreign_form_is_explained_to_a_person(
    shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    answer = await shopper.post(
        f"{shopping.base}/privacy/close",
        data={"sure": "yes"},
        headers=PERSON | {"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "This is not open to you" in answer.text


async def test_the_way_to_the_log_in_page_stays_a_redirect(app: FastAPI, shopping: Shopping) -> None:
    async with browser(app) as person:
        answer = await person.get("/merchant", headers=PERSON)
    assert shopping.base
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?")
