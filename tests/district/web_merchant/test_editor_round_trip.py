"""Every campaign shown in the editor and saved unchanged means the same."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from district.campaigns.schemas import CampaignOut, OwnerKind
from district.database import new_id
from district.districts.service import DistrictInfo
from district.web.editor import campaign as whole
from district.web.editor.campaign import Editor
from district.web.editor.fields import Fields
from district.web.editor.ideas import IDEAS
from geo.coordinates import LonLat
from geo.datum import Datum
from push.audience import Audience
from push.audience_terms import All, AnyOf, Leaf, Not, Term, leaves
from push.campaign import CampaignState
from push.campaign_document import parse_rule
from push.offer_document import parse_offer
from push.problems import DocumentRefused
from push.rule import CampaignRule
from tests.district.web_merchant.documents import OFFERS, rules
from tests.push.makers import offer_document, rule_document
from tests.push.offers import FULL_OFFERS
from tests.push.test_campaign_schema import SEEDS

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
SHOP = new_id()
HELSINKI = ZoneInfo("Europe/Helsinki")


def district(currency: str = "EUR") -> DistrictInfo:
    return DistrictInfo(
        id=new_id(),
        slug="helsinki",
        name="Helsinki",
        name_zh="",
        center=LonLat(lon=24.94, lat=60.17),
        zone=HELSINKI,
        day_start=time(6),
        datum=Datum.WGS84,
        currency=currency,
        alias_key=b"",
    )


HERE = district()


def stored(rule: dict[str, Any], offer: dict[str, Any], **changes: Any) -> CampaignOut:
    base = CampaignOut(
        id=new_id(),
        version=3,
        state=CampaignState.DRAFT,
        owner_kind=OwnerKind.STORE,
        merchant_id=new_id(),
        property_id=None,
        content_version=3,
        pending=None,
        name="Lunch",
        store_ids=[SHOP],
        rule=rule,
        offer=offer,
        fence={},
        stock=None,
        issued=0,
        reject_reason="",
        pause_reason=None,
        starts_at=None,
        ends_at=None,
        created_at=NOW,
        changed_at=NOW,
        allows=[],
    )
    return base.model_copy(update=changes)


def as_sent(form: Fields) -> Fields:
    """What a browser sends of the form: line feeds as it writes them, blanks at the ends cut by the server."""
    return Fields(
        {
            name: tuple(one.replace("\n", "\r\n").strip() for one in given if one or name != "stacks")
            for name, given in form.values.items()
        }
    )


def saved(out: CampaignOut, where: DistrictInfo = HERE) -> tuple[dict[str, Any], dict[str, Any]]:
    """The documents that are written when nothing is changed."""
    editor = Editor(form=as_sent(whole.show(out, where)), district=where)
    new = editor.campaign()
    assert new is not None, editor.errors
    assert (new.name, new.store_ids, new.stock) == (out.name, out.store_ids, out.stock)
    assert (new.starts_at, new.ends_at) == (out.starts_at, out.ends_at)
    return new.rule, new.offer


def verdict(term: Term, known: dict[Leaf, bool | None]) -> bool | None:
    """Kleene's strong logic, once more and apart from the product's."""
    match term:
        case All(parts=parts):
            found = [verdict(part, known) for part in parts]
            return False if False in found else None if None in found else True
        case AnyOf(parts=parts):
            found = [verdict(part, known) for part in parts]
            return True if True in found else None if None in found else False
        case Not(part=part):
            inner = verdict(part, known)
            return None if inner is None else not inner
        case leaf:
            return known[leaf]


def is_same_audience(one: Audience, other: Audience, random: Any) -> bool:
    asked = list(dict.fromkeys(leaves(one.term)))
    if set(asked) != set(leaves(other.term)):
        return False
    every = itertools.product((True, False, None), repeat=len(asked))
    worlds = (
        every
        if len(asked) <= 5
        else ([random.choice((True, False, None)) for _ in asked] for _ in range(300))
    )
    return all(
        verdict(one.term, dict(zip(asked, world, strict=True)))
        == verdict(other.term, dict(zip(asked, world, strict=True)))
        for world in worlds
    )


def without_audience(rule: CampaignRule) -> CampaignRule:
    return replace(rule, audience=Audience())


@settings(max_examples=300, deadline=None)
@given(rule=rules(), random=st.randoms(use_true_random=False))
def test_every_rule_shown_and_saved_unchanged_means_the_same(rule: dict[str, Any], random: Any) -> None:
    try:
        before = parse_rule(rule)
    except DocumentRefused:
        assume(False)
    after = parse_rule(saved(stored(rule, offer_document()))[0])
    assert without_audience(after) == without_audience(before)
    assert is_same_audience(before.audience, after.audience, random)


@settings(max_examples=200, deadline=None)
@given(offer=OFFERS)
def test_every_offer_shown_and_saved_unchanged_means_the_same(offer: dict[str, Any]) -> None:
    try:
        before = parse_offer(offer)
    except DocumentRefused:
        assume(False)
    assert parse_offer(saved(stored(rule_document(), offer))[1]) == before


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_documents_that_other_tests_start_from_are_kept(number: int) -> None:
    seed = SEEDS[number]
    rule, offer = saved(stored(seed["rule"], seed["offer"]))
    assert parse_rule(rule) == parse_rule(seed["rule"])
    assert parse_offer(offer) == parse_offer(seed["offer"])


@pytest.mark.parametrize("number", range(len(FULL_OFFERS)))
@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_amounts_are_the_same_in_every_currency(number: int, currency: str) -> None:
    offer = FULL_OFFERS[number]
    assert parse_offer(saved(stored(rule_document(), offer), district(currency))[1]) == parse_offer(offer)


def test_members_that_the_editor_does_not_know_stay() -> None:
    rule, offer = saved(stored({**rule_document(), "later": {"a": 1}}, {**offer_document(), "shown": "once"}))
    assert (rule["later"], offer["shown"]) == ({"a": 1}, "once")


def test_dates_of_the_campaign_stay_to_the_second() -> None:
    starts_at = datetime(2026, 10, 25, 0, 30, 15, tzinfo=UTC)
    saved(stored(rule_document(), offer_document(), starts_at=starts_at, ends_at=starts_at.replace(day=26)))


@pytest.mark.parametrize("idea", sorted(IDEAS))
def test_every_idea_is_a_campaign_that_can_be_sent_at_once(idea: str) -> None:
    editor = Editor(form=IDEAS[idea].with_values(store_ids=(str(SHOP),)), district=HERE)
    made = editor.campaign()
    assert made is not None, editor.errors
    parse_rule(made.rule)
    assert set(parse_offer(made.offer).title.__slots__) >= {"en", "zh"}
    assert set(made.offer["title"]) == {"en", "zh"}
