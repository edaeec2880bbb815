"""The operator's list of those who receive data, on its page."""

import httpx
from sqlalchemy import select

from district.districts.models import District
from district.members.models import RecipientList
from district.members.terms import RECIPIENTS
from tests.factories import Makers

PAGE = "/operator/wifi/recipients"
ONE = {
    "name_en": "Mall",
    "name_zh": "商场",
    "data_en": "Counts",
    "data_zh": "统计",
    "why_en": "Rent",
    "why_zh": "租金",
}


def form(*recipients: dict[str, str], after: int) -> dict[str, str]:
    fields = {
        f"{name}_{number}": value for number, one in enumerate(recipients) for name, value in one.items()
    }
    return fields | {"after": str(after)}


async def test_a_new_version_is_written_and_members_read_it(
    operator: httpx.AsyncClient, client: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    first = await operator.get(PAGE, params={"lang": "en"})
    assert RECIPIENTS[0].name["zh"] in first.text
    assert (await operator.post(PAGE, data=form(ONE, after=0))).status_code == 303
    row = committed.session.scalars(
        select(RecipientList).where(RecipientList.district_id == district.id)
    ).one()
    assert (row.version, row.recipients[0]["name"]) == (1, {"en": "Mall", "zh": "商场"})
    assert "商场" in (await client.get(f"/d/{district.slug}/terms?lang=zh")).text
    assert "Mall" in (await operator.get(PAGE)).text


async def test_half_a_recipient_and_an_old_page_are_refused(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    half = await operator.post(PAGE, data=form(ONE | {"why_zh": ""}, after=0))
    none = await operator.post(PAGE, data=form(after=0))
    assert (half.status_code, none.status_code) == (422, 422)
    assert 'value="Mall"' in half.text
    await operator.post(PAGE, data=form(ONE, after=0))
    late = await operator.post(PAGE, data=form(ONE, ONE, after=0))
    assert late.status_code == 422


async def test_only_operators_see_it(client: httpx.AsyncClient, merchant: httpx.AsyncClient) -> None:
    for browser in (client, merchant):
        assert (await browser.get(PAGE)).headers["location"].startswith("/login?role=operator")
