"""When words change, known members are asked again: by all that changed, and by nothing else."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from district.auth.models import Role
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members import service as members
from district.members import terms
from district.members.models import Consent
from push.consent import Channel, Purpose
from tests.conftest import refresh
from tests.factories import Makers

SECRET, MAC = "a-secret-of-the-gateway", "02:aa:22:33:44:66"
Address = Callable[[], str]


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    return committed.district()


@pytest.fixture
async def address(app: FastAPI, committed: Makers, district: District) -> Address:
    slug = f"gw-{uuid.uuid4().hex[:10]}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click"])
    gateways.create(committed.session, committed.info(district), new, clock=committed.clock)
    committed.done()
    await refresh(app)

    def next_redirect() -> str:
        committed.clock.advance(timedelta(seconds=1))
        query = redirect_query(
            SECRET,
            mac=MAC,
            ap="00:18:0a:13:dd:b0",
            url="http://example.com/",
            machine_now=committed.clock.machine_now(),
        )
        return f"/portal/{slug}?{query}"

    return next_redirect


def old_words(makers: Makers, district: District, purpose: Purpose) -> None:
    """As if this purpose had been asked in other words before."""
    statement = "UPDATE consent SET text_hash = sha256('old') WHERE district_id = :d AND purpose = :p"
    makers.session.execute(text(statement), {"d": district.id, "p": purpose})
    makers.done()


def history(makers: Makers, district: District, purpose: Purpose) -> list[Consent]:
    makers.session.expire_all()
    rows = select(Consent).where(Consent.district_id == district.id, Consent.purpose == purpose)
    return list(makers.session.scalars(rows.order_by(Consent.id)))


async def test_a_known_device_is_asked_nothing_while_the_words_stand(
    client: httpx.AsyncClient, address: Address
) -> None:
    await client.post(address(), data={"method": "click", "marketing": "yes"})
    page = (await client.get(address())).text
    assert 'name="marketing"' not in page
    assert "The terms have changed" not in page


async def test_new_terms_are_told_and_the_next_tap_accepts_them(
    client: httpx.AsyncClient, committed: Makers, district: District, address: Address
) -> None:
    await client.post(address(), data={"method": "click", "marketing": "yes"})
    old_words(committed, district, Purpose.ACCESS)
    page = (await client.get(address())).text
    assert "The terms have changed" in page
    assert 'name="marketing"' not in page
    await client.post(address(), data={"method": "click"})
    said = history(committed, district, Purpose.ACCESS)
    assert [row.granted for row in said] == [True, True]
    assert said[-1].terms_version == terms.CURRENT.version
    [marketing] = history(committed, district, Purpose.MARKETING)
    assert marketing.granted
    assert "The terms have changed" not in (await client.get(address())).text


@pytest.mark.parametrize("ticked", [True, False])
async def test_only_the_box_whose_words_changed_is_asked_again(
    client: httpx.AsyncClient, committed: Makers, district: District, address: Address, *, ticked: bool
) -> None:
    await client.post(address(), data={"method": "click", "marketing": "yes", "location": "yes"})
    old_words(committed, district, Purpose.MARKETING)
    page = (await client.get(address())).text
    assert 'name="marketing"' in page
    assert 'name="location"' not in page
    await client.post(address(), data={"method": "click"} | ({"marketing": "yes"} if ticked else {}))
    member_id = history(committed, district, Purpose.ACCESS)[0].member_id
    held = members.consents_of(committed.session, district.id, member_id)
    assert held.holds(Purpose.MARKETING, Channel.INBOX) is ticked
    assert held.holds(Purpose.LOCATION)
    assert 'name="marketing"' not in (await client.get(address())).text


async def test_a_record_says_from_where_and_by_what_it_was_said_and_can_be_proven(
    client: httpx.AsyncClient, committed: Makers, district: District, address: Address
) -> None:
    await client.post(
        address(), data={"method": "click", "marketing": "yes"}, headers={"user-agent": "Sheet/1"}
    )
    own = (await client.get("/v1/me/consents/proof", params={"purpose": "marketing"})).json()
    member_id = history(committed, district, Purpose.ACCESS)[0].member_id
    operator = {"authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    base = f"/v1/districts/{district.slug}/members"
    theirs = await client.get(f"{base}/{member_id}/consents/marketing/proof", headers=operator)
    nobody = await client.get(f"{base}/{uuid.uuid4()}/consents/marketing/proof", headers=operator)
    [record] = own["records"]
    assert own == theirs.json()
    assert nobody.status_code == 404
    assert (record["granted"], record["address"], record["agent"]) == (True, "127.0.0.1", "Sheet/1")
    assert (record["proof"], record["terms_version"]) == ("device", terms.CURRENT.version)
    assert "inbox" in record["text"]
    assert (own["is_chain_whole"], len(record["hash"])) == (True, 64)


@pytest.mark.parametrize(("lang", "says"), [("en", "Who receives what"), ("zh", "数据接收方")])
async def test_the_terms_are_there_for_anybody_in_both_languages(
    app: FastAPI, client: httpx.AsyncClient, district: District, lang: str, says: str
) -> None:
    await refresh(app)
    page = await client.get(f"/d/{district.slug}/terms?lang={lang}")
    assert page.status_code == 200
    assert says in page.text
    assert terms.CURRENT.version in page.text
    assert terms.CURRENT.hash(lang).hex() in page.text
    missing = await client.get(f"/d/{district.slug}/terms", params={"version": "1999-01"})
    assert missing.status_code == 404
