"""A redirect of every vendor as its product makes one, for a gateway of a test's own."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.models import Gateway
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:66"
AP = "00:18:0a:13:dd:b0"
WANTED = "http://example.com/wanted"
ORIGIN = "http://testserver"
HID = "26a24fba70941c0250cfaa2c79b903f3aa3be62ea75665f9cb3e1ad57d051933"
CHALLENGE = "97519994bfee43062a85e6505321fca3"
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "portal2": {"controller_url": "udp://10.0.0.1:2000"},
    "aruba_on": {"product": "instant_on"},
}
VENDORS = (
    "click",
    "opennds",
    "coovachilli",
    "meraki",
    "meraki_sign_on",
    "mist",
    "aruba",
    "aruba_on",
    "cisco",
    "portal2",
)
"""Vendors, and second forms of theirs: after the first underscore."""
FIELDS: Mapping[str, Mapping[str, str]] = {
    "coovachilli": {
        "res": "notyet",
        "uamip": "10.1.0.1",
        "uamport": "3990",
        "challenge": CHALLENGE,
        "called": AP.replace(":", "-"),
        "mac": MAC.replace(":", "-"),
        "ip": "10.1.0.2",
        "ssid": "Free",
        "sessionid": "179528992800000001",
        "userurl": WANTED,
    },
    "meraki": {
        "base_grant_url": "https://n143.network-auth.com/splash/grant",
        "user_continue_url": WANTED,
        "node_mac": AP,
        "client_ip": "10.162.50.40",
        "client_mac": MAC,
    },
    "meraki_sign_on": {
        "login_url": "https://n143.network-auth.com/splash/login?mauth=MMbZ-a",
        "continue_url": WANTED,
        "ap_mac": AP,
        "ap_name": "west",
        "ap_tags": "a+b",
        "client_mac": MAC,
        "client_ip": "10.162.50.40",
    },
    "mist": {
        "wlan_id": "be22bba7-8e22-e1cf-5185-b880816fe2cf",
        "ap_mac": AP,
        "client_mac": MAC,
        "url": WANTED,
        "ap_name": "west",
        "site_name": "center",
    },
    "aruba": {
        "cmd": "login",
        "mac": MAC,
        "essid": "Free",
        "ip": "10.1.2.3",
        "apname": "west",
        "apmac": AP,
        "vcname": "vc",
        "switchip": "securelogin.arubanetworks.com",
        "url": WANTED,
    },
    "aruba_on": {
        "cmd": "login",
        "mac": MAC,
        "ip": "10.1.2.3",
        "network": "Free",
        "apmac": AP,
        "site": "West",
        "post": "captive.arubainstanton.com",
        "url": WANTED,
    },
    "cisco": {
        "switch_url": "https://192.0.2.1/login.html",
        "ap_mac": AP,
        "client_mac": MAC,
        "wlan": "Free",
        "redirect": WANTED,
    },
    "portal2": {
        "wlanuserip": "10.0.0.5",
        "wlanacname": "ac1",
        "usermac": MAC,
        "ssid": "Free",
        "apmac": AP,
        "url": WANTED,
    },
}
URL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "click": ("url",),
    "opennds": ("originurl", "gatewayaddress", "authdir"),
    "coovachilli": ("userurl", "uamip", "uamport"),
    "meraki": ("base_grant_url", "user_continue_url"),
    "meraki_sign_on": ("login_url", "continue_url"),
    "mist": ("url",),
    "aruba": ("switchip", "url"),
    "aruba_on": ("post", "url"),
    "cisco": ("switch_url", "redirect"),
    "portal2": ("url", "wlanuserip"),
}
"""What a browser might be led by."""


def slug_of(form: str, district: District) -> str:
    """The portal's name for this gateway."""
    return f"{form.replace('_', '-')}-{district.slug}"[:40].rstrip("-")


def register(
    session: Session, district: DistrictInfo, form: str, slug: str, clock: FixedClock, **values: Any
) -> Gateway:
    """A gateway of this vendor, or of a second form of it."""
    new = NewGateway.model_validate(
        {
            "slug": slug,
            "vendor": form.partition("_")[0],
            "secret": SECRET,
            "options": OPTIONS.get(form, {}),
            **values,
        }
    )
    return gateways.create(session, district, new, clock=clock)


def chilli_query(base: str, fields: Mapping[str, str]) -> str:
    """Signed over the whole address, as chilli writes it."""
    body = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='', errors='replace')}" for name, value in fields.items()
    )
    md = hashlib.md5(f"{base}?{body}{SECRET}".encode()).hexdigest().upper()
    return f"{body}&md={md}"


def nds_query(fields: Mapping[str, str]) -> str:
    """Level 1 of openNDS."""
    given = {"hid": HID, "clientmac": MAC, "gatewayaddress": "10.2.0.1:2050", "originurl": quote(WANTED)}
    packed = ", ".join(f"{name}={value}" for name, value in (given | dict(fields)).items())
    return "fas=" + base64.b64encode(packed.encode("utf-8", "replace")).decode()


def query(form: str, slug: str, now: datetime, changed: Mapping[str, str] | None = None) -> str:
    """A redirect with some of its fields changed before it is signed, where it is signed."""
    other = dict(changed or {})
    if form == "click":
        wanted = {"mac": MAC, "ap": AP, "url": WANTED} | other
        return redirect_query(SECRET, mac=wanted["mac"], ap=wanted["ap"], url=wanted["url"], machine_now=now)
    if form == "opennds":
        return nds_query(other)
    fields = dict(FIELDS[form]) | other
    if form == "coovachilli":
        return chilli_query(f"{ORIGIN}/portal/{slug}", fields)
    return urlencode(fields, errors="replace")
