"""The switch for offers that do not look at a member: by page and by interface; the young have no choice."""

import uuid

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.districts.models import District
from district.members.models import Member
from tests.conftest import refresh
from tests.factories import Makers

OWN = {"sec-fetch-site": "same-origin"}


class Person:
    """A member with a browser."""

    def __init__(self, makers: Makers, district: District, client: httpx.AsyncClient, member: Member) -> None:
        self.makers, self.member, self.client = makers, member, client
        self.page = f"/d/{district.slug}/privacy"
        token = makers.token(district, Role.SHOPPER, subject_id=member.id)
        self.bearer = {"authorization": f"Bearer {token}"}
        client.cookies.set("district_session", token)

    async def save(self, **values: str) -> httpx.Response:
        """Sends the form of the page."""
        return await self.client.post(
            self.page.replace("/privacy", "/preferences"), data={"language": "en"} | values, headers=OWN
        )

    async def prefer(self, **values: bool) -> httpx.Response:
        """The same by the interface."""
        return await self.client.put("/v1/me/preferences", json=values, headers=self.bearer)

    @property
    def is_personalised(self) -> bool:
        """As it is stored."""
        self.makers.session.expire_all()
        return self.member.is_personalised


@pytest.fixture(params=[None, False], ids=["grown-up", "young"])
async def person(
    request: pytest.FixtureRequest, app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> Person:
    district = committed.district()
    phone = f"+35840{uuid.uuid4().int % 10**7:07d}"
    is_young = request.param is False
    member = committed.member(
        district, phone=phone, is_of_age=False if is_young else None, is_personalised=not is_young
    )
    await refresh(app)
    return Person(committed, district, client, member)


async def test_the_page_switches_it_and_shows_how_it_stands(person: Person) -> None:
    is_young = person.member.is_of_age is False
    assert (await person.save()).status_code == 303
    assert not person.is_personalised
    page = (await person.client.get(person.page)).text
    assert 'name="is_personalised" value="yes" checked' not in page
    assert "/v1/me/export.zip" in page
    await person.save(is_personalised="yes")
    assert person.is_personalised is not is_young


async def test_the_interface_switches_it(person: Person) -> None:
    is_young = person.member.is_of_age is False
    off = await person.prefer(is_personalised=False)
    on = await person.prefer(is_personalised=True)
    assert (off.status_code, off.json()["is_personalised"]) == (200, False)
    assert on.status_code == (422 if is_young else 200)
    assert person.is_personalised is not is_young


async def test_other_choices_leave_it_alone(person: Person) -> None:
    before = person.is_personalised
    await person.client.put("/v1/me/preferences", json={"language": "zh"}, headers=person.bearer)
    assert person.is_personalised is before
