"""The list of addresses from which messages came back: by the interface and on the operator's page."""

from district.channels.kinds import KINDS
from district.web.language import catalogue
from district.web.operator_channel_form import fields_of
from push.consent import Channel
from tests.channels.mail.accounts import ADDRESS, STATES, SUPPRESSED, account, offer
from tests.channels.mail.conftest import Working
from tests.channels.mail.letters import private_key
from tests.channels.mail.sink import sink
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground


async def test_an_address_can_be_tried_again_and_comes_back_to_the_list_if_it_still_is_wrong(
    desk: Desk, ground: Ground, working: Working
) -> None:
    member = ground.member(email=ADDRESS)
    async with sink() as server:
        server.recipients[ADDRESS] = ["550 5.1.1 No such user"]
        await account(desk, server.port)
        for place in (1, 2):
            await offer(ground, member)

            async def is_refused(place: int = place) -> bool:
                return [row[0] for row in await ground.rows(STATES)] == ["failed"] * place

            async with working():
                await until(is_refused)
            listed = (await desk.ask("GET", "suppressed-addresses")).json()
            (one,) = listed["items"]
            assert (one["address"], one["state"], one["reason"]) == (ADDRESS, "gone", "RCPT 550 5.1.1")
            assert listed["next"] is None
            assert one["failed_at"] is not None
            removed = await desk.ask("DELETE", f"suppressed-addresses/{one['id']}")
            assert removed.status_code == 204
            assert await ground.rows(SUPPRESSED) == []
    again = await desk.ask("DELETE", f"suppressed-addresses/{one['id']}")
    assert again.status_code == 404


async def test_the_list_goes_on_page_by_page_and_finds_one_address(desk: Desk, ground: Ground) -> None:
    async with ground.pool.connection() as connection:
        for place in range(3):
            member = ground.member(email=f"gone{place}@example.org")
            await connection.execute(
                """INSERT INTO member_endpoint (district_id, id, member_id, channel, address, address_hash, state,
                                                created_at, seen_at)
                   VALUES (%s, gen_random_uuid(), %s, %s, %s, sha256(convert_to(%s, 'UTF8')), 'gone', now(), now())""",
                [ground.info.id, member.id, Channel.EMAIL.value, member.email, member.email],
            )
    first = (await desk.ask("GET", "suppressed-addresses?limit=2")).json()
    rest = (await desk.ask("GET", f"suppressed-addresses?limit=2&before={first['next']}")).json()
    found = [one["address"] for one in first["items"] + rest["items"]]
    assert sorted(found) == [f"gone{place}@example.org" for place in range(3)]
    one = (await desk.ask("GET", "suppressed-addresses?address=gone1@example.org")).json()["items"]
    assert [each["address"] for each in one] == ["gone1@example.org"]


async def test_another_password_leaves_the_keys_as_they_are(desk: Desk) -> None:
    async with sink() as server:
        await account(desk, server.port)
        before = (await desk.ask("GET", "channel-providers/mail/dns")).json()
        changed = await desk.ask("PATCH", "channel-providers/mail", {"secrets": {"password": "another"}})
        assert changed.status_code == 200
        assert (await desk.ask("GET", "channel-providers/mail/dns")).json() == before
        refused = await desk.ask("PATCH", "channel-providers/mail", {"secrets": {"dkim_key": ""}})
        assert refused.status_code == 422
        assert (await desk.ask("GET", "channel-providers/mail/dns")).json() == before


def test_every_word_of_the_form_is_translated() -> None:
    known, fields = catalogue(), fields_of(KINDS["smtp"])
    words = [KINDS["smtp"].title, *(word for one in fields for word in (one.label, one.hint) if word)]
    assert [word for word in words if word not in known] == []


async def test_a_wrong_setting_is_named_and_no_secret_is_repeated(desk: Desk) -> None:
    body = {
        "slug": "wrong",
        "kind": "smtp",
        "name": "Wrong",
        "options": {
            "host": "x y",
            "sender": "no address",
            "ca_certificate": "no certificate",
            "selector": "A B",
        },
        "secrets": {"dkim_key": "geheim", "return_key": "geheim", "password": "geheim\n"},
    }
    answer = await desk.ask("POST", "channel-providers", body)
    assert answer.status_code == 422
    named = {one["pointer"] for one in answer.json()["errors"]}
    assert named == {"/options/host", "/options/sender", "/options/ca_certificate", "/options/selector"}
    options = {"host": "mail.example.com", "sender": "offers@news.example.com"}
    answer = await desk.ask("POST", "channel-providers", body | {"options": options})
    named = {one["pointer"] for one in answer.json()["errors"]}
    assert named == {"/secrets/dkim_key", "/secrets/return_key", "/secrets/password"}
    assert "geheim" not in answer.text
    insecure = options | {"tls": "none", "user": "me"}
    answer = await desk.ask("POST", "channel-providers", body | {"options": insecure, "secrets": {}})
    assert answer.status_code == 422
    assert private_key() not in answer.text
