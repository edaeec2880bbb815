"""Tags, uploaded lists and segments: made, used, refused, and nobody else's."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.audiences import lists
from district.audiences.models import ContactListEntry, SegmentMember
from district.campaigns.models import Campaign
from tests.conftest import refresh
from tests.district.audiences.people import Square, square
from tests.factories import Makers

VIP = {"name": "vip", "title": "Our best"}


@pytest.fixture
async def here(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Square:
    found = square(committed, client)
    await refresh(app)
    return found


async def test_a_merchant_tags_whoever_redeemed_at_his_tills_and_nobody_else(here: Square) -> None:
    assert (await here.own.ask("POST", "tags", json=VIP)).status_code == 201
    mine, others = here.redemption(here.member, here.store), here.redemption(here.member, here.rival_store)
    named = [{"redemption_id": mine}, {"redemption_id": others}, {"member_id": str(here.member.id)}, {}]
    answer = (await here.own.ask("PUT", "tags/vip/members", json={"add": named})).json()
    assert answer == {"added": 1, "removed": 0, "unknown": ["/add/1", "/add/2", "/add/3"]}
    again = (await here.own.ask("PUT", "tags/vip/members", json={"add": named[:1]})).json()
    assert again["added"] == 0
    assert (await here.own.ask("GET", "tags/vip")).json()["members"] == 1
    gone = (await here.own.ask("PUT", "tags/vip/members", json={"remove": named[:1]})).json()
    assert (gone["removed"], (await here.own.ask("GET", "tags/vip")).json()["members"]) == (1, 0)


async def test_an_operator_tags_by_member_id_and_his_tags_are_his_own(here: Square) -> None:
    await here.operator.ask("POST", "tags", json=VIP)
    named = {"add": [{"member_id": str(here.member.id)}]}
    assert (await here.operator.ask("PUT", "tags/vip/members", json=named)).json()["added"] == 1
    assert (await here.own.ask("GET", "tags/vip")).status_code == 404
    assert (await here.own.ask("GET", "tags")).json()["items"] == []
    assert (await here.own.ask("POST", "tags", json=VIP)).status_code == 201


@pytest.mark.parametrize("kind", ["tags", "contact-lists", "segments"])
async def test_what_is_one_owners_is_not_found_by_another(here: Square, kind: str) -> None:
    body = VIP | ({"rule": "new"} if kind == "segments" else {})
    assert (await here.own.ask("POST", kind, json=body)).status_code == 201
    for caller in (here.rival, here.operator):
        assert (await caller.ask("GET", f"{kind}/vip")).status_code == 404
        assert (await caller.ask("DELETE", f"{kind}/vip")).status_code == 404
    taken = await here.own.ask("POST", kind, json=body)
    assert (taken.status_code, taken.json()["type"].rpartition(":")[2]) == (409, "name-taken")
    assert (await here.own.ask("DELETE", f"{kind}/vip")).status_code == 204
    assert (await here.own.ask("GET", f"{kind}/vip")).status_code == 404


@pytest.mark.parametrize("name", ["", "VIP", "-vip", "v" * 64, "v\n", "café", "a b"])
async def test_a_name_that_rules_could_not_write_is_refused(here: Square, name: str) -> None:
    assert (await here.own.ask("POST", "tags", json=VIP | {"name": name})).status_code == 422


async def upload(here: Square, content: bytes) -> httpx.Response:
    await here.own.ask("POST", "contact-lists", json={"name": "old", "title": "Old customers"})
    return await here.own.ask("PUT", "contact-lists/old/entries", content=content)


async def test_a_list_keeps_only_hashes_and_says_row_by_row_what_it_left_out(here: Square) -> None:
    content = (
        "\ufeffPhone, Email\n040 123 4567,\n+358 40 1234567,\n,Anna@Example.COM\n12,\n,nobody\n,\n\n"
        "+358 40 7654321,bo@example.com\n" + f"{'9' * 400},\n"
    )
    answer = (await upload(here, content.encode())).json()
    assert {key: answer[key] for key in ("rows", "accepted", "duplicates", "rejected")} == {
        "rows": 7,
        "accepted": 3,
        "duplicates": 1,
        "rejected": 3,
    }
    assert [(one["row"], one["code"]) for one in answer["issues"]] == [
        (5, "bad_phone"),
        (6, "bad_email"),
        (10, "too_long"),
    ]
    session = here.makers.session
    kept = session.query(ContactListEntry).filter_by(district_id=here.district.id).all()
    assert (len(kept), {len(one.contact_hash) for one in kept}) == (4, {16})
    shown = (await here.own.ask("GET", "contact-lists/old")).json()
    assert shown["entries"] == 4
    everything = session.execute(text("SELECT contact_list::text FROM contact_list")).scalars()
    assert not [row for row in everything if "example.com" in row or "401234567" in row]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"number\n0401234567\n",
        b"phone\n12\n",
        "phone\n040".encode("utf-16"),
        b'phone\n"040\n',
        b"phone,phone\n1,2\n",
    ],
    ids=["empty", "no column", "no good row", "utf-16", "open quote", "twice"],
)
async def test_a_file_that_cannot_be_used_changes_nothing(here: Square, content: bytes) -> None:
    assert (await upload(here, b"phone\n0401234567\n")).status_code == 200
    refused = await upload(here, content)
    assert refused.status_code == 422
    assert (await here.own.ask("GET", "contact-lists/old")).json()["entries"] == 1


async def test_a_list_has_bounds(here: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await upload(here, b"phone\n" + b"x" * (lists.MAX_FILE_BYTES + 1))).status_code == 413
    monkeypatch.setattr(lists, "MAX_ROWS", 2)
    assert (await upload(here, b"phone\n0401234567\n0401234568\n0401234569\n")).status_code == 422


def segment(name: str, rule: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": name, "rule": rule} | more


async def test_a_segment_never_is_part_of_itself(here: Square) -> None:
    assert (await here.own.ask("POST", "segments", json=segment("a", {"seg": "a"}))).status_code == 422
    assert (await here.own.ask("POST", "segments", json=segment("a", "new"))).status_code == 201
    assert (
        await here.own.ask("POST", "segments", json=segment("b", {"not": {"seg": "a"}}))
    ).status_code == 201
    assert (await here.own.ask("POST", "segments", json=segment("c", {"seg": "b"}))).status_code == 201
    ring = await here.own.ask("PATCH", "segments/a", json={"version": 1, "rule": {"seg": "c"}})
    assert ring.status_code == 409  # others are built on it
    assert (await here.own.ask("DELETE", "segments/c")).status_code == 204
    assert (
        await here.own.ask("PATCH", "segments/b", json={"version": 1, "rule": {"seg": "b"}})
    ).status_code == 422


async def test_a_segment_names_only_what_its_owner_has(here: Square) -> None:
    await here.rival.ask("POST", "tags", json=VIP)
    rule = {"all": [{"attr": "tag", "value": "vip"}, {"attr": "list", "value": "x"}, {"seg": "y"}]}
    refused = await here.own.ask("POST", "segments", json=segment("a", rule))
    assert [one["reason"] for one in refused.json()["errors"]] == ["unknown_set"] * 3
    wrong = await here.own.ask("POST", "segments", json=segment("a", {"attr": "age", "value": 3}))
    assert wrong.json()["errors"][0]["pointer"] == "/rule/attr"


async def test_a_change_makes_a_version_and_a_stale_one_is_refused(here: Square) -> None:
    await here.own.ask("POST", "segments", json=segment("a", "new"))
    changed = await here.own.ask("PATCH", "segments/a", json={"version": 1, "rule": "returning"})
    assert (changed.json()["version"], changed.json()["rule"]) == (2, "returning")
    stale = await here.own.ask("PATCH", "segments/a", json={"version": 1, "title": "Other"})
    assert stale.status_code == 409
    versions = here.makers.session.execute(
        text("SELECT version, rule FROM segment_version WHERE district_id = :d ORDER BY 1"),
        {"d": here.district.id},
    ).all()
    assert [tuple(row) for row in versions] == [(1, "new"), (2, "returning")]


async def test_a_static_segment_holds_whom_it_found_until_it_is_frozen_again(here: Square) -> None:
    await here.own.ask("POST", "tags", json=VIP)
    redeemed = {"add": [{"redemption_id": here.redemption(here.member, here.store)}]}
    made = segment("best", {"attr": "tag", "value": "vip"}, kind="static")
    assert (await here.own.ask("POST", "segments", json=made)).json()["frozen_at"] is not None
    await here.own.ask("PUT", "tags/vip/members", json=redeemed)

    def members() -> list[object]:
        here.makers.session.rollback()
        rows = here.makers.session.query(SegmentMember).filter_by(district_id=here.district.id)
        return [row.member_id for row in rows]

    assert members() == []
    assert (await here.own.ask("POST", "segments/best/freeze")).status_code == 200
    assert members() == [here.member.id]
    await here.own.ask("POST", "segments", json=segment("live", "new"))
    assert (await here.own.ask("POST", "segments/live/freeze")).status_code == 409


async def campaign(here: Square, who: Any) -> httpx.Response:
    circle = {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 30}}
    rule = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, "where": {"within": circle}, "who": who}
    words = {"en": "Coffee", "zh": "咖啡"}
    offer = {"kind": "message", "title": words, "text": words}
    body = {"name": "C", "store_ids": [str(here.store.id)], "rule": rule, "offer": offer, "stock": 1}
    return await here.own.ask("POST", "campaigns", json=body)


@pytest.mark.parametrize(
    ("kind", "term"),
    [
        ("tags", {"attr": "tag", "value": "vip"}),
        ("contact-lists", {"attr": "list", "value": "vip"}),
        ("segments", {"seg": "vip"}),
    ],
)
async def test_a_set_that_a_campaign_names_stays_as_long_as_the_campaign_may_run(
    here: Square, kind: str, term: dict[str, Any]
) -> None:
    who = {"all": [{"not": term}]}
    refused = await campaign(here, who)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/rule/who")
    await here.own.ask("POST", kind, json=VIP | ({"rule": "new"} if kind == "segments" else {}))
    made = await campaign(here, who)
    assert made.status_code == 201, made.text
    kept = await here.own.ask("DELETE", f"{kind}/vip")
    assert (kept.status_code, kept.json()["uses"][0]["id"]) == (409, made.json()["id"])
    if kind == "segments":
        change = {"version": 1, "rule": "everyone"}
        assert (await here.own.ask("PATCH", "segments/vip", json=change)).status_code == 409
    here.makers.session.query(Campaign).filter_by(id=made.json()["id"]).update({"state": "ended"})
    here.makers.done()
    assert (await here.own.ask("DELETE", f"{kind}/vip")).status_code == 204
