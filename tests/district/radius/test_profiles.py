"""Profiles for devices, read as Apple and Android document them."""

import base64
import email
import plistlib
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from district.radius import authority, profiles
from district.radius.credentials import Network
from district.radius.profiles import Profile

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
REALM = "old-town.wifi.example"


def profile(**values: Any) -> Profile:
    """A profile of a private authority."""
    pair = authority.new_authority("old-town Wi-Fi", REALM, now=NOW)
    network = Network(
        realm=REALM, server_name=f"radius.{REALM}", ssid="Members", certificate=pair.certificate
    )
    given: dict[str, Any] = {
        "network": network,
        "title": "Old <Town> & 老城",
        "username": f"m{uuid.uuid4().hex[:16]}@{REALM}",
        "password": "abcdefghjkmnpqrstuvwxyz23456",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=365),
    }
    return Profile(**(given | values))


def test_apples_profile_says_what_apple_documents() -> None:
    told = profile()
    document = plistlib.loads(profiles.apple(told, description="For members."))
    assert document["PayloadType"] == "Configuration"
    assert document["PayloadVersion"] == 1
    assert document["RemovalDate"] == told.expires_at.replace(tzinfo=None)
    trusted, named, roaming = document["PayloadContent"]
    assert trusted["PayloadType"] == "com.apple.security.root"
    assert trusted["PayloadContent"] == authority.der_of(told.network.certificate)
    for network in (named, roaming):
        assert network["PayloadType"] == "com.apple.wifi.managed"
        assert network["EncryptionType"] == "WPA2"
        assert network["EAPClientConfiguration"] == {
            "AcceptEAPTypes": [21],
            "TTLSInnerAuthentication": "PAP",
            "UserName": told.username,
            "UserPassword": told.password,
            "OuterIdentity": f"anonymous@{REALM}",
            "PayloadCertificateAnchorUUID": [trusted["PayloadUUID"]],
            "TLSTrustedServerNames": [f"radius.{REALM}"],
            "TLSMinimumVersion": "1.2",
            "TLSMaximumVersion": "1.2",
        }
    assert (named["SSID_STR"], named["IsHotspot"]) == ("Members", False)
    assert (roaming["DomainName"], roaming["NAIRealmNames"], roaming["IsHotspot"]) == (REALM, [REALM], True)
    parts = [document, trusted, named, roaming]
    assert (
        len({part["PayloadUUID"] for part in parts})
        == len({part["PayloadIdentifier"] for part in parts})
        == 4
    )
    assert all(str(uuid.UUID(part["PayloadUUID"])).upper() == part["PayloadUUID"] for part in parts)


def test_apples_profile_is_the_same_profile_when_it_comes_again() -> None:
    told = profile()
    first, again = (plistlib.loads(profiles.apple(told, description="")) for _ in range(2))
    assert first["PayloadUUID"] == again["PayloadUUID"]


def test_without_a_networks_name_apples_profile_joins_by_passpoint_alone() -> None:
    told = profile()
    document = plistlib.loads(
        profiles.apple(replace(told, network=replace(told.network, ssid="")), description="")
    )
    assert [part.get("IsHotspot") for part in document["PayloadContent"]] == [None, True]


def leaves(node: ElementTree.Element, path: str = "") -> dict[str, str]:
    """The values of a management tree by their paths."""
    space = "{syncml:dmddf1.2}"
    name = node.findtext(f"{space}NodeName") or ""
    here = f"{path}/{name}" if name else path
    value = node.find(f"{space}Value")
    found = {here: value.text or ""} if value is not None else {}
    for child in node.findall(f"{space}Node"):
        found |= leaves(child, here)
    return found


def test_androids_profile_says_what_android_documents() -> None:
    told = profile()
    message = email.message_from_bytes(base64.b64decode(profiles.passpoint(told)))
    assert message.get_content_type() == "multipart/mixed"
    assert message["Content-Transfer-Encoding"] == "base64"
    subscription, certificate = list(message.walk())[1:]
    assert [part.get_content_type() for part in (subscription, certificate)] == [
        "application/x-passpoint-profile",
        "application/x-x509-ca-cert",
    ]
    assert certificate.get_payload(decode=True) == told.network.certificate.encode()
    document = subscription.get_payload(decode=True)
    assert isinstance(document, bytes)
    tree = ElementTree.fromstring(document)
    assert tree.findtext(".//{*}DDFName") == "urn:wfa:mo:hotspot2dot0-perprovidersubscription:1.0"
    top = "/PerProviderSubscription/i001"
    assert leaves(tree) == {
        f"{top}/HomeSP/FriendlyName": told.title,
        f"{top}/HomeSP/FQDN": REALM,
        f"{top}/Credential/CreationDate": "2026-05-01T09:00:00Z",
        f"{top}/Credential/ExpirationDate": "2027-05-01T09:00:00Z",
        f"{top}/Credential/Realm": REALM,
        f"{top}/Credential/UsernamePassword/Username": told.username,
        f"{top}/Credential/UsernamePassword/Password": base64.b64encode(told.password.encode()).decode(),
        f"{top}/Credential/UsernamePassword/MachineManaged": "true",
        f"{top}/Credential/UsernamePassword/EAPMethod/EAPType": "21",
        f"{top}/Credential/UsernamePassword/EAPMethod/InnerMethod": "PAP",
    }
