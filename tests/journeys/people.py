"""People of a journey: staff and tills with their tokens, members with their browsers, and what an antenna tells of them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from district.auth import service as auth
from district.auth.models import Role
from district.clock import system
from district.gateways.vendors.click import redirect_query
from tests.product import Product

PASSWORD = "the staff's password"
GATEWAY_SECRET = "the-gateway-s-own-secret"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One person's or device's way to the interface."""

    http: httpx.Client
    token: str
    slug: str

    def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The answer's value; anything else than the expected status fails the test with its words."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.request(method, f"/v1{path}", json=body, headers=headers)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def here(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The same below the district's path."""
        return self.ask(method, f"/districts/{self.slug}{path}", body, expect=expect)


def logged_in(http: httpx.Client, username: str, *, slug: str) -> Desk:
    """A member of the staff."""
    answer = http.post("/v1/tokens", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Desk(http=http, token=answer.json()["token"], slug=slug)


def add_staff(product: Product, role: Role, *, slug: str, scope_id: str | None = None) -> None:
    """An account named like its role, as the command line would make it."""
    with product.makers() as makers:
        row = product.row("SELECT id FROM district WHERE slug = %s", slug)
        auth.create_account(
            makers.session,
            username=role.value,
            password=PASSWORD,
            role=role,
            district_id=row[0],
            scope_id=uuid.UUID(scope_id) if scope_id else None,
            clock=makers.clock,
        )


def join(browser: httpx.Client, gateway: str, mac: str, *, agrees: bool = True) -> None:
    """The sign-in page, with both boxes ticked or none."""
    query = redirect_query(
        GATEWAY_SECRET,
        mac=mac,
        ap="00:18:0a:13:dd:b0",
        url="http://example.com/",
        machine_now=system.machine_now(),
    )
    address = f"/portal/{gateway}?{query}"
    assert browser.get(address).status_code == 200
    ticked = {"marketing": "yes", "location": "yes"} if agrees else {}
    answer = browser.post(address, data={"method": "click"} | ticked)
    assert answer.status_code == 303, answer.text


def stamp(at: datetime) -> str:
    """A time as programs write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
