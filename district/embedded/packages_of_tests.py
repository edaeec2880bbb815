"""System packages that only the tests want: browsers, gateways, servers of mail, messages and screens."""

import os
import shutil
from pathlib import Path

from district.embedded import programs
from district.embedded.system_packages import output_of, privilege

RADIUS_PACKAGES = ("freeradius", "freeradius-rest", "freeradius-utils", "eapoltest")
RADIUS_FILES = (
    "/usr/sbin/freeradius",
    "/usr/lib/freeradius/rlm_rest.so",
    "/usr/bin/radclient",
    "/usr/bin/eapol_test",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
GATEWAY = {
    "opennds": "opennds-daemon",
    "dnsmasq": "dnsmasq-base",
    "nft": "nftables",
    "iptables": "iptables",
    "ip": "iproute2",
    "udhcpc": "udhcpc",
    "php": "php-cli",
    "pgrep": "procps",
    "curl": "curl",
}
"""What the tests with a real gateway run, and the packages that have it."""
CLOCK_MOVER = "libfaketime"
POSTFIX = "/usr/sbin/postfix"
FIREFOX = "firefox-esr"
"""What notifications are shown to work against."""
TEXT_GATEWAY = "/usr/sbin/smsbox"
"""Kannel's, by which text messages are shown to work."""
BROKER = "mosquitto"
"""What screens in shops are shown to work against."""


def clock_mover() -> Path | None:
    """What lets a test set one program's clock: a library that is preloaded."""
    folders = (Path("/usr/lib"), programs.tools_root() / "usr/lib")
    found = (path for folder in folders for path in folder.glob(f"*/faketime/{CLOCK_MOVER}.so.1"))
    return next(found, None)


def _has_cjk_font() -> bool:
    return any(
        any(folder.rglob("*CJK*"))
        for folder in (Path("/usr/share/fonts"), programs.tools_root() / "usr/share/fonts")
    )


def _is_ubuntu() -> bool:
    return "ID=ubuntu" in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()


def missing() -> list[str]:
    """The packages to install. What only root can start is not wanted without root's rights: those tests say that they skip."""
    wanted = [] if _has_cjk_font() else ["fonts-noto-cjk"]
    wanted += [] if shutil.which("node") else ["nodejs"]  # runs the message centre of the tests
    wanted += [] if clock_mover() else [CLOCK_MOVER]
    wanted += _missing_browsers()
    if privilege() is not None:
        wanted += _missing_servers()
    if os.geteuid() == 0:  # network namespaces are root's
        wanted += [package for program, package in GATEWAY.items() if shutil.which(program) is None]
    return wanted


def _missing_browsers() -> list[str]:
    if _is_ubuntu():  # its packages are only pointers to a snap: browser tests say that they skip
        return []
    private = programs.tools_root() / "usr/bin/chromium"
    wanted = [] if any(map(shutil.which, BROWSERS)) or private.exists() else ["chromium"]
    if privilege() is not None and not shutil.which(FIREFOX):
        wanted.append(FIREFOX)
    return wanted


def _missing_servers() -> list[str]:
    wanted = [] if os.path.exists(f"/usr/sbin/{BROKER}") else [BROKER]
    wanted += [] if os.path.exists(POSTFIX) else ["postfix"]
    wanted += [] if os.path.exists(TEXT_GATEWAY) else ["kannel"]
    # Unpacked without root they find none of their own files.
    wanted += [] if all(map(os.path.exists, RADIUS_FILES)) else RADIUS_PACKAGES
    return wanted


def is_offered(package: str) -> bool:
    """Whether this distribution has a package that only the tests with a real gateway want; they skip without it."""
    if package not in {*GATEWAY.values(), CLOCK_MOVER}:
        return True
    return package in output_of(["apt-cache", "pkgnames", package]).split()
