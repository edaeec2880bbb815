"""A small access gateway with RADIUS in the lab: nobody passes but who was accepted, until a Disconnect says otherwise.

It speaks UAM to browsers and RADIUS to a real FreeRADIUS, by a management network that is this machine's loopback.
Written from the protocols' descriptions, without the product's code.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

from tests.district.radius.nas import ACCT_SESSION_ID, DISCONNECT, Heard, SimulatedNas
from tests.radius.conftest import ACCESS_POINT, SECRET, spelled
from tests.radius.server import FreeRadius
from tests.wifi.lab import CLIENT_MAC, GATEWAY_IP, PORTAL_IP, Lab

UAM_PORT = 3990
CLIENT_IP = "10.2.0.9"
CLIENT = CLIENT_MAC.replace(":", "")
RULES = f"""
table ip uam {{
    set on_line {{ type ipv4_addr; }}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ip saddr @on_line accept
        ip daddr @on_line accept
        ip daddr {PORTAL_IP} accept
        ip saddr {PORTAL_IP} accept
    }}
    chain prerouting {{
        type nat hook prerouting priority -100;
        iifname lan0 ip saddr != @on_line ip daddr != {{ {PORTAL_IP}, {GATEWAY_IP} }} tcp dport 80 redirect to :{UAM_PORT}
    }}
    chain postrouting {{
        type nat hook postrouting priority 100;
        oifname wan0 masquerade
    }}
}}
"""


@dataclass(kw_only=True)
class Nas(SimulatedNas):
    """Hears Disconnect."""

    ends: Callable[[str], None] = field(default=lambda _session: None)

    def _outcome(self, heard: Heard) -> int | None:
        cause = super()._outcome(heard)
        if cause is None and heard.code == DISCONNECT:
            self.ends(heard.attributes[ACCT_SESSION_ID].decode())
        return cause


class UamGateway:
    """One client, on line or not."""

    def __init__(self, lab: Lab, server: FreeRadius, *, portal_url: str, uam_secret: str) -> None:
        self._lab, self._server = lab, server
        self._portal_url, self._secret = portal_url, uam_secret
        self._challenge = secrets.token_hex(16)
        self._told: dict[str, str] = {}
        self.nas = Nas(secret=SECRET, ends=self._end)

    @contextmanager
    def running(self, coa_port: int) -> Iterator["UamGateway"]:
        """Rules, the log-in address, and the ear for Disconnect."""
        rules = self._lab.directory / "uam.nft"
        rules.write_text(RULES)
        self._inside("nft", "flush", "ruleset")
        self._inside("nft", "-f", str(rules))
        server = ThreadingHTTPServer((GATEWAY_IP, UAM_PORT), _handler(self), bind_and_activate=False)
        server.socket.close()
        server.socket = self._lab.listen("0.0.0.0", UAM_PORT, at=self._lab.gateway)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with self.nas.listening(coa_port):
                yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _inside(self, *argv: str) -> str:
        return self._lab.inside(self._lab.gateway, *argv)

    def redirect(self, result: str, wanted: str) -> str:
        """The signed address of the sign-in page."""
        fields = {
            "res": result,
            "uamip": GATEWAY_IP,
            "uamport": str(UAM_PORT),
            "challenge": self._challenge,
            "called": spelled(ACCESS_POINT),
            "mac": spelled(CLIENT),
            "ip": CLIENT_IP,
            "ssid": "Free Wi-Fi",
            "sessionid": secrets.token_hex(8),
            "userurl": wanted,
        }
        query = "&".join(f"{name}={quote(value, safe='').lower()}" for name, value in fields.items())
        signed = f"{self._portal_url}?{query}"
        return f"{signed}&md={hashlib.md5((signed + self._secret).encode()).hexdigest().upper()}"

    def log_in(self, username: str, response: str) -> str:
        """Ask FreeRADIUS by CHAP; where the browser goes then."""
        shared = hashlib.md5(bytes.fromhex(self._challenge) + self._secret.encode()).hexdigest()
        reply = self._server.ask(
            f"{_lines(username)}\nService-Type = Login-User\n"
            f"CHAP-Password = 0x00{response}\nCHAP-Challenge = 0x{shared}"
        )
        if reply.kind != "Access-Accept":
            return self.redirect("failed", "")
        self.admit(username, mark=(reply.get("Class") or "0x").removeprefix("0x"))
        return self.redirect("success", "")

    def admit(self, username: str, *, mark: str) -> str:
        """Let the client through, and tell of it; the session's name."""
        session = f"uam-{secrets.token_hex(6)}"
        self._told[session] = f'{_lines(username)}\nAcct-Session-Id = "{session}"\nClass = 0x{mark}'
        self.nas.sessions.add(session)
        self._inside("nft", "add", "element", "ip", "uam", "on_line", f"{{ {CLIENT_IP} }}")
        self._tell(session, "Start")
        return session

    def _end(self, session: str) -> None:
        self._inside("nft", "delete", "element", "ip", "uam", "on_line", f"{{ {CLIENT_IP} }}")
        # After the answer to the Disconnect, as gateways do.
        threading.Thread(target=self._tell, args=(session, "Stop"), daemon=True).start()

    def _tell(self, session: str, status: str) -> None:
        lines = f"{self._told[session]}\nAcct-Status-Type = {status}"
        if status == "Stop":
            lines += "\nAcct-Session-Time = 5\nAcct-Terminate-Cause = Admin-Reset"
        assert self._server.account(lines).kind == "Accounting-Response"


def _lines(username: str) -> str:
    return "\n".join(
        (
            f'User-Name = "{username}"',
            "NAS-IP-Address = 127.0.0.1",
            'NAS-Identifier = "uam"',
            f'Calling-Station-Id = "{spelled(CLIENT)}"',
            f'Called-Station-Id = "{spelled(ACCESS_POINT)}:Free Wi-Fi"',
            f"Framed-IP-Address = {CLIENT_IP}",
            "NAS-Port-Type = Wireless-802.11",
        )
    )


def _handler(gateway: UamGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            fields = parse_qs(asked.query)
            if asked.path == "/logon":
                where = gateway.log_in(fields["username"][0], fields["response"][0])
            else:
                where = gateway.redirect("notyet", f"http://{self.headers['Host']}{self.path}")
            self.send_response(302)
            self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
            """Says nothing."""

    return Handler
