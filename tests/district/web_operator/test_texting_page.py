"""Numbers that people can text to, on the operator's page."""

import re
import uuid

import httpx
import pytest
from sqlalchemy import select

from district.districts.models import District
from district.portal.models import SmsProvider
from tests.factories import Makers

PAGE = "/operator/wifi/texting"


def rows(committed: Makers, district: District) -> list[SmsProvider]:
    committed.session.rollback()
    committed.session.expire_all()
    return list(committed.session.scalars(select(SmsProvider).where(SmsProvider.district_id == district.id)))


async def test_a_number_is_registered_changed_and_removed_and_its_secret_shown_once(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    slug = f"sms-{uuid.uuid4().hex[:10]}"
    made = await operator.post(PAGE, data={"slug": slug, "number": "+358 40 1234567", "keyword": "上网"})
    (row,) = rows(committed, district)
    assert (made.status_code, row.number, row.keyword) == (200, "+358401234567", "上网")
    assert row.secret in made.text
    shown = await operator.get(PAGE, params={"lang": "en"})
    assert row.secret not in shown.text
    assert f"/v1/sms/{slug}/inbound" in shown.text
    form = await operator.get(PAGE, params={"edit": slug})
    assert re.search(r'name="number"[^>]*value="\+358401234567"', form.text)
    changed = await operator.post(
        PAGE, data={"edited": slug, "number": "17123", "keyword": "JOIN", "name": "One"}
    )
    assert changed.status_code == 303
    (row,) = rows(committed, district)
    assert (row.number, row.keyword, row.name) == ("17123", "JOIN", "One")
    assert (await operator.post(f"{PAGE}/{slug}/remove")).status_code == 303
    assert rows(committed, district) == []


@pytest.mark.parametrize(
    ("form", "place"),
    [({"number": "abc", "keyword": "JOIN"}, "number"), ({"number": "17123", "keyword": "STOP"}, "keyword"),
     ({"number": "17123", "keyword": "JOIN", "secret": "short"}, "secret")],
    ids=["number", "keyword", "secret"],
)  # fmt: skip
async def test_what_cannot_be_is_marked_in_the_form(
    operator: httpx.AsyncClient, form: dict[str, str], place: str
) -> None:
    answer = await operator.post(PAGE, data={"slug": f"sms-{uuid.uuid4().hex[:10]}"} | form)
    assert answer.status_code == 422
    assert re.search(rf'id="f-{place}"[^>]*aria-invalid="true"', answer.text)


async def test_another_district_s_number_is_not_there(
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    slug = f"sms-{uuid.uuid4().hex[:10]}"
    await operator.post(PAGE, data={"slug": slug, "number": "17123", "keyword": "JOIN"})
    assert slug not in (await stranger.get(PAGE)).text
    assert (await stranger.get(PAGE, params={"edit": slug})).status_code == 404
    assert (await stranger.post(f"{PAGE}/{slug}/remove")).status_code == 404
