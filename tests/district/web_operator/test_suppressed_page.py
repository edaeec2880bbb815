"""The operator's page of addresses from which messages came back, and the DNS records of a mail server."""

import csv
import hashlib
import io
import secrets

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from district.channels.models import MemberEndpoint
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.settings import Settings
from tests.channels.mail.letters import private_key
from tests.factories import Makers

PAGE = "/operator/suppressed"
CHANNELS = "/operator/channels"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Credentials can be sealed."""
    return settings.model_copy(update={"secret": SecretStr("installation-" + secrets.token_hex(16))})


def returned(
    makers: Makers, district: District, clock: FixedClock, address: str, **values: object
) -> MemberEndpoint:
    """An address of a member's that a message came back from."""
    member = makers.member(district, email=address)
    row = MemberEndpoint(
        **{
            "district_id": district.id,
            "id": new_id(),
            "member_id": member.id,
            "channel": "email",
            "address": address,
            "address_hash": hashlib.sha256(address.encode()).digest(),
            "state": "gone",
            "reason": "5.1.1",
            "failures": 1,
            "created_at": clock.now(),
            "seen_at": clock.now(),
            "failed_at": clock.machine_now(),
        }
        | values
    )
    makers.session.add(row)
    makers.done()
    return row


async def test_who_gets_no_more_is_listed_found_and_tried_again(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    gone = returned(committed, district, clock, "gone@example.org")
    returned(committed, district, clock, "full@example.org", state="suspect", reason="5.2.2", failures=2)
    gone_id = gone.id
    shown = (await operator.get(PAGE, params={"lang": "en"})).text
    assert "gone@example.org" in shown
    assert "Came back on 2 of 5 days" in shown
    assert "Get no more messages: 1" in shown
    sought = (await operator.get(PAGE, params={"lang": "en", "address": " full@example.org "})).text
    assert "gone@example.org" not in sought
    assert "full@example.org" in sought
    assert "Not on the list" in (await operator.get(PAGE, params={"lang": "en", "address": "x"})).text
    assert (await operator.post(f"{PAGE}/{gone_id}/remove")).status_code == 303
    committed.session.rollback()
    left = committed.session.scalars(
        select(MemberEndpoint.address).where(MemberEndpoint.district_id == district.id)
    ).all()
    assert left == ["full@example.org"]
    assert (await operator.post(f"{PAGE}/{gone_id}/remove")).status_code == 404


async def test_the_rows_come_as_csv_and_no_cell_is_a_formula(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    returned(committed, district, clock, "=cmd@example.org", reason="+5.1.1")
    answer = await operator.get(f"{PAGE}.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert row["address"] == "'=cmd@example.org"
    assert row["reason"] == "'+5.1.1"
    assert (row["channel"], row["state"], row["failures"]) == ("email", "gone", "1")


async def test_a_mail_server_shows_what_to_enter_and_keeps_the_secrets_that_were_left_empty(
    operator: httpx.AsyncClient, district: District
) -> None:
    form = {
        "kind": "smtp",
        "slug": "mail",
        "name": "Our mail server",
        "options.host": "mail.example.com",
        "options.port": "587",
        "options.tls": "starttls",
        "options.user": "district",
        "options.sender": "offers@news.example.com",
        "options.selector": "s1",
        "options.returns": "on",
        "secrets.password": "first",
        "secrets.dkim_key": private_key(),
        "weight": "1",
        "in_flight": "4",
        "is_on": "on",
    }
    made = await operator.post(CHANNELS, data=form, params={"lang": "en"})
    assert made.status_code == 303, made.text
    shown = (await operator.get(CHANNELS, params={"lang": "en"})).text
    assert "s1._domainkey.news.example.com" in shown
    assert "v=spf1 a:mail.example.com mx ~all" in shown
    assert "PRIVATE KEY" not in shown
    key = shown.partition("p=MII")[2][:60]
    changed = form | {"edited": "mail", "secrets.password": "second", "secrets.dkim_key": ""}
    assert (await operator.post(CHANNELS, data=changed)).status_code == 303
    again = (await operator.get(CHANNELS, params={"lang": "en"})).text
    assert key
    assert key in again
