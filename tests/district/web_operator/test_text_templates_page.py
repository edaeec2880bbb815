"""Texts on file, on the operator's page."""

import re
import uuid

import httpx
import pytest
from sqlalchemy import select

from district.channels.models import ChannelProvider, TextFiling, TextTemplate
from district.database import new_id
from district.districts.models import District
from tests.factories import Makers

PAGE = "/operator/text-templates"
FORM = {
    "signature": "【中央商圈】",
    "purpose": "marketing",
    "language": "zh",
    "text": "{store}：{title} 拒收请回复R",
    "number": "SMS_1",
    "state-china_mobile": "filed",
    "state-china_unicom": "refused",
    "note-china_unicom": "签名不符",
    "state-china_telecom": "unfiled",
}


@pytest.fixture
def provider(committed: Makers, district: District) -> str:
    at = committed.clock.now()
    slug = f"cn-{uuid.uuid4().hex[:8]}"
    row = ChannelProvider(
        district_id=district.id, id=new_id(), slug=slug, channel="sms", kind="tencent_sms", name="短信", options={},
        sealed=b"", created_at=at, changed_at=at,
    )  # fmt: skip
    committed.session.add(row)
    committed.session.commit()
    return slug


def texts(committed: Makers, district: District) -> list[TextTemplate]:
    committed.session.rollback()
    committed.session.expire_all()
    wanted = select(TextTemplate).where(TextTemplate.district_id == district.id)
    return list(committed.session.scalars(wanted))


async def test_a_text_is_entered_changed_and_forgotten(
    operator: httpx.AsyncClient, committed: Makers, district: District, provider: str
) -> None:
    assert (await operator.post(PAGE, data=FORM | {"provider": provider})).status_code == 303
    (row,) = texts(committed, district)
    assert (row.signature, row.number) == ("中央商圈", "SMS_1")
    filings = committed.session.scalars(select(TextFiling).where(TextFiling.template_id == row.id))
    assert {one.carrier: (one.state, one.note) for one in filings}["china_unicom"] == ("refused", "签名不符")
    shown = (await operator.get(PAGE, params={"lang": "en"})).text
    assert "China Unicom · refused" in shown
    assert "{1}：{2} 拒收请回复R" in shown
    form = (await operator.get(PAGE, params={"edit": str(row.id)})).text
    assert re.search(r'name="number"[^>]*value="SMS_1"', form)
    everywhere = {f"state-china_{name}": "filed" for name in ("mobile", "unicom", "telecom")}
    changed = await operator.post(PAGE, data=FORM | everywhere | {"edited": str(row.id), "number": "SMS_2"})
    assert changed.status_code == 303
    assert "In use" in (await operator.get(PAGE, params={"lang": "en"})).text
    assert (await operator.post(f"{PAGE}/{row.id}/remove")).status_code == 303
    assert texts(committed, district) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [({"text": "{shop} 拒收请回复R"}, "text"), ({"text": "八折"}, "text"), ({"number": "a b"}, "number")],
    ids=["gap", "no-refusal", "number"],
)
async def test_what_cannot_be_is_marked_in_the_form(
    operator: httpx.AsyncClient, provider: str, changes: dict[str, str], place: str
) -> None:
    answer = await operator.post(PAGE, data=FORM | {"provider": provider} | changes)
    assert answer.status_code == 422
    assert re.search(rf'id="f-{place}"[^>]*aria-invalid="true"', answer.text)


async def test_an_unknown_text_is_not_there(operator: httpx.AsyncClient, provider: str) -> None:
    assert (await operator.get(PAGE, params={"edit": str(uuid.uuid4())})).status_code == 404
    answer = await operator.post(PAGE, data=FORM | {"provider": provider, "edited": "no-id"})
    assert answer.status_code == 422
