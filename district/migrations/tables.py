"""Every table of the product, imported so that the metadata are whole."""

from district.accesslog import models as accesslog
from district.audiences import models as audiences
from district.auth import models as auth
from district.campaigns import models as campaigns
from district.campaigns import trigger_models as triggers
from district.channels import models as channels
from district.channels import wechat_models as wechat
from district.database import Base
from district.deliveries import models as deliveries
from district.deliveries import screen_models, wallet_models
from district.districts import models as districts
from district.feeds import models as feeds
from district.gateways import models as gateways
from district.ledger import models as ledger
from district.members import models as members
from district.members import mutes
from district.merchants import models as merchants
from district.offers import arbitration_models, claim_models
from district.offers import models as offers
from district.outbox import models as outbox
from district.points import models as points
from district.portal import models as portal
from district.purchases import models as purchases
from district.radius import models as radius
from district.redemptions import models as redemptions
from district.redemptions import offline_models as offline
from district.settlement import models as settlement
from district.sightings import models as sightings
from district.stores import models as stores
from district.visits import models as visits
from district.vouchers import models as vouchers
from district.zones import models as zones

MODULES = (
    accesslog,
    arbitration_models,
    audiences,
    auth,
    campaigns,
    channels,
    claim_models,
    deliveries,
    districts,
    feeds,
    gateways,
    ledger,
    members,
    merchants,
    mutes,
    offers,
    offline,
    outbox,
    points,
    portal,
    purchases,
    radius,
    redemptions,
    settlement,
    sightings,
    stores,
    triggers,
    visits,
    vouchers,
    screen_models,
    wallet_models,
    wechat,
    zones,
)

REFERENCE_TABLES = frozenset({"district", "account", "route", "clock_simulation"})
"""Tables that Citus copies to every node; they never point to a district's rows."""

metadata = Base.metadata
