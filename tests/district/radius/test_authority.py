"""Who the RADIUS server is to members' devices: its certificates, and what an operator may say about them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from district.clock import FixedClock
from district.problems import Invalid
from district.radius import authority, eap
from district.radius.authority import Pair
from district.radius.models import RadiusAuthority
from tests.district.radius.conftest import World

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
REALM = "old-town.wifi.example"


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
