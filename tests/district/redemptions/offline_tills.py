"""A till without a line, as its program writes it: a kit, coupons as members show them, a chained journal."""

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from district.auth.models import Role
from district.clock import FixedClock
from district.members.models import Member
from district.offers import code_keys, shown_codes
from district.offers.models import Offer
from district.stores.models import Till
from tests.conftest import refresh
from tests.district.redemptions.conftest import Counter, new_code

AMOUNT = {"type": "amount", "minor_units": 500}


async def shown(counter: Counter, offer: Offer) -> str:
    """The code that the member's page shows now."""
    async with counter.app.state.pool.connection() as connection:
        found = await shown_codes.shown(
            connection,
            counter.district.id,
            offer.member_id,
            offer.id,
            secret=code_keys.secret_of(counter.app.state.settings),
            clock=counter.makers.clock,
        )
    assert found is not None
    return found.text


def bound_offer(counter: Counter, **values: Any) -> Offer:
    """A coupon that the counter's shop alone takes, also without a line."""
    member: Member = counter.makers.member(counter.district)
    given = {"code": new_code(), "value": AMOUNT, "offline_store_id": counter.store.id}
    return counter.makers.offer(counter.campaign, member, **(given | values))


async def second_till(counter: Counter) -> str:
    """The key of another till of the same shop."""
    till = Till(
        district_id=counter.district.id,
        store_id=counter.store.id,
        name="2",
        created_at=counter.makers.clock.now(),
    )
    counter.makers.session.add(till)
    counter.makers.done()
    key = counter.makers.key(counter.district, Role.TILL, scope_id=till.id, merchant_id=counter.merchant.id)
    await refresh(counter.app)
    return key


@dataclass(kw_only=True)
class Device:
    """One device. Its clock is ahead by ``skew``."""

    counter: Counter
    key: str
    skew: timedelta = timedelta()
    kit: dict[str, Any] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    mark: str = ""

    @property
    def clock(self) -> FixedClock:
        return self.counter.makers.clock

    @property
    def now(self) -> datetime:
        return self.clock.machine_now() + self.skew

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def _base(self) -> str:
        return f"/v1/districts/{self.counter.district.slug}"

    async def ask(self) -> httpx.Response:
        """Ask for a kit."""
        params = {"at": self.now.isoformat()}
        if self.kit:
            params["journal"] = self.kit["journal"]
        return await self.counter.client.get(
            f"{self._base}/tills/offline-kit", params=params, headers=self._headers()
        )

    async def sync(self) -> dict[str, Any]:
        """Take a kit."""
        answer = await self.ask()
        assert answer.status_code == 200, answer.text
        self.kit = answer.json()
        self.mark = self.mark or self.kit["journal"]
        return self.kit

    def take(self, code: str, **more: Any) -> dict[str, Any]:
        """Write a coupon down; ``at`` may be what a wrong clock says."""
        at: datetime = more.pop("at", self.now)
        entry = {"seq": len(self.entries) + 1, "code": code, "at": at.isoformat()} | more
        bill = "" if entry.get("bill_minor") is None else entry["bill_minor"]
        at_ms = round(at.timestamp() * 1000)
        text = f"{self.mark}|{entry['seq']}|{code}|{bill}|{at_ms}|{entry.get('tried') or ''}"
        secret = base64.b64decode(self.kit["journal_key"])
        self.mark = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        entry["mark"] = self.mark
        self.entries.append(entry)
        return entry

    def journal(self, entries: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The body that brings them in."""
        return {
            "journal": self.kit["journal"],
            "sent_at": self.now.isoformat(),
            "entries": self.entries if entries is None else entries,
        }

    async def send(self, entries: list[dict[str, Any]] | None = None) -> httpx.Response:
        """Bring in what was taken."""
        return await self.counter.client.post(
            f"{self._base}/redemptions/offline", json=self.journal(entries), headers=self._headers()
        )

    async def bring_in(self, entries: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """The answers."""
        answer = await self.send(entries)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows


def gone(kit: dict[str, Any]) -> set[bytes]:
    """The tags of what is used or withdrawn."""
    raw = base64.b64decode(kit["gone"])
    return {raw[place : place + 8] for place in range(0, len(raw), 8)}


def tag(offer_id: uuid.UUID) -> bytes:
    return offer_id.bytes[8:]
