"""All pages of the product on one application."""

from fastapi import APIRouter, FastAPI

from district.web import (
    be_a_shopper,
    consent_pages,
    console_pages,
    guest_redirects,
    home,
    joint_pages,
    login,
    member_accounts,
    member_coupon,
    member_pages,
    member_points,
    member_preferences,
    member_privacy,
    member_push,
    member_sign_in,
    member_wallet,
    member_wifi,
    merchant_editor,
    merchant_editor_page,
    merchant_pages,
    message_links,
    offer_centre,
    operator_pages,
    portal,
    portal_hand_over,
    portal_oidc,
    portal_text,
    portal_waiting,
    refusals,
    shopper_follows,
    shopper_places,
    statement_pages,
    terms,
    till,
    till_keys,
    till_later,
    till_offline,
    till_undo,
    voucher_pages,
    wallet_service,
)
from district.web.security import SecurityHeaders
from district.web.static_files import mount

PAGES: tuple[APIRouter, ...] = (
    home.router,
    be_a_shopper.router,
    portal_oidc.router,
    portal_hand_over.router,
    guest_redirects.router,
    portal_waiting.router,
    portal_text.router,
    terms.router,
    shopper_follows.router,
    shopper_places.router,
    login.router,
    operator_pages.router,
    member_pages.router,
    member_coupon.router,
    member_wallet.router,
    wallet_service.router,
    member_points.router,
    offer_centre.router,
    member_privacy.router,
    member_preferences.router,
    member_push.router,
    member_accounts.router,
    member_sign_in.router,
    member_wifi.router,
    message_links.router,
    merchant_editor_page.router,
    merchant_editor.router,
    merchant_pages.router,
    statement_pages.router,
    consent_pages.router,
    console_pages.router,
    joint_pages.router,
    till.router,
    till_keys.router,
    till_later.router,
    till_offline.router,
    till_undo.router,
    voucher_pages.router,
)


def install_first(app: FastAPI) -> None:
    """The page that most requests are for; routers are asked in turn."""
    app.include_router(portal.router, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Add the pages, their static files and their security headers."""
    for router in PAGES:
        app.include_router(router, include_in_schema=False)
    mount(app)
    refusals.install(app)
    app.add_middleware(SecurityHeaders)
