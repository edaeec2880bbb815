"""A real web role behind a real socket, to be sent what nobody should send."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from district.auth.models import Role
from tests.product import Product

BODY_TIMEOUT_S = 6.0
"""Short, and longer than a busy machine keeps a sender waiting who does not stall."""
SLUG = "hostile"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the tests need to reach the product with every right that a sender may have."""

    product: Product
    feed_key: str
    operator: str
    merchant: str
    store_id: str

    @property
    def sightings(self) -> str:
        """The path of the plain feed."""
        return f"/v1/districts/{SLUG}/sightings"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A product whose patience with bodies is short, with one district."""
    with Product(environment={"DISTRICT_BODY_TIMEOUT": f"PT{BODY_TIMEOUT_S}S"}) as product:
        with product.makers() as makers:
            district = makers.district(slug=SLUG)
            merchant = makers.merchant(district)
            found = Target(
                product=product,
                feed_key=makers.key(district, Role.FEED, scope_id=makers.feed(district).id),
                operator=makers.token(district, Role.OPERATOR),
                merchant=makers.token(district, Role.MERCHANT, scope_id=merchant.id),
                store_id=str(makers.store(district, merchant_id=merchant.id).id),
            )
        product.start()
        yield found
