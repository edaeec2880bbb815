"""One file per vendor's dialect, and the one list of them."""

from collections.abc import Mapping
from types import MappingProxyType

from district.gateways.dialect import Controller, Dialect
from district.gateways.vendors.aruba import Aruba
from district.gateways.vendors.cisco import Cisco
from district.gateways.vendors.click import Click
from district.gateways.vendors.coovachilli import CoovaChilli
from district.gateways.vendors.meraki import Meraki
from district.gateways.vendors.mist import Mist
from district.gateways.vendors.omada import Omada, OmadaController
from district.gateways.vendors.opennds import OpenNds
from district.gateways.vendors.portal2 import Portal2, Portal2Controller
from district.gateways.vendors.ruckus import Ruckus, RuckusController
from district.gateways.vendors.unifi import Unifi, UnifiController

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "aruba": Aruba(),
        "cisco": Cisco(),
        "click": Click(),
        "coovachilli": CoovaChilli(),
        "meraki": Meraki(),
        "mist": Mist(),
        "omada": Omada(),
        "opennds": OpenNds(),
        "portal2": Portal2(),
        "ruckus": Ruckus(),
        "unifi": Unifi(),
    }
)

CONTROLLERS: Mapping[str, Controller] = MappingProxyType(
    {
        "omada": OmadaController(),
        "portal2": Portal2Controller(),
        "ruckus": RuckusController(),
        "unifi": UnifiController(),
    }
)
"""Vendors whose own server we ask to let a device in, and to send it off."""
