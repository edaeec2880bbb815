"""Redirects that nobody's gateway made: never a way to another place, and never a failure of ours."""

import os
import random
import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from district.clock import FixedClock
from district.districts.models import District
from district.gateways.dialect import BadRedirect, GatewayInfo, Go, Post
from district.gateways.vendors import DIALECTS
from tests.conftest import refresh
from tests.district.gateways.logins import login
from tests.district.gateways.redirect_makers import (
    OPTIONS,
    ORIGIN,
    SECRET,
    URL_FIELDS,
    VENDORS,
    chilli_query,
    nds_query,
    query,
    register,
    slug_of,
)
from tests.district.portal.test_redirects import EVIL
from tests.factories import Makers

MUTATIONS = int(os.environ.get("DISTRICT_REDIRECT_MUTATIONS", "2000"))
ALL_MUTATIONS = 100_000
PARTS = 10
DIALECT_MUTATIONS = int(os.environ.get("DISTRICT_DIALECT_MUTATIONS", "10000"))
SEED = int(os.environ.get("DISTRICT_CHAOS_SEED", "20260501"))
CLICK = {"method": "click"}
ELSEWHERE = (
    *EVIL,
    "http://evil.example:80\\@testserver/",
    "http://testserver\\@evil.example/",
    "http://testserver\t.evil.example/",
    "http:\\\\evil.example",
    "http:///evil.example",
    "http:/evil.example",
    "////evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/.evil.example",
    "/\tevil.example",
    " http://evil.example",
    "\x00http://evil.example",
    "\u00a0http://evil.example",
    "http://evil.example\u3002",
    "http://①②⑦.⓪.⓪.①/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://[::ffff:7f00:1]/",
    "http://[::1%25eth0]/",
    "http://127.0.0.1:22/",
    "http://169.254.169.254/latest/",
    "http://evil.example?n143.network-auth.com",
    "http://evil.example/n143.network-auth.com",
    "http://evil.example;.network-auth.com",
    "http://n143.network-auth.com.evil.example",
    "http://n143.network-auth.com:pw@evil.example/",
    "http://evil.example%2f.network-auth.com",
    "http://evil.example%00.network-auth.com",
    "http://evil.example\n.network-auth.com",
    "https://x.meraki.com.evil.example/",
    "https://192.0.2.1.evil.example/",
    "https://192.0.2.1@evil.example/",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "jAvAsCrIpT:alert(1)",
    "java\nscript:alert(1)",
    "file:///etc/passwd",
    "blob:http://evil.example/1",
    "intent://evil.example#Intent;end",
    "weixin://evil.example",
    "http://evil.example/';alert(1)//",
    '"><script>alert(1)</script>',
    "{{7*7}}",
    "%(secret)s",
    "\u202ehttp://evil.example",
    "x" * 3000,
)
ALLOWED = (
    re.compile(r"^http://testserver(/|$)"),
    re.compile(r"^https://wifi\.example/portal/west/welcome\?"),
    re.compile(
        r"^http://(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.\d+\.\d+(:\d+)?/[A-Za-z0-9_-]+/?(\?|$)"
    ),
    re.compile(
        r"^https?://([a-z0-9.-]+\.network-auth|n[a-z0-9.-]*\.meraki)\.com(:\d+)?([/?]|$)", re.IGNORECASE
    ),
    re.compile(r"^https://portal\.mist\.com/authorize\?"),
    re.compile(r"^https?://192\.0\.2\.\d+(:\d+)?([/?]|$)"),
    re.compile(
        r"^https://[a-z0-9.-]+\.(arubanetworks|arubainstanton)\.com(:\d+)?/cgi-bin/login$", re.IGNORECASE
    ),
    re.compile(r"^/(?![/\\])[\x21-\x7e]*$"),
    re.compile(r"^[?#]"),
    re.compile(r"^data:(image/|,$)"),
)
"""Our own pages, and what the operator or the vendor has: on purpose written without the checks' own code."""
_LED = re.compile(r"""(?:href|action|src)=(?:"([^"]*)"|'([^']*)')""")


@pytest.fixture
async def district(app: FastAPI, committed: Makers, clock: FixedClock) -> District:
    row = committed.district()
    for form in VENDORS:
        register(committed.session, committed.info(row), form, slug_of(form, row), clock)
    committed.session.commit()
    await refresh(app)
    return row


def led_to(answer: httpx.Response) -> Iterator[str]:
    """Every place that an answer leads a browser to, now or by a tap."""
    if "location" in answer.headers:
        yield answer.headers["location"]
    if "text/html" in answer.headers.get("content-type", ""):
        for double, single in _LED.findall(answer.text):
            yield unescape(double or single)


def assert_leads_nowhere_else(answer: httpx.Response) -> None:
    for place in led_to(answer):
        assert any(pattern.match(place) for pattern in ALLOWED), place
        assert "\r" not in place
        assert "\n" not in place
    assert "evil.example" not in answer.headers.get("content-security-policy", "")
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("form", [form for form in VENDORS if form != "portal2"])
async def test_no_field_leads_a_browser_elsewhere(
    client: httpx.AsyncClient, district: District, clock: FixedClock, form: str
) -> None:
    slug = slug_of(form, district)
    for field in URL_FIELDS[form]:
        for url in ELSEWHERE:
            place = f"/portal/{slug}?{query(form, slug, clock.machine_now(), {field: url})}"
            page = await client.get(place)
            assert page.status_code in {200, 400}, (field, url)
            assert_leads_nowhere_else(page)
            if page.status_code == 400:
                continue
            answer = await client.post(place, data=CLICK)
            assert answer.status_code in {200, 303, 400}, (field, url)
            assert_leads_nowhere_else(answer)
            if answer.status_code == 303 and answer.headers["location"].startswith(ORIGIN):
                assert_leads_nowhere_else(await client.get(answer.headers["location"]))


SPECIALS = (
    *ELSEWHERE[:40],
    "",
    "\x00",
    "%ed%a0%80",
    "\U0001f6dc" * 20,
    "%",
    "%zz",
    "%ff%fe",
    "&",
    "=",
    "&md=",
    "&lang=zh",
    "loginurl=",
    "9" * 400,
    "-1",
    "NaN",
    "1e999",
    "ff:ff:ff:ff:ff:ff",
    "00:00:00:00:00:00",
    "0.0.0.0",
    "255.255.255.255",
    "::1",
    "fe80::1%eth0",
    "<svg onload=alert(1)>",
    "' OR 1=1--",
    "${jndi:ldap://x}",
    "../../../../etc/passwd",
    "a" * 5000,
)


class Mutator:
    """Turns redirects into what comes over the air when somebody plays with them; the same for the same seed."""

    def __init__(self, seed: int, district: District, clock: FixedClock) -> None:
        self.random = random.Random(seed)
        self.district, self.clock = district, clock

    def one(self) -> tuple[str, bytes]:
        """A gateway, and a query for it."""
        form = self.random.choice(VENDORS)
        slug = slug_of(form, self.district)
        changed = {}
        if self.random.random() < 0.6:
            names = [part.partition("=")[0] for part in self._plain(form, slug).split("&")]
            for _ in range(self.random.randint(1, 3)):
                changed[self.random.choice([*names, *URL_FIELDS[form]])] = self.random.choice(SPECIALS)
        raw = self._signed(form, slug, changed).encode("latin-1", "replace")
        for _ in range(self.random.choice((0, 1, 1, 2, 5))):
            raw = self._broken(raw)
        return slug, bytes(byte for byte in raw if 0x21 <= byte <= 0x7E and byte != ord("#"))

    def _plain(self, form: str, slug: str) -> str:
        return query(form, slug, self.clock.machine_now())

    def _signed(self, form: str, slug: str, changed: dict[str, str]) -> str:
        """Signed after the change, so that what stands behind the signature is reached."""
        if form == "opennds":
            return nds_query(changed)
        if form == "coovachilli" and self.random.random() < 0.2:
            return chilli_query(f"{ORIGIN}/portal/{slug}", changed)
        return query(form, slug, self.clock.machine_now(), changed)

    def _broken(self, raw: bytes) -> bytes:
        at = self.random.randrange(len(raw) + 1)
        match self.random.randrange(7):
            case 0:
                return raw[:at]
            case 1:
                return raw[:at] + bytes((self.random.randrange(256),)) + raw[at + 1 :]
            case 2:
                return raw[:at] + raw[at + self.random.randrange(1, 20) :]
            case 3:
                return raw + b"&" + raw[:at]
            case 4:
                special = self.random.choice(SPECIALS).encode()
                return raw[:at] + special + raw[at:]
            case 5:
                parts = raw.split(b"&")
                self.random.shuffle(parts)
                return b"&".join(parts)
            case _:
                return raw.replace(b"=", b"%3d", 1) if at % 2 else raw.replace(b"%", b"%25", 3)


class Wire:
    """The application as a server calls it, with a query byte for byte: clients would tidy it up.

    uvicorn's parser refuses, with a 400 of its own, what is not printable ASCII in a request line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.query = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._app({**scope, "query_string": self.query}, receive, send)


async def mutate(app: ASGIApp, mutator: Mutator, count: int) -> dict[int, int]:
    """Send so many mutated redirects, one in four with the page's form; how often each status came."""
    seen: dict[int, int] = {}
    wire = Wire(app)
    transport = httpx.ASGITransport(app=wire, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        for number in range(count):
            slug, wire.query = mutator.one()
            method = "POST" if number % 4 == 3 and not slug.startswith("portal2") else "GET"
            answer = await client.request(method, f"/portal/{slug}", data=CLICK if method == "POST" else None)
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (slug, wire.query)
            if answer.status_code == 303:
                assert_leads_nowhere_else(answer)
    return seen


def test_no_dialect_raises_anything_but_its_refusal(clock: FixedClock) -> None:
    """Without the page around them: what makes a thousand times as many redirects."""
    district = District(slug="west")
    mutator = Mutator(SEED + 2, district, clock)
    counts = {True: 0, False: 0}
    for _ in range(DIALECT_MUTATIONS):
        slug, raw = mutator.one()
        form = next(one for one in sorted(VENDORS, key=len, reverse=True) if slug_of(one, district) == slug)
        dialect = DIALECTS[form.partition("_")[0]]
        info = GatewayInfo(
            slug=slug,
            vendor=form.partition("_")[0],
            secret=SECRET,
            public_url="",
            portal_url=f"{ORIGIN}/portal/{slug}",
            options=OPTIONS.get(form, {}),
        )
        try:
            arrival = dialect.identify(info, raw, machine_now=clock.machine_now())
            step = dialect.grant(info, arrival, login(), machine_now=clock.machine_now())
        except BadRedirect:
            counts[False] += 1
        else:
            assert len(arrival.mac) == 12
            if isinstance(step, Go | Post):
                assert any(pattern.match(step.url) for pattern in ALLOWED), (slug, raw)
            counts[True] += 1
    assert counts[True] > DIALECT_MUTATIONS // 20
    assert counts[False] > DIALECT_MUTATIONS // 10


async def test_mutated_redirects_never_make_the_portal_fail(
    app: FastAPI, district: District, clock: FixedClock
) -> None:
    seen = await mutate(app, Mutator(SEED, district, clock), MUTATIONS)
    assert sum(seen.values()) == MUTATIONS
    assert seen[200] > MUTATIONS // 50, "hardly anything got past the first check"
    assert seen[400] > MUTATIONS // 10


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_hundred_thousand_mutated_redirects_never_make_the_portal_fail(
    app: FastAPI, district: District, clock: FixedClock, part: int
) -> None:
    """In parts, each from a seed of its own: `pytest -n 2` takes them on two cores."""
    seen = await mutate(app, Mutator(SEED + 1 + part, district, clock), ALL_MUTATIONS // PARTS)
    assert sum(seen.values()) == ALL_MUTATIONS // PARTS
