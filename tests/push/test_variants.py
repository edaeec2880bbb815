"""Variants: each member reads one, always the same, in proportion to the weights."""

from collections import Counter
from uuid import UUID

from push import holdout
from push.offer_document import parse_offer
from tests.push.makers import offer_document

WORDS = {"title": {"en": "Lunch"}, "text": {"en": "Now"}}
OFFER = parse_offer(
    offer_document(
        variants=[{"name": name, "weight": weight, **WORDS} for name, weight in (("a", 1), ("b", 3))]
    )
)
CAMPAIGN = UUID(int=7)


def variant(member: int, campaign: UUID = CAMPAIGN) -> str:
    found = OFFER.variant_of(campaign, UUID(int=member))
    assert found is not None
    return found.name


def test_a_member_reads_the_same_variant_whenever_it_is_asked_for() -> None:
    assert [variant(one) for one in range(50)] == [variant(one) for one in range(50)]


def test_shares_follow_the_weights() -> None:
    counts = Counter(variant(one) for one in range(8_000))
    assert abs(counts["b"] / 8_000 - 0.75) < 0.02  # four standard errors


def test_another_campaign_draws_anew() -> None:
    same = sum(variant(one) == variant(one, UUID(int=8)) for one in range(4_000))
    assert abs(same / 4_000 - (0.75**2 + 0.25**2)) < 0.04


def test_variants_do_not_follow_the_control_group() -> None:
    controls = [
        one for one in range(20_000) if holdout.bucket("", UUID(int=one), campaign_id=CAMPAIGN) < 1_000
    ]
    share = sum(variant(one) == "b" for one in controls) / len(controls)
    assert abs(share - 0.75) < 0.04


def test_one_wording_has_no_variants() -> None:
    assert parse_offer(offer_document()).variant_of(CAMPAIGN, UUID(int=1)) is None
