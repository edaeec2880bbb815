"""What a shopper's telephone and a positioning network ask of the product, over HTTP like anybody."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import msgspec
import structlog

from district.auth.principals import COOKIE
from district.clock import Clock
from district.gateways.vendors.click import redirect_query

TIMEOUT_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
TRIES = 8
CONNECTIONS = 12
TOKEN_FIELD = re.compile(r'name="form_token" value="([^"]+)"')
WANTED_URL = "http://connectivity.example/"
log = structlog.get_logger()


class Away(Exception):
    """The product has not answered for a while."""


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """An offer that was opened."""

    code: str
    store_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Joined:
    """What the portal answered."""

    token: str
    """The browser's session, empty when only the device was recognised."""


class Product:
    """One origin, asked patiently: a restart of the web role is waited for."""

    def __init__(self, base_url: str, clock: Clock) -> None:
        # Many people share this client, so it keeps nobody's cookies.
        nobody = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=TIMEOUT_S,
            cookies=nobody,
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )
        self._origin = base_url
        self._clock = clock

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer below 500; a refused connection or a 5xx is tried again with growing patience. Raises: Away."""
        wait_s = FIRST_WAIT_S
        last = ""
        for _ in range(TRIES):
            try:
                response = await self._client.request(method, path, **options)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if response.status_code < 500:
                    return response
                last = str(response.status_code)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        raise Away(f"{path}: {last}")

    async def join(
        self,
        gateway: str,
        secret: str,
        *,
        mac: str,
        access_point: str,
        language: str,
        ticked: Mapping[str, bool],
        token: str = "",
    ) -> Joined | None:
        """Through the sign-in page: read it, tick boxes, press the button. None when it refuses."""
        query = redirect_query(
            secret, mac=mac, ap=access_point, url=WANTED_URL, machine_now=self._clock.machine_now()
        )
        path = f"/portal/{gateway}?{query}&lang={language}"
        page = await self.ask("GET", path, headers=self._browser(token))
        if page.status_code != 200:
            return None
        found = TOKEN_FIELD.search(page.text)
        form_token = found[1] if found else ""
        form = {"method": "click", "form_token": form_token}
        form |= {name: "yes" for name, is_ticked in ticked.items() if is_ticked}
        answer = await self.ask("POST", path, data=form, headers=self._browser(token))
        if answer.status_code != 303:
            log.info("walkers.not_joined", status=answer.status_code)
            return None
        return Joined(token=_session_of(answer) or token)

    def _browser(self, token: str) -> dict[str, str]:
        headers = {"origin": self._origin, "sec-fetch-site": "same-origin"}
        return headers | ({"cookie": f"{COOKIE}={token}"} if token else {})

    async def report(self, feed: str, post: Mapping[str, Any]) -> int:
        """A positioning network's post; how many fixes were accepted."""
        answer = await self.ask(
            "POST",
            f"/v1/feeds/meraki/{feed}",
            content=msgspec.json.encode(post),
            headers={"content-type": "application/json"},
        )
        if answer.status_code != 202:
            log.warning("walkers.post_refused", status=answer.status_code)
            return 0
        return int(answer.json()["accepted"])

    async def offers(self, token: str) -> list[str]:
        """Ids of the offers in the inbox, the newest first."""
        answer = await self.ask("GET", "/v1/me/inbox?limit=5", headers=_bearer(token))
        if answer.status_code != 200:
            return []
        return [item["offer_id"] for item in answer.json()["items"] if item["offer_id"]]

    async def open_offer(self, token: str, offer_id: str) -> Coupon | None:
        """Look at one; None when it cannot be used any more."""
        answer = await self.ask("GET", f"/v1/me/offers/{offer_id}", headers=_bearer(token))
        if answer.status_code != 200:
            return None
        offer = answer.json()
        if not offer.get("code") or offer.get("state") not in ("issued", "opened"):
            return None
        return Coupon(code=offer["code"], store_ids=tuple(map(str, offer["store_ids"])))

    async def redeem(
        self, slug: str, till_key: str, *, code: str, store_id: str, number: str, at: str
    ) -> int:
        """At the till; the status of the answer."""
        body = {"code": code, "store_id": store_id, "use_request_no": number, "at": at}
        answer = await self.ask(
            "POST", f"/v1/districts/{slug}/redemptions", json=body, headers=_bearer(till_key)
        )
        return answer.status_code


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _session_of(answer: httpx.Response) -> str:
    for value in answer.headers.get_list("set-cookie"):
        name, _, rest = value.partition("=")
        if name.strip().endswith(COOKIE):
            return rest.partition(";")[0]
    return ""
