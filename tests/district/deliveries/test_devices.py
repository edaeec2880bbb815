"""Apps by the public interface: told anew at each start, one owner for each token, a few a member, consent apart."""

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
from push.consent import Channel, Purpose
from tests.channels.apps.vendors import APP, APPLE_KEY, KEY_ID, TEAM_ID, service_account
from tests.conftest import refresh
from tests.district.offers.conftest import Ground

ME = "/v1/me/devices"
SAID = "SELECT granted FROM consent WHERE district_id = %(d)s AND channel = 'app' ORDER BY id"
OPTIONS = {"apps": [APP], "key_id": KEY_ID, "team_id": TEAM_ID}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Keys are sealed with this."""
    return settings.model_copy(update={"secret": SecretStr("installation-" + secrets.token_hex(16))})


def apple_token(**changes: Any) -> dict[str, Any]:
    """What an app on an iPhone tells."""
    return {"platform": "apns", "token": secrets.token_hex(32), "app": APP} | changes


def google_token(**changes: Any) -> dict[str, Any]:
    """What an app on another telephone tells."""
    token = f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(90)}"
    return {"platform": "fcm", "token": token, "app": APP} | changes


@dataclass
class Phone:
    """Somebody logged in."""

    client: httpx.AsyncClient
    member: Member
    token: str

    async def ask(self, method: str, path: str = ME, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "District/2 iOS"}
        return await self.client.request(method, path, headers=headers, json=body)


@dataclass
class World:
    """A district that may have apps."""

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

    async def set_up(self, kind: str = "apns", **options: Any) -> httpx.Response:
        credentials: dict[str, Any] = {"private_key": APPLE_KEY}
        given = OPTIONS | options
        if kind == "fcm":
            credentials, given = {"service_account": service_account()}, {"apps": [APP]} | options
        body = {"slug": kind, "kind": kind, "name": kind, "options": given, "secrets": credentials}
        return await self.operate("POST", "channel-providers", body)


@pytest.fixture
async def world(app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> World:
    """Nothing is set up yet."""
    token = ground.makers.token(ground.district, Role.OPERATOR)
    ground.makers.done()
    await refresh(app)
    return World(ground=ground, client=client, operator={"Authorization": f"Bearer {token}"})


async def test_what_apple_and_google_gave_is_kept_sealed(world: World) -> None:
    for kind in ("apns", "fcm"):
        made = await world.set_up(kind)
        assert made.status_code == 201, made.text
        assert "PRIVATE KEY" not in made.text


@pytest.mark.parametrize(
    ("kind", "options", "pointer"),
    [
        ("apns", {"team_id": "short"}, "/options/team_id"),
        ("apns", {"apps": []}, "/options/apps"),
        ("fcm", {"base_url": "ftp://fcm.googleapis.com"}, "/options/base_url"),
        ("fcm", {"apps": ["two words"]}, "/options/apps/0"),
    ],
    ids=["team", "no-app", "url", "app"],
)
async def test_what_no_provider_can_have_is_refused(
    world: World, kind: str, options: dict[str, Any], pointer: str
) -> None:
    refused = await world.set_up(kind, **options)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_a_key_that_is_none_is_refused_and_not_repeated(world: World) -> None:
    body = {"slug": "a", "kind": "fcm", "name": "A", "options": {"apps": [APP]}}
    refused = await world.operate(
        "POST", "channel-providers", body | {"secrets": {"service_account": "hush"}}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/secrets/service_account"
    assert "hush" not in refused.text


async def test_without_a_provider_no_app_registers(world: World) -> None:
    assert (await world.phone().ask("POST", body=apple_token())).status_code == 503


async def test_where_the_order_of_channels_leaves_apps_out_none_registers(world: World) -> None:
    await world.set_up()
    await world.operate("PUT", "channel-order", {"order": ["sms"]})
    assert (await world.phone().ask("POST", body=apple_token())).status_code == 503


async def test_a_token_told_again_is_only_seen_again(world: World) -> None:
    await world.set_up()
    phone, body = world.phone(), apple_token()
    first = await phone.ask("POST", body=body)
    assert first.status_code == 201, first.text
    world.ground.clock.advance(timedelta(hours=1))
    again = await phone.ask("POST", body=body | {"token": body["token"].upper()})
    assert again.json() == first.json() | {"seen_at": again.json()["seen_at"]}
    assert again.json()["seen_at"] > first.json()["seen_at"]
    assert (await phone.ask("GET")).json() == [again.json()]
    assert body["token"] not in (await phone.ask("GET")).text


async def test_a_telephone_that_changes_hands_belongs_to_who_tells_its_token(world: World) -> None:
    await world.set_up("fcm")
    old, new, body = world.phone(), world.phone(), google_token()
    assert (await old.ask("POST", body=body)).status_code == 201
    assert (await new.ask("POST", body=body)).status_code == 201
    assert (await old.ask("GET")).json() == []
    assert [one["platform"] for one in (await new.ask("GET")).json()] == ["fcm"]


async def test_a_token_that_was_gone_lives_again_when_its_app_tells_it(world: World) -> None:
    await world.set_up()
    phone, body = world.phone(), apple_token()
    await phone.ask("POST", body=body)
    world.ground.makers.session.execute(update(MemberEndpoint).values(state=EndpointState.GONE))
    world.ground.makers.done()
    assert (await phone.ask("GET")).json()[0]["state"] == "gone"
    assert (await phone.ask("POST", body=body)).json()["state"] == "active"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (apple_token(app="other.app"), 422),
        (apple_token(token="z" * 64), 422),
        (apple_token(token="ab" * 31), 422),
        (apple_token(token="ab" * 600), 422),
        (google_token(), 503),
        (google_token(token="a b" * 20), 422),
        (apple_token(platform="hms"), 422),
        (apple_token(more=1), 422),
        (apple_token(app="a:b"), 422),
    ],
    ids=["app", "no-hex", "short", "long", "no-firebase", "blank", "platform", "more", "colon"],
)
async def test_what_is_no_token_of_an_app_of_ours_is_refused(
    world: World, body: dict[str, Any], status: int
) -> None:
    await world.set_up()
    assert (await world.phone().ask("POST", body=body)).status_code == status


async def test_the_eleventh_telephone_takes_the_place_of_the_one_unseen_for_longest(world: World) -> None:
    await world.set_up()
    phone = world.phone()
    made = []
    for _ in range(11):
        world.ground.clock.advance(timedelta(minutes=1))
        made.append((await phone.ask("POST", body=apple_token())).json()["id"])
    assert [one["id"] for one in (await phone.ask("GET")).json()] == made[:0:-1]


async def test_anothers_telephone_is_not_found(world: World) -> None:
    await world.set_up()
    mine, other = world.phone(), world.phone()
    made = (await mine.ask("POST", body=apple_token())).json()["id"]
    assert (await other.ask("DELETE", f"{ME}/{made}")).status_code == 404
    assert len((await mine.ask("GET")).json()) == 1


async def test_with_the_last_telephone_the_consent_ends(world: World) -> None:
    await world.set_up()
    phone = world.phone()
    first, second = [(await phone.ask("POST", body=apple_token())).json()["id"] for _ in range(2)]
    words = consent_text(Purpose.MARKETING, Channel.APP, "en")
    said = {"purpose": "marketing", "channel": "app", "granted": True, "text_hash": words.hash.hex()}
    assert (await phone.ask("PUT", "/v1/me/consents", {"consents": [said]})).status_code == 200
    assert (await phone.ask("DELETE", f"{ME}/{first}")).status_code == 204
    assert await world.ground.rows(SAID) == [(True,)]
    assert (await phone.ask("DELETE", f"{ME}/{second}")).status_code == 204
    assert await world.ground.rows(SAID) == [(True,), (False,)]


async def test_a_token_belongs_to_its_district_alone(world: World) -> None:
    await world.set_up()
    body = apple_token()
    makers = world.ground.makers
    other = makers.district()
    member = makers.member(other)
    token = makers.token(other, Role.SHOPPER, subject_id=member.id)
    makers.done()
    stranger = Phone(client=world.client, member=member, token=token)
    assert (await world.phone().ask("POST", body=body)).status_code == 201
    assert (await stranger.ask("POST", body=body)).status_code in {401, 404, 503}
