"""What an operator pastes into openNDS."""

import ipaddress
import re
from urllib.parse import SplitResult

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def configuration(portal: SplitResult, *, key: str, level: int, portal_ip: str) -> str:
    """Lines for opennds.conf (Debian, version 9), or commands for OpenWrt at level 4, which needs version 10."""
    host = portal.hostname or ""
    address = portal_ip or (host if _is_ipv4(host) else "")
    options = {
        "login_option_enabled": "0",
        "fasport": str(portal.port or (443 if portal.scheme == "https" else 80)),
        "fasremoteip": address or "ADDRESS",
        "fasremotefqdn": "" if _is_ipv4(host) else host,
        "faspath": portal.path or "/",
        "fas_secure_enabled": str(level),
        "faskey": key,
        "dhcp_default_url_enable": "0",
        "binauth": "/usr/lib/opennds/binauth_log.sh" if level in {3, 4} else "",
    }
    given = {name: value for name, value in options.items() if value}
    notes = _notes(portal, key=key, level=level, has_address=bool(address))
    return "".join(f"# {note}\n" for note in notes) + (
        _for_openwrt(given) if level == 4 else _for_debian(given, level)
    )


def _for_debian(options: dict[str, str], level: int) -> str:
    lines = [f"{name} {value}" for name, value in options.items()]
    if level == 3:
        # The daemon refuses the option, and its helper reads it all the same, comment or not.
        lines.append("# nat_traversal_poll_interval 2")
    return "\n".join(lines) + "\n"


def _for_openwrt(options: dict[str, str]) -> str:
    lines = [f"uci set opennds.@opennds[0].{name}='{value}'" for name, value in options.items()]
    lines.append("uci set opennds.@opennds[0].nat_traversal_poll_interval='2'")
    return "\n".join([*lines, "uci commit opennds", "service opennds restart"]) + "\n"


def _notes(portal: SplitResult, *, key: str, level: int, has_address: bool) -> list[str]:
    where = (
        "A shell on the OpenWrt router"
        if level == 4
        else "/etc/opennds/opennds.conf (OpenWrt: `option` lines of /etc/config/opennds)"
    )
    notes = [f"{where}; the line GatewayInterface stays yours."]
    if not has_address:
        notes.append("Put the portal's IPv4 address where ADDRESS stands, or set it as the option portal_ip.")
    if not _PLAIN_KEY.match(key):
        notes.append("openNDS hands its key to a shell: choose a secret of letters, digits, - and _ only.")
    if level in {3, 4} and portal.scheme != "https":
        notes.append("Levels 3 and 4 need a portal on https: set public_url.")
    if level in {1, 2} and portal.scheme == "https":
        notes.append("Levels 1 and 2 send people to a portal on http: set public_url to its http address.")
    return notes


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
