"""The addresses of the scene's pages, for each kind of person."""

from district.campaigns.models import Campaign
from district.offers.models import Offer
from district.stores.models import Store

POSTER = "a-poster-at-the-door"
SET = "regulars"
AP_MAC = "00180a13ddb0"


def pages(
    slug: str, store: Store, coupon: Offer, redirect: str, claimed: list[Campaign]
) -> dict[str, list[str]]:
    """By role; "" is nobody."""
    gateway = redirect.partition("?")[0]
    base = f"/d/{slug}"
    return {
        "": _anybodys(base, store, redirect, claimed),
        "shopper": _shoppers(base, gateway, coupon, claimed),
        "merchant": _merchants(coupon, claimed),
        "property": _malls(coupon),
        "operator": _operators(gateway.removeprefix("/portal/"), coupon),
    }


def _anybodys(base: str, store: Store, redirect: str, claimed: list[Campaign]) -> list[str]:
    gateway = redirect.partition("?")[0]
    return [
        "/",
        redirect,
        f"{gateway}?mac=1",
        f"{gateway}/welcome?ap={AP_MAC}",
        base,
        f"{base}/nearest?ap={AP_MAC}",
        f"{base}/nearest?q=nothing-at-all",
        f"{base}/stores/{store.id}",
        f"{base}/sign-in",
        f"{base}/centre",
        f"{base}/centre?category=nothing-at-all",
        f"{base}/centre/{claimed[0].id}",
        f"{base}/inbox",
        "/login",
        "/no-such-page",
    ]


def _shoppers(base: str, gateway: str, coupon: Offer, claimed: list[Campaign]) -> list[str]:
    return [
        f"{base}/inbox",
        f"{base}/wallet",
        f"{base}/offers/{coupon.id}",
        f"{base}/privacy",
        f"{base}/preferences",
        f"{base}/notifications",
        f"{base}/accounts",
        f"{base}/wifi",
        f"{base}/points",
        *(f"{base}/centre/{one.id}" for one in claimed),
        f"{gateway}/welcome",
    ]


def _merchants(coupon: Offer, claimed: list[Campaign]) -> list[str]:
    return [
        "/merchant",
        "/merchant/campaigns",
        "/merchant/campaigns/new",
        "/merchant/events",
        f"/merchant/campaigns/{coupon.campaign_id}",
        f"/merchant/campaigns/{coupon.campaign_id}/preview/figures",
        f"/merchant/campaigns/{claimed[0].id}/posters",
        f"/merchant/campaigns/{claimed[0].id}/posters/{POSTER}?paper=a4",
        f"/merchant/campaigns/{claimed[0].id}/posters/{POSTER}?paper=a6",
        "/merchant/audience",
        "/merchant/audience/segments/new",
        f"/merchant/audience/segments/{SET}",
        "/merchant/audience/tags",
        f"/merchant/audience/tags/{SET}",
        "/merchant/audience/lists",
        "/merchant/redeem",
        "/merchant/redeem/shell",
        "/merchant/redeem/later",
        "/merchant/tills",
        "/merchant/statements",
    ]


def _malls(coupon: Offer) -> list[str]:
    return [
        "/property",
        "/property/campaigns",
        "/property/campaigns/new",
        f"/property/campaigns/{coupon.campaign_id}",
        "/property/audience",
        "/property/audience/segments/new",
        "/property/audience/tags",
        "/property/audience/lists",
        "/property/statements",
    ]


def _operators(gateway: str, coupon: Offer) -> list[str]:
    return [
        "/operator",
        "/operator/approvals",
        "/operator/events",
        "/operator/campaigns",
        "/operator/campaigns/new",
        f"/operator/campaigns/{coupon.campaign_id}",
        f"/operator/campaigns/{coupon.campaign_id}/preview/figures",
        "/operator/marketing",
        "/operator/incentives",
        "/operator/points",
        "/operator/locks",
        "/operator/redeem-model",
        "/operator/searches",
        "/operator/properties",
        "/operator/codes",
        "/operator/channels",
        "/operator/channels?kind=relay_sms",
        "/operator/channels?kind=smtp",
        "/operator/channels?kind=apple_wallet",
        "/operator/text-templates",
        "/operator/deliveries",
        "/operator/suppressed",
        "/operator/feeds",
        "/operator/gateways",
        f"/operator/gateways/{gateway}",
        f"/operator/gateways/{gateway}/edit",
        f"/operator/gateways/{gateway}/self-test",
        f"/operator/gateways/{gateway}/poster",
        "/operator/new-gateway",
        "/operator/new-gateway?vendor=unifi",
        "/operator/wifi/sessions",
        "/operator/wifi/bans",
        "/operator/wifi/plans",
        "/operator/wifi/radius",
        "/operator/wifi/providers",
        "/operator/wifi/texting",
        "/operator/wifi/recipients",
        "/operator/access-codes",
        "/operator/access-points/import",
        "/operator/alarms",
        "/operator/places",
        "/operator/statements",
        "/operator/offline",
    ]
