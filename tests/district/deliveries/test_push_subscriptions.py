"""Browsers' subscriptions by the public interface: known push services only, one owner, a few each, consent apart."""

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update

from district.auth.models import Role
from district.channels.models import EndpointState, MemberEndpoint
from district.members.models import Member
from district.members.texts import consent_text
from district.settings import Settings
from push.channels.vapid import new_private_key, public_key_of
from push.consent import Channel, Purpose
from tests.conftest import refresh
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
ME = "/v1/me/push-subscriptions"
CONTACT = "mailto:push@district.example"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Keys are sealed with this."""
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


def subscription(**changes: Any) -> dict[str, Any]:
    """What a browser writes."""
    keys = {
        "p256dh": public_key_of(new_private_key()),
        "auth": base64.urlsafe_b64encode(secrets.token_bytes(16)).decode(),
    }
    endpoint = f"https://updates.push.services.mozilla.com/wpush/v2/{secrets.token_urlsafe(40)}"
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys} | changes


@dataclass
class Phone:
    """Somebody logged in."""

    client: httpx.AsyncClient
    member: Member
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "Browser/1"}
        return await self.client.request(method, path, headers=headers, json=body)

    async def subscribe(self, body: Any) -> httpx.Response:
        return await self.ask("POST", ME, body)


@dataclass
class World:
    """A district that may be set up for web push."""

    ground: Ground
    client: httpx.AsyncClient
    operator: dict[str, str]

    def phone(self) -> Phone:
        member = self.ground.member(agrees=False)
        token = self.ground.makers.token(self.ground.district, Role.SHOPPER, subject_id=member.id)
        self.ground.makers.done()
        return Phone(client=self.client, member=member, token=token)

    async def operate(self, method: str, path: str, body: Any) -> httpx.Response:
        address = f"/v1/districts/{self.ground.district.slug}/{path}"
        return await self.client.request(method, address, headers=self.operator, json=body)

    async def set_up(self, **options: Any) -> httpx.Response:
        body = {
            "slug": "browsers",
            "kind": "web_push",
            "name": "Browsers",
            "options": {"contact": CONTACT} | options,
        }
        return await self.operate("POST", "channel-providers", body)

    async def key(self) -> httpx.Response:
        return await self.client.get(f"/v1/districts/{self.ground.district.slug}/push-key")


@pytest.fixture
async def world(app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> World:
    """Nothing is set up yet."""
    token = ground.makers.token(ground.district, Role.OPERATOR)
    ground.makers.done()
    await refresh(app)
    return World(ground=ground, client=client, operator={"Authorization": f"Bearer {token}"})


async def test_the_key_is_made_with_the_provider_and_only_its_public_half_is_given_out(world: World) -> None:
    assert (await world.key()).json() == {"public_key": None}
    made = await world.set_up()
    assert made.status_code == 201, made.text
    assert "private_key" not in made.text
    point = base64.urlsafe_b64decode((await world.key()).json()["public_key"] + "==")
    assert (len(point), point[0]) == (65, 4)
    again = (await world.key()).json()
    assert (await world.key()).json() == again


@pytest.mark.parametrize("contact", ["", "push@district.example", "mailto:localhost", "https://localhost"])
async def test_a_contact_that_push_services_do_not_believe_is_refused(world: World, contact: str) -> None:
    refused = await world.set_up(contact=contact)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/options/contact"


async def test_without_a_provider_nobody_can_subscribe(world: World) -> None:
    assert (await world.phone().subscribe(subscription())).status_code == 503


async def test_where_the_order_of_channels_leaves_it_out_it_is_not_offered(world: World) -> None:
    await world.set_up()
    await world.operate("PUT", "channel-order", {"order": ["sms"]})
    assert (await world.key()).json() == {"public_key": None}
    assert (await world.phone().subscribe(subscription())).status_code == 503


async def test_a_subscription_is_kept_once_with_its_keys_sealed(world: World) -> None:
    await world.set_up()
    phone, body = world.phone(), subscription()
    first, again = await phone.subscribe(body), await phone.subscribe(body)
    assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
    rows = await world.ground.rows(
        "SELECT address, sealed, agent FROM member_endpoint WHERE district_id = %(d)s"
    )
    assert [(row[0], row[2]) for row in rows] == [(body["endpoint"], "Browser/1")]
    assert body["keys"]["auth"].rstrip("=").encode() not in bytes(rows[0][1])
    assert [one["id"] for one in (await phone.ask("GET", ME)).json()] == [first.json()["id"]]
    assert body["endpoint"] not in (await phone.ask("GET", ME)).text


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://push.example/abc",
        "http://fcm.googleapis.com/abc",
        "https://fcm.googleapis.com.push.example/abc",
        "https://fcm.googleapis.com@127.0.0.1/abc",
        "https://127.0.0.1/abc",
        "https://fcm.googleapis.com:8443/abc",
        "https://notify.windows.com/abc",
    ],
    ids=["strange", "no-tls", "longer-name", "user-name", "loopback", "port", "bare-domain"],
)
async def test_an_address_of_no_known_push_service_is_refused(world: World, endpoint: str) -> None:
    await world.set_up()
    refused = await world.phone().subscribe(subscription(endpoint=endpoint))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/endpoint")


NO_POINT = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode()
SHORT = base64.urlsafe_b64encode(b"\x01" * 15).decode()


@pytest.mark.parametrize(
    "changed", [{"p256dh": NO_POINT}, {"p256dh": SHORT}, {"auth": SHORT}], ids=["curve", "length", "secret"]
)
async def test_keys_that_no_browser_makes_are_refused(world: World, changed: dict[str, str]) -> None:
    await world.set_up()
    body = subscription()
    refused = await world.phone().subscribe(body | {"keys": body["keys"] | changed})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/keys")


async def test_the_browser_that_was_not_seen_for_longest_makes_room(world: World) -> None:
    await world.set_up()
    phone = world.phone()
    ids = []
    for _ in range(11):
        ids.append((await phone.subscribe(subscription())).json()["id"])
        world.ground.clock.advance(timedelta(seconds=1))
    kept = [one["id"] for one in (await phone.ask("GET", ME)).json()]
    assert kept == ids[:0:-1]


async def test_a_browser_belongs_to_who_is_logged_in_and_an_address_alone_takes_nothing(world: World) -> None:
    await world.set_up()
    first, second, body = world.phone(), world.phone(), subscription()
    await first.subscribe(body)
    stolen = await second.subscribe(subscription(endpoint=body["endpoint"]))
    assert stolen.status_code == 409
    assert len((await first.ask("GET", ME)).json()) == 1
    assert (await second.subscribe(body)).status_code == 201
    assert (await first.ask("GET", ME)).json() == []
    assert len((await second.ask("GET", ME)).json()) == 1


async def test_another_members_subscription_cannot_be_deleted(world: World) -> None:
    await world.set_up()
    first, second = world.phone(), world.phone()
    made = (await first.subscribe(subscription())).json()
    assert (await second.ask("DELETE", f"{ME}/{made['id']}")).status_code == 404
    assert (await first.ask("DELETE", f"{ME}/{made['id']}")).status_code == 204
    assert (await first.ask("DELETE", f"{ME}/{made['id']}")).status_code == 404


async def test_one_that_is_gone_stays_gone_so_that_the_browser_subscribes_anew(world: World) -> None:
    await world.set_up()
    phone, body = world.phone(), subscription()
    await phone.subscribe(body)
    gone = update(MemberEndpoint).where(MemberEndpoint.district_id == world.ground.district.id)
    world.ground.makers.session.execute(gone.values(state=EndpointState.GONE))
    world.ground.makers.done()
    assert (await phone.subscribe(body)).json()["state"] == EndpointState.GONE


SAID = "SELECT granted, text_hash FROM consent WHERE district_id = %(d)s AND channel = 'web_push' ORDER BY id"


async def test_consent_is_given_apart_with_its_words_and_ends_with_the_last_browser(world: World) -> None:
    await world.set_up()
    phone = world.phone()
    ids = [(await phone.subscribe(subscription())).json()["id"] for _ in range(2)]
    assert await world.ground.rows(SAID) == []
    words = consent_text(Purpose.MARKETING, Channel.WEB_PUSH, "en")
    said = {"purpose": "marketing", "channel": "web_push", "granted": True, "text_hash": words.hash.hex()}
    assert (await phone.ask("PUT", "/v1/me/consents", {"consents": [said]})).status_code == 200
    assert await world.ground.rows(SAID) == [(True, words.hash)]
    await phone.ask("DELETE", f"{ME}/{ids[0]}")
    assert len(await world.ground.rows(SAID)) == 1
    await phone.ask("DELETE", f"{ME}/{ids[1]}")
    assert [row[0] for row in await world.ground.rows(SAID)] == [True, False]
