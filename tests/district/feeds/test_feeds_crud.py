"""Feeds made and changed by operators."""

from typing import Any

import httpx
from fastapi import FastAPI

from district.auth.models import Role
from tests.conftest import refresh
from tests.factories import Makers


async def test_a_made_meraki_feed_takes_posts_and_shows_its_secret_once(
    committed: Makers, app: FastAPI, client: httpx.AsyncClient
) -> None:
    district = committed.district()
    operator = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    await refresh(app)
    path = f"/v1/districts/{district.slug}/feeds"
    slug = district.slug[:20]
    made = await client.post(
        path, json={"slug": slug, "vendor": "meraki", "validator": "v"}, headers=operator
    )
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert len(secret) >= 22
    listed = (await client.get(path, headers=operator)).json()["items"]
    assert [feed["slug"] for feed in listed] == [slug]
    assert secret not in str(listed)
    await refresh(app)
    post: dict[str, Any] = {"version": "3.0", "secret": secret, "type": "WiFi", "data": {"observations": []}}
    assert (await client.post(f"/v1/feeds/meraki/{slug}", json=post)).status_code == 202


async def test_feeds_are_listed_page_by_page(
    committed: Makers, app: FastAPI, client: httpx.AsyncClient
) -> None:
    district = committed.district()
    operator = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    await refresh(app)
    path = f"/v1/districts/{district.slug}/feeds"
    slugs = [f"{letter}-{district.slug}"[:24] for letter in "cab"]
    for slug in slugs:
        await client.post(path, json={"slug": slug}, headers=operator)
    first = (await client.get(path, params={"limit": 2}, headers=operator)).json()
    second = (await client.get(path, params={"limit": 2, "after": first["next"]}, headers=operator)).json()
    assert [feed["slug"] for feed in first["items"] + second["items"]] == sorted(slugs)
    assert second["next"] is None


async def test_a_repeated_request_makes_one_feed_and_keeps_no_secret(
    committed: Makers, app: FastAPI, client: httpx.AsyncClient
) -> None:
    district = committed.district()
    operator = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    await refresh(app)
    path = f"/v1/districts/{district.slug}/feeds"
    headers = operator | {"Idempotency-Key": "first"}
    body = {"slug": district.slug[:20], "vendor": "meraki"}
    made = await client.post(path, json=body, headers=headers)
    again = await client.post(path, json=body, headers=headers)
    other = await client.post(path, json=body | {"slug": "other"}, headers=headers)
    assert (made.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert again.json() == {name: value for name, value in made.json().items() if name != "secret"}
    assert made.json()["secret"] not in again.text


async def test_a_taken_name_is_a_conflict_and_a_deleted_one_is_free(
    committed: Makers, app: FastAPI, client: httpx.AsyncClient
) -> None:
    district = committed.district()
    operator = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    await refresh(app)
    path = f"/v1/districts/{district.slug}/feeds"
    body = {"slug": district.slug[:20]}
    statuses = [
        (await client.post(path, json=body, headers=operator)).status_code,
        (await client.post(path, json=body, headers=operator)).status_code,
        (await client.delete(f"{path}/{body['slug']}", headers=operator)).status_code,
        (await client.post(path, json=body, headers=operator)).status_code,
    ]
    assert statuses == [201, 409, 204, 201]


async def test_only_the_districts_operator_may_make_feeds(
    committed: Makers, app: FastAPI, client: httpx.AsyncClient
) -> None:
    district, other = committed.district(), committed.district()
    tokens = [
        committed.token(district, Role.MERCHANT),
        committed.token(other, Role.OPERATOR),
        committed.token(district, Role.OPERATOR),
    ]
    await refresh(app)
    path = f"/v1/districts/{district.slug}/feeds"
    statuses = [(await client.post(path, json={"slug": "x"})).status_code]
    for token in tokens:
        answer = await client.post(
            path, json={"slug": "Bad Slug"}, headers={"Authorization": f"Bearer {token}"}
        )
        statuses.append(answer.status_code)
    assert statuses == [401, 403, 404, 422]
