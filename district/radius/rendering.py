"""FreeRADIUS's configuration for a district: files that run as they are, written from its RADIUS clients."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from district.embedded.files import write_private
from district.radius.authority import Pair
from district.radius.eap import Identity

TEMPLATES: Mapping[str, str] = {
    "radiusd.conf": "radiusd.conf",
    "module.conf": "mods-enabled/district",
    "policy.conf": "policy.d/district",
    "site.conf": "sites-enabled/district",
    "spool.conf": "sites-enabled/district-spool",
    "dictionary": "dictionary",
}
"""Our templates, and where FreeRADIUS looks for them."""
EAP_TEMPLATES: Mapping[str, str] = {
    "eap.conf": "mods-enabled/district-eap",
    "inner.conf": "sites-enabled/district-inner",
}
"""Those of 802.1X."""
_EAP_WORDS: Mapping[str, str] = {
    # What a conversation of EAP needs no password for is answered at once; whoever it is comes out inside its tunnel.
    "EAP_AUTHORIZE": "\t\tdistrict_tunnel {\n\t\t\tok = return\n\t\t\tupdated = return\n\t\t\thandled = return\n\t\t}",
    "EAP_AUTHENTICATE": "\t\tdistrict_tunnel",
    "EAP_SETTLED": " || &EAP-Message",
}
LIBRARY_DIRECTORIES = ("/usr/lib/freeradius", "/usr/lib64/freeradius")
_MARK = re.compile(r"@([A-Z_]+)@")
_KEY = re.compile(r'^district_key = "([^"\n]+)"$', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class RenderedClient:
    """One NAS as FreeRADIUS must know it."""

    id: str
    name: str
    address: str
    secret: str
    fail_open: bool


@dataclass(frozen=True, kw_only=True)
class Server:
    """The FreeRADIUS that is configured."""

    url: str
    """Where it finds the portal."""
    key: str
    raddb: Path
    state: Path
    """Directory of its log, its pid and its spool."""
    listen: str = "*"
    auth_port: int = 1812
    acct_port: int = 1813
    account: str = ""
    """The account that it runs as when it is started by root; empty: whoever starts it."""
    eap: Identity | None = None
    """Who it is to members' devices; None: no 802.1X."""


def kept_key(raddb: Path) -> str | None:
    """The key of an earlier rendering, so that the next one need not make another."""
    try:
        found = _KEY.search((raddb / "radiusd.conf").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found[1] if found else None


def kept_certificate(raddb: Path) -> Pair | None:
    """The server's certificate of an earlier rendering."""
    try:
        certificate = (raddb / "certs" / "server.pem").read_text(encoding="ascii")
        return Pair(certificate=certificate, key=(raddb / "certs" / "server.key").read_text(encoding="ascii"))
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def render(server: Server, clients: Sequence[RenderedClient]) -> list[Path]:
    """Write all files, readable by their owner alone. What was written, directories included."""
    values = _values(server)
    templates = {**TEMPLATES, **(EAP_TEMPLATES if server.eap else {})}
    places = {server.raddb, server.state, server.raddb / "certs"}
    places |= {(server.raddb / place).parent for place in templates.values()}
    places |= {server.state / name for name in ("log", "run", "spool")}
    for directory in sorted(places):
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    written = sorted(places)
    for template, place in templates.items():
        source = (files("district.radius") / "freeradius" / template).read_text(encoding="utf-8")
        written.append(_write(server.raddb / place, _MARK.sub(lambda match: values[match[1]], source)))
    written.append(_write(server.raddb / "clients.conf", clients_conf(clients)))
    if server.eap is not None:
        written += _certificates(server.raddb / "certs", server.eap)
    return written


def _certificates(directory: Path, identity: Identity) -> list[Path]:
    return [
        _write(directory / "server.pem", identity.server.certificate),
        _write(directory / "server.key", identity.server.key),
        _write(directory / "authority.pem", identity.authority),
    ]


def _write(path: Path, text: str) -> Path:
    write_private(path, text)
    return path


def _values(server: Server) -> Mapping[str, str]:
    library = next((path for path in LIBRARY_DIRECTORIES if Path(path).is_dir()), LIBRARY_DIRECTORIES[0])
    account = f"\tuser = {server.account}\n\tgroup = {server.account}" if server.account else ""
    return {
        "URL": _quotable(server.url.rstrip("/")),
        "KEY": _quotable(server.key),
        "RADDB": _quotable(str(server.raddb)),
        "STATE": _quotable(str(server.state)),
        "LIBDIR": library,
        "LISTEN": _quotable(server.listen),
        "AUTH_PORT": str(server.auth_port),
        "ACCT_PORT": str(server.acct_port),
        "ACCOUNT": account,
        **{name: words if server.eap else "" for name, words in _EAP_WORDS.items()},
    }


def _quotable(text: str) -> str:
    """Text that may stand between quotes in FreeRADIUS's configuration. Raises: ValueError."""
    if not text.isprintable() or any(character in text for character in "\"'\\$%{}"):
        raise ValueError(f"{text!r} cannot be written into FreeRADIUS's configuration")
    return text


def clients_conf(clients: Sequence[RenderedClient]) -> str:
    """``clients.conf``: who may ask, each with its own secret."""
    head = (
        "# Who may ask. Each NAS has a secret of its own, so that a stolen one opens nothing else.\n"
        "#\n"
        "# Requests without a Message-Authenticator are dropped (CVE-2024-3596). Gear that cannot send one must be\n"
        "# updated: CoovaChilli, MikroTik from 7.15 and 6.49.17 on, Cisco, Aruba, Ruckus and hostapd do.\n"
    )
    return head + "".join(map(_client, clients))


def _client(client: RenderedClient) -> str:
    comment = re.sub(r"[^\w .:/-]", "?", client.name)
    return (
        f"\n# {comment}\n"
        f"client {client.id} {{\n"
        f"\tipaddr = {_quotable(client.address)}\n"
        f'\tsecret = "{_quotable(client.secret)}"\n'
        f'\tshortname = "{client.id}"\n'
        "\trequire_message_authenticator = yes\n"
        f"\tfail_open = {'yes' if client.fail_open else 'no'}\n"
        "\tlimit {\n\t\tmax_connections = 0\n\t}\n"
        "}\n"
    )
