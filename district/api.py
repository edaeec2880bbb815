"""The programs' interface: every router under ``/v1`` and beside it, in one list."""

from fastapi import APIRouter

from district.accesslog import routes as access_log
from district.audiences import me_routes as my_audiences
from district.audiences import routes as audiences
from district.campaigns import consent_routes, joint_routes
from district.campaigns import routes as campaigns
from district.channels import mail_routes, text_routes
from district.channels import preview_routes as template_previews
from district.channels import routes as channels
from district.deliveries import account_routes, device_routes, push_routes, receipt_routes, story_routes
from district.deliveries import routes as deliveries
from district.feeds import routes as feeds
from district.footfall import routes as footfall
from district.gateways import plan_routes, self_test_routes
from district.gateways import routes as gateways
from district.members import mute_routes as mutes
from district.members import recipient_routes as recipients
from district.members import routes as members
from district.merchants import routes as merchants
from district.offers import claim_routes as claims
from district.offers import policy_routes, preview_routes
from district.offers import routes as offers
from district.points import routes as points
from district.portal import capport_routes as capport
from district.portal import incentive_routes
from district.portal import operator_routes as sign_ins
from district.portal import routes as portal
from district.portal import text_routes as texts
from district.privacy import routes as privacy
from district.purchases import routes as purchases
from district.radius import ban_routes, openwisp, session_routes
from district.radius import rest as radius
from district.radius import routes as radius_clients
from district.redemptions import bill_routes, code_routes, lock_routes, offline_routes
from district.redemptions import routes as redemptions
from district.reports import routes as reports
from district.settlement import routes as statements
from district.stores import property_routes, till_routes
from district.stores import public as stores
from district.stores import routes as store_routes
from district.vouchers import routes as vouchers
from district.zones import import_routes, tiles
from district.zones import routes as zones

ROUTERS: tuple[APIRouter, ...] = (
    feeds.router,  # first: routers are asked in turn, and feeds send the most requests
    radius.router,
    openwisp.router,
    offers.router,
    claims.router,
    policy_routes.router,
    preview_routes.router,
    redemptions.router,
    offline_routes.router,
    code_routes.router,
    bill_routes.router,
    lock_routes.router,
    points.router,
    purchases.router,
    statements.router,
    statements.budgets,
    deliveries.router,
    receipt_routes.router,
    push_routes.router,
    account_routes.router,
    template_previews.router,
    device_routes.router,
    channels.router,
    text_routes.router,
    mail_routes.router,
    reports.router,
    story_routes.router,
    campaigns.router,
    audiences.router,
    my_audiences.router,
    consent_routes.router,
    joint_routes.router,
    gateways.router,
    self_test_routes.router,
    plan_routes.router,
    session_routes.router,
    ban_routes.router,
    radius_clients.router,
    vouchers.router,
    portal.router,
    incentive_routes.router,
    sign_ins.router,
    texts.router,
    capport.router,
    privacy.router,
    access_log.router,
    members.router,
    mutes.router,
    recipients.router,
    stores.router,
    store_routes.router,
    property_routes.router,
    till_routes.router,
    import_routes.router,
    zones.router,
    footfall.router,
    merchants.router,
    tiles.router,
)
