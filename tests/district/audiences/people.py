"""A district with two merchants, an operator and a shopper, and their callers."""

from dataclasses import dataclass
from typing import Any

import httpx

from district.auth.models import Role
from district.database import new_id
from district.districts.models import District
from district.members.models import Consent, Member
from district.merchants.models import Merchant
from district.redemptions.models import Redemption
from district.stores.models import Store
from tests.factories import Makers


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a token; paths are below the district's."""

    client: httpx.AsyncClient
    base: str
    token: str

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        address = path if path.startswith("/v1/") else f"{self.base}/{path}"
        return await self.client.request(method, address, headers=headers, **given)


@dataclass(frozen=True, kw_only=True)
class Square:
    """Who is there."""

    makers: Makers
    district: District
    merchant: Merchant
    store: Store
    rival_store: Store
    member: Member
    own: Caller
    rival: Caller
    operator: Caller
    shopper: Caller

    def redemption(self, member: Member, store: Store) -> str:
        """The member redeemed something there."""
        campaign = self.makers.campaign(self.district, self.merchant, [], state="ended")
        offer = self.makers.offer(campaign, member, state="redeemed")
        row = Redemption(
            district_id=self.district.id,
            id=new_id(),
            offer_id=offer.id,
            store_id=store.id,
            till="till",
            use_request_no=offer.id.hex,
            body_hash=b"",
            value={},
            redeemed_at=self.makers.clock.now(),
        )
        self.makers.session.add(row)
        self.makers.done()
        return str(row.id)


def square(makers: Makers, client: httpx.AsyncClient) -> Square:
    """A new district with all of them."""
    district = makers.district(country="FI")
    merchant, rival = makers.merchant(district), makers.merchant(district)
    member = makers.member(district, phone="+358401234567")

    def caller(role: Role, **given: Any) -> Caller:
        token = makers.token(district, role, **given)
        return Caller(client=client, base=f"/v1/districts/{district.slug}", token=token)

    return Square(
        makers=makers,
        district=district,
        merchant=merchant,
        store=makers.store(district, merchant_id=merchant.id),
        rival_store=makers.store(district, merchant_id=rival.id),
        member=member,
        own=caller(Role.MERCHANT, scope_id=merchant.id),
        rival=caller(Role.MERCHANT, scope_id=rival.id),
        operator=caller(Role.OPERATOR),
        shopper=caller(Role.SHOPPER, subject_id=member.id),
    )


def agree(makers: Makers, member: Member, *, granted: bool = True) -> None:
    """The member says yes or no to marketing in the inbox."""
    makers.session.add(
        Consent(
            district_id=member.district_id,
            id=new_id(),
            member_id=member.id,
            purpose="marketing",
            channel="inbox",
            granted=granted,
            action="api",
            at=makers.clock.now(),
        )
    )
    makers.done()
