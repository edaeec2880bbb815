"""The tabs at the foot of every shopper page."""

from collections.abc import Mapping, Sequence


def tabs_of(district_slug: str, *, offers: int = 0) -> Sequence[Mapping[str, object]]:
    """Shops, offers, the offer centre, coupons, privacy; ``offers`` is the number of unread ones. Labels are the English source."""
    base = f"/d/{district_slug}"
    return (
        {"href": f"{base}/nearest", "icon": "pin", "label": "Shops", "count": 0},
        {"href": f"{base}/inbox", "icon": "inbox", "label": "Offers", "count": offers},
        {"href": f"{base}/centre", "icon": "plus", "label": "Claim", "count": 0},
        {"href": f"{base}/wallet", "icon": "ticket", "label": "Coupons", "count": 0},
        {"href": f"{base}/privacy", "icon": "shield", "label": "Privacy", "count": 0},
    )
