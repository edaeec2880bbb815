"""A member takes back access on his own page: explained, recorded, and off line at once."""

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.database import new_id
from district.gateways.models import Gateway, SessionEnding, WifiSession
from district.members import service as members
from district.members.models import Consent
from push.consent import Purpose
from tests.district.web_member.conftest import Shopping
from tests.factories import Makers


@pytest.fixture
def on_line(shopping: Shopping, committed: Makers) -> WifiSession:
    """The member's device is on the Wi-Fi, under the terms as they stand."""
    info, now = committed.info(shopping.district), committed.clock.now()
    gateway = Gateway(
        district_id=info.id,
        id=new_id(),
        slug=f"g-{new_id().hex[:12]}",
        vendor="click",
        secret="x" * 16,
        created_at=now,
    )
    committed.session.add(gateway)
    committed.done()
    members.decide(
        committed.session, info, members.get(committed.session, info.id, shopping.member.id),
        purpose=Purpose.ACCESS, channel=None, granted=True, language="en", action="button",
        source="portal:west", at=now,
    )  # fmt: skip
    row = WifiSession(
        district_id=info.id, id=new_id(), gateway_id=gateway.id, member_id=shopping.member.id, alias=b"a" * 16,
        method="click", granted_at=now, device_mac="02aa22334466",
    )  # fmt: skip
    committed.session.add(row)
    committed.done()
    return row


async def test_withdrawing_access_is_explained_recorded_and_ends_the_session(
    shopper: httpx.AsyncClient, shopping: Shopping, on_line: WifiSession, engine: Engine, committed: Makers
) -> None:
    page = await shopper.get(f"{shopping.base}/privacy?lang=en")
    assert "Withdraw, and go off line" in page.text
    assert "All your devices go off line within seconds" in page.text
    done = await shopper.post(
        f"{shopping.base}/privacy/consents",
        data={"purpose": "access", "granted": "false"},
        headers={"sec-gpc": "1"},
    )
    assert done.headers["location"].endswith("saved=withdrawn")
    with Session(engine) as session:
        rows = session.scalars(
            select(Consent).where(Consent.member_id == shopping.member.id).order_by(Consent.id)
        ).all()
        ending = session.scalars(
            select(SessionEnding).where(SessionEnding.wifi_session_id == on_line.id)
        ).one()
    assert [(row.purpose, row.granted, row.action) for row in rows] == [
        ("access", True, "button"),
        ("access", False, "button"),
    ]
    assert (rows[-1].sec_gpc, rows[-1].source) == (True, "page:privacy")
    assert ending.reason == "withdrawn"
    after = await shopper.get(f"{shopping.base}/privacy?saved=withdrawn&lang=en")
    assert "Your devices are going off line now" in after.text
    assert "Withdraw, and go off line" not in after.text


async def test_who_receives_what_is_on_the_page(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    page = await shopper.get(f"{shopping.base}/privacy?lang=zh")
    assert "商圈运营方" in page.text
