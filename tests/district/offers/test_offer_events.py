"""Claims and looks at offers stand in the timeline of who agreed, at the offer's store."""

import httpx
import pytest
from fastapi import FastAPI

from district.audiences.models import MemberEvent
from district.auth.models import Role
from tests.conftest import refresh
from tests.district.offers.claiming import OPEN, claimable
from tests.district.offers.conftest import Ground


@pytest.mark.parametrize("agrees", [True, False])
async def test_a_claim_and_a_look_are_kept_of_who_agreed(
    ground: Ground, client: httpx.AsyncClient, app: FastAPI, *, agrees: bool
) -> None:
    campaign, member = claimable(ground, OPEN, stock=3), ground.member(agrees=agrees)
    await refresh(app)
    token = ground.makers.token(ground.district, Role.SHOPPER, subject_id=member.id)
    headers = {"authorization": f"Bearer {token}"}
    claimed = await client.post(f"/v1/me/offers/{campaign.id}/claim", headers=headers, json={})
    assert claimed.status_code == 201, claimed.text
    offer_id = claimed.json()["offer"]["id"]
    again = await client.post(f"/v1/me/offers/{campaign.id}/claim", headers=headers, json={})
    assert again.status_code != 201
    await client.get(f"/v1/me/offers/{offer_id}", headers=headers)
    ground.makers.session.rollback()
    rows = ground.makers.session.query(MemberEvent).filter_by(district_id=ground.district.id)
    found = [
        (row.kind, str(row.subject_id), row.store_id is not None) for row in rows.order_by(MemberEvent.id)
    ]
    kept = [("claim", offer_id, True), ("offer.view", offer_id, True)]
    assert found == (kept if agrees else [])
