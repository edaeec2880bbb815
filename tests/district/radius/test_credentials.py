"""Members' own names for 802.1X: the page that gives them, the profiles, and the certificates in them."""

import base64
import email
import plistlib
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import func, select, update

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.gateways.models import Ban, SessionEnding
from district.members.models import Consent, Member
from district.privacy import service as privacy
from district.problems import Invalid
from district.radius import authority, credentials, eap, profiles
from district.radius.authority import Pair
from district.radius.credentials import MOST_A_DAY, MOST_AT_ONCE, Network
from district.radius.models import RadiusAuthority, RadiusCredential, RadiusProfileDelivery, RadiusSession
from district.radius.profiles import Profile
from tests.district.radius.conftest import World, body

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
REALM = "old-town.wifi.example"
OWN = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A member in his browser."""

    world: World
    member: Member
    token: str

    @property
    def page(self) -> str:
        """His page's path."""
        return f"/d/{self.world.district.slug}/wifi"

    async def get(self, path: str = "") -> httpx.Response:
        """Look."""
        return await self.world.client.get(self.page + path, headers=self._headers({}))

    async def post(self, path: str = "", **form: str) -> httpx.Response:
        """Press a button of the page."""
        return await self.world.client.post(self.page + path, data=form, headers=self._headers(OWN))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Cookie": f"district_session={self.token}", **more}

    def rows(self) -> list[RadiusCredential]:
        """His names, revoked ones as well."""
        found = select(RadiusCredential).where(RadiusCredential.member_id == self.member.id)
        self.world.makers.session.expire_all()
        return list(self.world.makers.session.scalars(found.order_by(RadiusCredential.created_at)))

    async def name(self) -> str:
        """Make a name."""
        assert (await self.post()).status_code == 303
        return self.rows()[-1].username


def visitor_of(world: World, member: Member | None = None) -> Visitor:
    """A member who agreed to access."""
    who = member or world.member()
    token = world.makers.token(world.district, Role.SHOPPER, subject_id=who.id)
    return Visitor(world=world, member=who, token=token)


def set_up(world: World, *, ssid: str = "") -> eap.Identity:
    """What `district radius render` leaves behind."""
    found = eap.prepare(
        world.makers.session,
        world.makers.info(world.district),
        eap.Wanted(ssid=ssid),
        kept=None,
        public_url=None,
        now=world.makers.clock.machine_now(),
    )
    world.makers.done()
    return found


@pytest.fixture
def visitor(world: World) -> Visitor:
    """In a district with 802.1X."""
    set_up(world, ssid="Members")
    return visitor_of(world)


async def test_nobody_is_led_to_the_sign_in(world: World) -> None:
    set_up(world)
    stranger = f"/m{'0' * 16}@{REALM}"
    page = f"/d/{world.district.slug}/wifi"
    for path in ("", f"{stranger}/apple.mobileconfig", f"{stranger}/passpoint", "/authority.cer"):
        assert (await world.client.get(page + path)).status_code == 401
    for path in ("", f"{stranger}/revoke", f"{stranger}/read"):
        assert (await world.client.post(page + path, headers=OWN)).status_code == 401


async def test_another_sites_form_makes_nothing(visitor: Visitor) -> None:
    cookie = {"Cookie": f"district_session={visitor.token}", "Sec-Fetch-Site": "cross-site"}
    assert (await visitor.world.client.post(visitor.page, headers=cookie)).status_code == 403
    assert visitor.rows() == []


async def test_a_district_without_it_says_so(world: World) -> None:
    visitor = visitor_of(world)
    assert "Not here yet" in (await visitor.get()).text
    assert (await visitor.post()).status_code == 503


async def test_a_name_is_random_and_lives_a_year(visitor: Visitor) -> None:
    await visitor.name()
    (row,) = visitor.rows()
    network = credentials.network_of(visitor.world.makers.session, visitor.world.district.id)
    assert network is not None
    assert row.username.partition("@")[2] == network.realm == f"{visitor.world.district.slug}.wifi.internal"
    assert len(set(row.password)) > 5
    assert len(row.password) * 4.95 > 128  # log2 of 31 letters
    assert row.expires_at - row.created_at == timedelta(days=365)
    assert str(visitor.member.id) not in row.username


async def test_a_name_opens_the_network_under_the_members_plan(visitor: Visitor) -> None:
    visitor.world.plan(session_s=1234)
    visitor.world.session(visitor.member)
    said = (await visitor.world.post("authorize", body(await visitor.name()))).json()
    assert said["control:Cleartext-Password"]["value"] == [visitor.rows()[0].password]
    assert said["reply:Session-Timeout"]["value"] == [1234]


async def test_a_member_has_only_so_many_at_once(visitor: Visitor) -> None:
    for _ in range(MOST_AT_ONCE):
        await visitor.name()
    refused = await visitor.post()
    assert refused.status_code == 409
    assert "remove one first" in refused.text
    first = visitor.rows()[0].username
    assert (await visitor.post(f"/{first}/revoke")).status_code == 303
    assert (await visitor.post()).status_code == 303


async def test_a_member_makes_only_so_many_a_day(visitor: Visitor, clock: FixedClock) -> None:
    for _ in range(MOST_A_DAY):
        assert (await visitor.post(f"/{await visitor.name()}/revoke")).status_code == 303
    assert (await visitor.post()).status_code == 429
    clock.advance(timedelta(days=2))
    late = visitor_of(visitor.world, visitor.member)
    assert (await late.post()).status_code == 303
    assert len(late.rows()) == 1, "what has been over for a day is gone"


async def test_who_has_not_agreed_to_access_agrees_under_its_words(world: World) -> None:
    set_up(world)
    visitor = visitor_of(world, world.makers.member(world.district))
    assert (await visitor.post()).status_code == 200
    assert visitor.rows() == []
    assert (await visitor.post(agreed="yes")).status_code == 303
    said = world.makers.session.scalars(
        select(Consent).where(Consent.member_id == visitor.member.id, Consent.purpose == "access")
    ).one()
    assert said.granted
    assert (said.source, said.text_hash is not None) == ("page:wifi", True)
    assert (await world.post("authorize", body(visitor.rows()[0].username))).status_code == 200


async def test_every_delivery_is_recorded_and_kept_by_nobody(visitor: Visitor) -> None:
    name = await visitor.name()
    apple, passpoint = (
        await visitor.get(f"/{name}/apple.mobileconfig"),
        await visitor.get(f"/{name}/passpoint"),
    )
    shown = await visitor.post(f"/{name}/read")
    assert [answer.status_code for answer in (apple, passpoint, shown)] == [200] * 3
    assert {answer.headers["cache-control"] for answer in (apple, passpoint, shown)} == {"no-store"}
    assert apple.headers["content-type"] == "application/x-apple-aspen-config"
    assert passpoint.headers["content-type"] == "application/x-wifi-config"
    assert passpoint.headers["content-transfer-encoding"] == "base64"
    assert "content-disposition" not in passpoint.headers, "Chrome would save it instead of installing it"
    assert visitor.rows()[0].password in shown.text
    forms = select(RadiusProfileDelivery.form).where(RadiusProfileDelivery.username == name)
    assert sorted(visitor.world.makers.session.scalars(forms)) == ["apple", "passpoint", "read"]
    assert "Given out 3 times" in (await visitor.get()).text


async def test_a_password_is_on_no_page_that_was_not_asked_for(visitor: Visitor) -> None:
    await visitor.name()
    assert visitor.rows()[0].password not in (await visitor.get()).text


async def test_another_members_name_does_not_exist(visitor: Visitor) -> None:
    name = await visitor.name()
    other = visitor_of(visitor.world)
    for path in (f"/{name}/apple.mobileconfig", f"/{name}/passpoint"):
        assert (await other.get(path)).status_code == 404
    for path in (f"/{name}/revoke", f"/{name}/read"):
        assert (await other.post(path)).status_code == 404
    assert visitor.rows()[0].revoked_at is None


@pytest.mark.parametrize("name", ["x", "m1@a", "%00", "m" + "0" * 400 + "@a.b"])
async def test_what_is_no_name_is_refused(visitor: Visitor, name: str) -> None:
    assert (await visitor.get(f"/{name}/passpoint")).status_code in {404, 422}


async def test_a_revoked_name_opens_nothing_and_its_sessions_end(visitor: Visitor) -> None:
    name = await visitor.name()
    world = visitor.world
    signed_in = world.session(visitor.member)
    world.session(visitor.member, mac="02aa22334477", method="802.1x")
    assert (await visitor.post(f"/{name}/revoke")).status_code == 303
    assert (await world.post("authorize", body(name))).status_code == 401
    assert (await visitor.get(f"/{name}/passpoint")).status_code == 404
    endings = world.makers.session.scalars(
        select(SessionEnding).where(SessionEnding.district_id == world.district.id)
    ).all()
    assert [ending.reason for ending in endings] == ["credential_revoked"]
    assert endings[0].wifi_session_id != signed_in.id


async def test_a_member_who_leaves_takes_names_and_deliveries_along(visitor: Visitor) -> None:
    name = await visitor.name()
    await visitor.get(f"/{name}/passpoint")
    world = visitor.world
    info = world.makers.info(world.district)
    privacy.erase(world.makers.session, info, visitor.member, clock=world.makers.clock)
    world.makers.done()
    assert visitor.rows() == []
    left = (
        select(func.count()).select_from(RadiusProfileDelivery).where(RadiusProfileDelivery.username == name)
    )
    assert world.makers.session.scalar(left) == 0
    assert (await world.post("authorize", body(name))).status_code == 401


async def test_bans_hold_for_names_as_well(visitor: Visitor) -> None:
    name = await visitor.name()
    world = visitor.world
    assert (await world.post("authorize", body(name))).status_code == 200
    row = Ban(
        district_id=world.district.id,
        id=new_id(),
        member_id=visitor.member.id,
        created_at=world.makers.clock.now(),
    )
    world.add(row)
    said = await world.post("authorize", body(name))
    assert said.status_code == 401
    assert "information desk" in said.text


async def test_limits_of_devices_and_quotas_hold_for_names_as_well(visitor: Visitor) -> None:
    world = visitor.world
    world.plan(devices=1, daily_s=3600)
    world.session(visitor.member)
    name = await visitor.name()
    now = world.makers.clock.now()
    world.add(
        RadiusSession(
            district_id=world.district.id,
            unique_id=uuid.uuid4().hex,
            member_id=visitor.member.id,
            alias=b"another device!!",
            started_at=now - timedelta(minutes=50),
            updated_at=world.makers.clock.machine_now(),
            session_s=3000,
            interim_s=300,
        )
    )
    assert "places are in use" in (await world.post("authorize", body(name))).text
    world.makers.session.execute(
        update(RadiusSession)
        .where(RadiusSession.district_id == world.district.id)
        .values(stopped_at=now, terminate_cause="User-Request")
    )
    world.makers.done()
    said = (await world.post("authorize", body(name))).json()
    assert said["reply:Session-Timeout"]["value"] == [600]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_speaks_both_languages(visitor: Visitor, language: str) -> None:
    await visitor.name()
    page = await visitor.get(f"?lang={language}")
    assert page.status_code == 200
    assert ("免认证上网" if language == "zh" else "Wi-Fi without signing in") in page.text


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


def test_a_servers_certificate_is_one_that_platforms_take() -> None:
    own = authority.new_authority("old-town Wi-Fi", REALM, now=NOW)
    server = authority.new_server(own, f"radius.{REALM}", now=NOW)
    leaf = x509.load_pem_x509_certificate(server.certificate.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"radius.{REALM}"]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=398)
    assert leaf.not_valid_before_utc < NOW
    root = x509.load_pem_x509_certificate(own.certificate.encode())
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    allowed = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert allowed.critical
    assert allowed.value.permitted_subtrees == [x509.DNSName(REALM)]


def test_the_authority_vouches_for_nobody_elses_name() -> None:
    own = authority.new_authority("old-town Wi-Fi", REALM, now=NOW)
    root = x509.load_pem_x509_certificate(own.certificate.encode())
    store = x509.verification.Store([root])
    verifier = x509.verification.PolicyBuilder().store(store).time(NOW)
    for name, is_trusted in ((f"radius.{REALM}", True), ("bank.example", False)):
        server = authority.new_server(own, name, now=NOW)
        leaf = x509.load_pem_x509_certificate(server.certificate.encode())
        if is_trusted:
            verifier.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
        else:
            with pytest.raises(x509.verification.VerificationError):
                verifier.build_server_verifier(x509.DNSName(name)).verify(leaf, [])


def render(world: World, wanted: eap.Wanted = eap.Wanted(), *, kept: Pair | None = None) -> eap.Identity:  # noqa: B008 frozen
    """As the command does."""
    info = world.makers.info(world.district)
    now = world.makers.clock.machine_now()
    found = eap.prepare(
        world.makers.session, info, wanted, kept=kept, public_url="https://wifi.example", now=now
    )
    world.makers.done()
    return found


async def test_rendering_again_keeps_the_server_until_its_end_is_near(
    world: World, clock: FixedClock
) -> None:
    first = render(world)
    assert first.server_name == f"radius.{world.district.slug}.wifi.example"
    assert render(world, kept=first.server).server == first.server
    clock.advance(timedelta(days=320))
    later = render(world, kept=first.server)
    assert later.server != first.server
    assert later.authority == first.authority, "members' devices go on trusting it"


async def test_another_realm_is_another_authority(world: World) -> None:
    first = render(world)
    second = render(world, eap.Wanted(realm="members.example"), kept=first.server)
    assert second.authority != first.authority
    assert second.server_name == "radius.members.example"


def own_certificate(name: str, now: datetime) -> tuple[Pair, str]:
    """An operator's: a server's certificate, and who signed it."""
    root = authority.new_authority("An operator's own", "example", now=now)
    server = authority.new_server(root, name, now=now)
    return Pair(certificate=server.certificate + root.certificate, key=server.key), root.certificate


async def test_an_operators_own_certificate_is_what_devices_trust(world: World) -> None:
    pair, root = own_certificate("aaa.venue.example", world.makers.clock.machine_now())
    found = render(world, eap.Wanted(server=pair))
    assert (found.server, found.authority, found.server_name) == (pair, root, "aaa.venue.example")
    row = world.makers.session.get_one(RadiusAuthority, world.district.id)
    assert (row.key, row.server_name) == ("", "aaa.venue.example")
    assert render(world, kept=pair).server == pair
    with pytest.raises(Invalid, match="--eap-certificate"):
        render(world)


def refuse(wanted: Pair, root: str, now: datetime) -> str:
    """Why a certificate will not do."""
    with pytest.raises(Invalid) as caught:
        authority.checked(wanted, root, now=now)
    return caught.value.detail


def test_certificates_that_will_not_do_are_refused() -> None:
    pair, root = own_certificate("aaa.venue.example", NOW)
    other, other_root = own_certificate("aaa.venue.example", NOW)
    assert "does not belong" in refuse(replace(pair, key=other.key), root, NOW)
    assert "do not lead" in refuse(pair, other_root, NOW)
    assert "not valid now" in refuse(pair, root, NOW + timedelta(days=400))
    assert "not readable" in refuse(replace(pair, certificate="nonsense"), root, NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aaa.venue.example")])
    bare = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = bare.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert "needs a DNS name" in refuse(Pair(certificate=pem, key=private.decode()), pem, NOW)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (eap.Wanted(realm="no realm"), "no domain name"),
        (eap.Wanted(realm="localhost"), "no domain name"),
        (eap.Wanted(ssid="x" * 33), "32 bytes"),
        (eap.Wanted(ssid="a\nb"), "control characters"),
    ],
    ids=["spaces", "one-label", "long", "line-end"],
)
async def test_what_cannot_be_a_realm_or_a_network_is_refused(
    world: World, wanted: eap.Wanted, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        eap.prepare(
            world.makers.session,
            world.makers.info(world.district),
            wanted,
            kept=None,
            public_url=None,
            now=NOW,
        )
    world.makers.session.rollback()


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        (None, "wifi.internal"),
        ("https://wifi.example", "wifi.example"),
        ("https://192.0.2.1:8443", "wifi.internal"),
        ("http://localhost:8000", "wifi.internal"),
        ("https://[2001:db8::1]", "wifi.internal"),
    ],
)
async def test_a_realm_stands_under_the_portals_name(world: World, url: str | None, domain: str) -> None:
    info = world.makers.info(world.district)
    assert eap.default_realm(info, url) == f"{info.slug}.{domain}"
