"""The tabs at the foot of every shopper page."""

from collections.abc import Mapping, Sequence

from district.web.language import marked


def tabs_of(district_slug: str, *, offers: int = 0) -> Sequence[Mapping[str, object]]:
    """Shops, offers, the offer centre, coupons, privacy; ``offers`` is the number of unread ones. Labels are the English source."""
    base = f"/d/{district_slug}"
    return (
        {"href": f"{base}/nearest", "icon": "pin", "label": marked("Shops"), "count": 0},
        {"href": f"{base}/inbox", "icon": "inbox", "label": marked("Offers"), "count": offers},
        {"href": f"{base}/centre", "icon": "plus", "label": marked("Claim"), "count": 0},
        {"href": f"{base}/wallet", "icon": "ticket", "label": marked("Coupons"), "count": 0},
        {"href": f"{base}/privacy", "icon": "shield", "label": marked("Privacy"), "count": 0},
    )
