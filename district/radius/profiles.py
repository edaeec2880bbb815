"""Profiles that make a device join by 802.1X: Apple's, and Passpoint release 1 as Android installs it.

Sources: Apple, *Configuration Profile Reference*, payloads ``com.apple.wifi.managed`` and ``com.apple.security.root``;
Android Open Source Project, *Passpoint R1*; Wi-Fi Alliance, Hotspot 2.0 release 1, PerProviderSubscription.
"""

import base64
import plistlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from district.radius.authority import der_of
from district.radius.credentials import Network

APPLE_TYPE = "application/x-apple-aspen-config"
PASSPOINT_TYPE = "application/x-wifi-config"
EAP_TTLS = 21
_BOUNDARY = "district-wifi"
_PARTS_OF = uuid.UUID("5f0e2a37-6f2f-5b63-9a5e-08a4c6d2b7a1")
"""Namespace of the payloads' ids: the same profile has the same ids each time, so that installing it again replaces it."""
_LINE = 76


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a device is told."""

    network: Network
    title: str
    """The district's name, in the member's language."""
    username: str
    password: str = field(repr=False)
    created_at: datetime
    expires_at: datetime


def apple(profile: Profile, *, description: str) -> bytes:
    """A configuration profile for iOS, iPadOS and macOS. It is not signed, which the device says before installing."""
    identifier = ".".join(reversed(profile.network.realm.split(".")))
    trusted = _payload(
        profile,
        "com.apple.security.root",
        f"{identifier}.authority",
        name=f"{profile.title} Wi-Fi CA",
        PayloadContent=der_of(profile.network.certificate),
        PayloadCertificateFileName="authority.cer",
    )
    networks = [_passpoint_of_apple(profile, f"{identifier}.passpoint", trusted)]
    if profile.network.ssid:
        networks.insert(0, _ssid_of_apple(profile, f"{identifier}.network", trusted))
    document = _payload(
        profile,
        "Configuration",
        f"{identifier}.wifi",
        name=f"{profile.title} Wi-Fi",
        PayloadContent=[trusted, *networks],
        PayloadDescription=description,
        PayloadOrganization=profile.title,
        PayloadRemovalDisallowed=False,
        # plistlib writes times without a zone as UTC.
        RemovalDate=profile.expires_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
    )
    return plistlib.dumps(document)


def _payload(profile: Profile, kind: str, identifier: str, *, name: str, **values: Any) -> dict[str, Any]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(_PARTS_OF, f"{profile.username}/{identifier}")).upper(),
        "PayloadDisplayName": name,
        **values,
    }


def _ssid_of_apple(profile: Profile, identifier: str, trusted: Mapping[str, Any]) -> dict[str, Any]:
    return _payload(
        profile,
        "com.apple.wifi.managed",
        identifier,
        name=profile.network.ssid,
        **_joining(profile, trusted),
        SSID_STR=profile.network.ssid,
        HIDDEN_NETWORK=False,
        IsHotspot=False,
    )


def _passpoint_of_apple(profile: Profile, identifier: str, trusted: Mapping[str, Any]) -> dict[str, Any]:
    realm = profile.network.realm
    return _payload(
        profile,
        "com.apple.wifi.managed",
        identifier,
        name=f"{profile.title} Passpoint",
        **_joining(profile, trusted),
        IsHotspot=True,
        ServiceProviderRoamingEnabled=False,
        DomainName=realm,
        NAIRealmNames=[realm],
        DisplayedOperatorName=profile.title,
    )


def _joining(profile: Profile, trusted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AutoJoin": True,
        "EncryptionType": "WPA2",
        "ProxyType": "None",
        "EAPClientConfiguration": {
            "AcceptEAPTypes": [EAP_TTLS],
            "TTLSInnerAuthentication": "PAP",
            "UserName": profile.username,
            "UserPassword": profile.password,
            "OuterIdentity": profile.network.outer_name,
            "PayloadCertificateAnchorUUID": [trusted["PayloadUUID"]],
            "TLSTrustedServerNames": [profile.network.server_name],
            "TLSMinimumVersion": "1.2",
            "TLSMaximumVersion": "1.2",
        },
    }


def passpoint(profile: Profile) -> bytes:
    """A Passpoint subscription and the authority's certificate, as Android installs them from the browser."""
    parts = (
        ("application/x-passpoint-profile", subscription(profile)),
        ("application/x-x509-ca-cert", profile.network.certificate.encode()),
    )
    lines = [
        f"Content-Type: multipart/mixed; boundary={_BOUNDARY}",
        "Content-Transfer-Encoding: base64",
        "",
    ]
    for kind, content in parts:
        lines += [f"--{_BOUNDARY}", f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", ""]
        lines += [*_wrapped(content), ""]
    lines += [f"--{_BOUNDARY}--", ""]
    return "\n".join([*_wrapped("\n".join(lines).encode()), ""]).encode()


def subscription(profile: Profile) -> bytes:
    """The PerProviderSubscription of Hotspot 2.0 release 1."""
    realm, server_name = profile.network.realm, profile.network.server_name
    # Android wants the server's name to end in this one.
    own_name = realm if server_name.endswith(f".{realm}") else server_name
    tree = {
        "HomeSP": {"FriendlyName": profile.title, "FQDN": own_name},
        "Credential": {
            "CreationDate": _instant(profile.created_at),
            "ExpirationDate": _instant(profile.expires_at),
            "Realm": realm,
            "UsernamePassword": {
                "Username": profile.username,
                "Password": base64.b64encode(profile.password.encode()).decode(),
                "MachineManaged": "true",
                "EAPMethod": {"EAPType": str(EAP_TTLS), "InnerMethod": "PAP"},
            },
        },
    }
    root = ElementTree.Element("MgmtTree", xmlns="syncml:dmddf1.2")
    ElementTree.SubElement(root, "VerDTD").text = "1.2"
    top = _node(root, "PerProviderSubscription")
    kind = ElementTree.SubElement(ElementTree.SubElement(top, "RTProperties"), "Type")
    ElementTree.SubElement(kind, "DDFName").text = "urn:wfa:mo:hotspot2dot0-perprovidersubscription:1.0"
    _grow(_node(top, "i001"), tree)
    return ElementTree.tostring(root, encoding="unicode").encode()


def _grow(parent: ElementTree.Element, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        node = _node(parent, name)
        if isinstance(value, str):
            ElementTree.SubElement(node, "Value").text = value
        else:
            _grow(node, value)


def _node(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    node = ElementTree.SubElement(parent, "Node")
    ElementTree.SubElement(node, "NodeName").text = name
    return node


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wrapped(content: bytes) -> list[str]:
    text = base64.b64encode(content).decode()
    return [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
