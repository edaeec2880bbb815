"""Tags, lists and segments, and the bodies that these operations take."""

from collections.abc import Mapping
from typing import Any

from district.audiences.models import ContactList, Segment, Tag
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from tests.factories import Makers
from tests.hostile.samples import canary, new_word


def sets(makers: Makers, district: District, merchant: Merchant) -> dict[str, str]:
    """A tag, a list and a segment of the merchant's; the operator's of the same names stand beside them."""
    names = {"tags": canary(), "contact-lists": canary(), "segments": canary()}
    now = makers.clock.now()
    for merchant_id in (merchant.id, None):
        common = {"district_id": district.id, "merchant_id": merchant_id, "title": "Set", "created_at": now}
        makers.session.add_all(
            [
                Tag(id=new_id(), name=names["tags"], **common),
                ContactList(id=new_id(), name=names["contact-lists"], **common),
                Segment(
                    id=new_id(),
                    name=names["segments"],
                    kind="static",
                    rule="new",
                    changed_at=now,
                    **common,
                ),
            ]
        )
    makers.session.flush()
    return names


def set_bodies(ids: Mapping[str, str]) -> dict[str, Any]:
    """Of tags, lists and segments. By method and path below the district."""
    return {
        "POST tags": {"name": new_word(), "title": "New"},
        "PUT tags/{name}/members": {"add": [{"redemption_id": ids["redemptions"]}]},
        "POST contact-lists": {"name": new_word(), "title": "New"},
        "POST segments": {
            "name": new_word(),
            "title": "New",
            "rule": {"not": {"attr": "tag", "value": ids["tags"]}},
        },
        "PATCH segments/{name}": {"version": 1, "title": "Taken"},
    }
