"""The certificates of 802.1X: a private authority for each district, or those that an operator brings along.

The private authority can vouch for names of the district's own realm alone (RFC 5280 §4.2.1.10), so that a member who
trusts it trusts nothing else. Servers' certificates live 397 days: Apple takes 825 from authorities that somebody
installed, and 398 is what every platform takes from any.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from district.problems import Invalid

AUTHORITY_LIFE = timedelta(days=20 * 365)
"""Longer than any phone: a new one means that every member installs the profile again."""
SERVER_LIFE = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=90)
"""A certificate with less time left is replaced at the next rendering."""
_BACK = timedelta(days=1)
"""Devices' clocks may be behind."""
_EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate with what follows it in its chain, and its private key; both PEM."""

    certificate: str
    key: str = field(repr=False)


def new_authority(title: str, realm: str, *, now: datetime) -> Pair:
    """An authority that can vouch for ``realm`` and names below it, and sign nothing but certificates of servers."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(title)
    names = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(realm)],
        excluded_subtrees=[x509.IPAddress(network) for network in _EVERYWHERE],
    )
    certificate = (
        _builder(name, name, key.public_key(), now=now, life=AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(names, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def new_server(authority: Pair, server_name: str, *, now: datetime) -> Pair:
    """A certificate of the RADIUS server."""
    issuer, issuer_key = x509.load_pem_x509_certificate(authority.certificate.encode()), _key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    certificate = (
        _builder(_name(server_name), issuer.subject, key.public_key(), now=now, life=SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(server_name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(known, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return _pair(certificate, key)


def is_good(server: Pair, authority_pem: str, server_name: str, *, now: datetime) -> bool:
    """Whether a server's certificate will do for some time to come."""
    try:
        found = checked(server, authority_pem, now=now)
    except Invalid:
        return False
    left = x509.load_pem_x509_certificate(server.certificate.encode()).not_valid_after_utc - now
    return found == server_name and left > RENEWED_BEFORE


def checked(server: Pair, authority_pem: str, *, now: datetime) -> str:
    """The name in a server's certificate that devices are to insist on. Raises: Invalid."""
    try:
        chain = x509.load_pem_x509_certificates(server.certificate.encode())
        key = serialization.load_pem_private_key(server.key.encode(), None)
        root = x509.load_pem_x509_certificate(authority_pem.encode())
    except (ValueError, TypeError) as error:
        raise Invalid("The certificates or the key are not readable as PEM without a password.") from error
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise Invalid("The private key does not belong to the first certificate.")
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise Invalid("The server's certificate is not valid now.")
    _follow([*chain, root])
    return _server_name(leaf)


def last_of(certificates: str) -> str:
    """The last certificate of a PEM file. Raises: Invalid."""
    try:
        found = x509.load_pem_x509_certificates(certificates.encode())
    except ValueError as error:
        raise Invalid("The file holds no certificates in PEM form.") from error
    return _pem(found[-1])


def der_of(certificate: str) -> bytes:
    """A PEM certificate in binary form."""
    return x509.load_pem_x509_certificate(certificate.encode()).public_bytes(serialization.Encoding.DER)


def sha256_of(certificate: str) -> str:
    """A certificate's fingerprint, as devices show it."""
    digest = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def _follow(chain: list[x509.Certificate]) -> None:
    """Each certificate must be signed by the next one. Raises: Invalid."""
    for one, issuer in pairwise(chain):
        if one == issuer:
            continue  # the file of the chain ends in the authority itself
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise Invalid("The certificates do not lead to the authority, one signed by the next.") from error


def _server_name(leaf: x509.Certificate) -> str:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise Invalid("The server's certificate needs a DNS name and the use serverAuth.") from error
    found = names.get_values_for_type(x509.DNSName)
    if not found or ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        raise Invalid("The server's certificate needs a DNS name and the use serverAuth.")
    return found[0]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now - _BACK + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)  # noqa: S101 our own, made above
    return found


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate=_pem(certificate), key=pem.decode())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
