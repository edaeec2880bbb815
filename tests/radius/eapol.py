"""A real supplicant (wpa_supplicant's, as Android has it) that speaks to FreeRADIUS as an access point would carry it."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.radius.conftest import ACCESS_POINT, spelled

EAPOL_TEST: Final = "/usr/bin/eapol_test"
WAIT_S: Final = 60
_REPLY = re.compile(r"^RADIUS message: code=(\d+) ")
_ATTRIBUTE = re.compile(r"^   Attribute (\d+) \(")
_VALUE = re.compile(r"^      Value: (.*)$")
_CODES: Final = {"1": "Access-Request", "2": "Access-Accept", "3": "Access-Reject", "11": "Access-Challenge"}


@dataclass(frozen=True, kw_only=True)
class Supplicant:
    """What a device was told."""

    identity: str
    password: str
    method: str = "TTLS"
    inner: str = "auth=PAP"
    anonymous: str
    ca_file: Path
    server_name: str

    def block(self) -> str:
        """Its wpa_supplicant.conf."""
        return "\n".join(
            (
                "network={",
                '  ssid="test"',
                "  key_mgmt=WPA-EAP",
                f"  eap={self.method}",
                f'  identity="{self.identity}"',
                f'  anonymous_identity="{self.anonymous}"',
                f'  password="{self.password}"',
                f'  phase2="{self.inner}"',
                f'  ca_cert="{self.ca_file}"',
                f'  domain_match="{self.server_name}"',
                "}",
                "",
            )
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended."""

    is_connected: bool
    """EAP succeeded and both sides have the same keys."""
    kind: str
    """The last packet that the server sent."""
    attributes: Mapping[int, str] = field(default_factory=dict)
    output: str = field(default="", repr=False)


def connect(
    supplicant: Supplicant, directory: Path, *, port: int, secret: str, mac: str, nas: str = "10.0.0.1"
) -> Outcome:
    """One device comes to an access point."""
    file = directory / f"{mac}.conf"
    file.write_text(supplicant.block(), encoding="ascii")
    command = [EAPOL_TEST, f"-c{file}", "-a127.0.0.1", f"-p{port}", f"-s{secret}", f"-t{WAIT_S}"]
    command += [f"-M{':'.join(mac[at : at + 2] for at in range(0, 12, 2))}"]
    command += [f"-N30:s:{spelled(ACCESS_POINT)}:Member Wi-Fi", "-N32:s:nas-1", "-N6:d:2"]
    command += ["-N4:x:" + bytes(map(int, nas.split("."))).hex()]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=WAIT_S + 20, check=False, errors="replace"
    )
    kind, attributes = _last_reply(ended.stdout)
    return Outcome(
        is_connected=ended.returncode == 0 and ended.stdout.rstrip().endswith("SUCCESS"),
        kind=kind,
        attributes=attributes,
        output=ended.stdout,
    )


def _last_reply(output: str) -> tuple[str, Mapping[int, str]]:
    """The last packet received, its plain attributes by number."""
    kind, number = "", 0
    attributes: dict[int, str] = {}
    for line in output.splitlines():
        if match := _REPLY.match(line):
            if (code := _CODES.get(match[1], "")) == "Access-Request":
                number = 0
                continue
            kind, attributes, number = code, {}, -1
        elif number and (match := _ATTRIBUTE.match(line)):
            number = int(match[1])
        elif number > 0 and (match := _VALUE.match(line)):
            attributes.setdefault(number, match[1])
        elif not line.startswith("   "):
            number = 0
    return kind, attributes
