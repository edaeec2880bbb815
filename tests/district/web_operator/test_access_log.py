"""The access log's page: a question by POST, an answer with who it was, and a trace of the question."""

import uuid

import httpx
import pytest
from sqlalchemy import select

from district.accesslog import service
from district.accesslog.chain import AccessEvent, NewRecord
from district.accesslog.models import AccessRecord
from district.database import new_id
from district.districts.models import District
from tests.factories import Makers

PAGE = "/operator/access-log"
PHONE = "+358401234567"


@pytest.fixture
def log(committed: Makers, district: District) -> None:
    on = NewRecord(
        at=committed.clock.now(),
        event=AccessEvent.ON,
        session=str(new_id()),
        member_id=uuid.uuid4(),
        identity=PHONE,
        mac="02aa22334466",
        inner_address="10.0.0.7",
        nas="west",
    )
    service.append(committed.session, district.id, [on])
    committed.done()


async def token_of(browser: httpx.AsyncClient) -> str:
    page = (await browser.get(PAGE)).text
    return page.split('name="form_token" value="', 1)[1].split('"', 1)[0] if "form_token" in page else ""


async def ask(browser: httpx.AsyncClient, **values: str) -> httpx.Response:
    return await browser.post(PAGE, data={"form_token": await token_of(browser)} | values)


def events(makers: Makers, district: District) -> list[str]:
    makers.session.expire_all()
    rows = select(AccessRecord.event).where(AccessRecord.district_id == district.id)
    return list(makers.session.scalars(rows.order_by(AccessRecord.number)))


async def test_the_page_shows_where_the_chain_stands(
    operator: httpx.AsyncClient, committed: Makers, district: District, log: None
) -> None:
    page = await operator.get(PAGE)
    head = service.state(committed.session, district.id).last_hash.hex()
    assert page.status_code == 200
    assert f"1:{head}" in page.text


async def test_a_question_names_who_it_was_in_the_districts_own_time_and_is_logged(
    operator: httpx.AsyncClient, committed: Makers, district: District, log: None
) -> None:
    during = await ask(operator, address="10.0.0.7", at="2026-05-01T12:30")
    before = await ask(operator, address="10.0.0.7", at="2026-05-01T11:30")
    assert PHONE in during.text
    assert PHONE not in before.text
    assert events(committed, district) == ["on", "read", "read"]


async def test_a_day_lists_the_sessions_that_began_on_it(
    operator: httpx.AsyncClient, district: District, log: None
) -> None:
    assert PHONE in (await ask(operator, day="2026-05-01")).text
    assert PHONE not in (await ask(operator, day="2026-05-02")).text


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"address": "x", "at": "2026-05-01T12:30"}, id="address"),
        pytest.param({"address": "10.0.0.7", "at": "noon"}, id="time"),
        pytest.param({"address": "10.0.0.7", "at": "2026-05-01T12:30", "port": "x"}, id="port"),
        pytest.param({"address": "10.0.0.7", "at": "0001-01-01T00:00"}, id="year-one"),
        pytest.param({"day": "9999-12-31"}, id="last-day"),
        pytest.param({"day": "2026-05-01", "mac": "zz"}, id="mac"),
        pytest.param({"day": "2026-05-01", "identity": "a\x00"}, id="nul"),
        pytest.param({}, id="nothing"),
    ],
)
async def test_a_question_without_sense_is_explained(
    operator: httpx.AsyncClient, values: dict[str, str]
) -> None:
    assert (await ask(operator, **values)).status_code == 422


async def test_a_file_of_a_day_is_a_download_and_is_logged(
    operator: httpx.AsyncClient, committed: Makers, district: District, log: None
) -> None:
    data = {"first": "2026-05-01", "last": "2026-05-01", "format": "jsonl"}
    token = {"form_token": await token_of(operator)}
    answer = await operator.post(f"{PAGE}/export", data=data | token)
    bad = await operator.post(f"{PAGE}/export", data=data | token | {"first": "x"})
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    assert PHONE in answer.text
    assert bad.status_code == 422
    assert events(committed, district) == ["on", "read"]


async def test_nobody_else_may_look(
    client: httpx.AsyncClient, merchant: httpx.AsyncClient, stranger: httpx.AsyncClient, log: None
) -> None:
    assert (await client.get(PAGE)).status_code == 303
    assert (await merchant.get(PAGE)).status_code == 303
    assert PHONE not in (await ask(stranger, day="2026-05-01")).text
