"""A Wi-Fi in miniature: a client, a gateway with the distribution's openNDS, and an internet, each a network namespace.

Everything a gateway writes or kills stays inside its own mount and process namespaces: openNDS edits /etc/dnsmasq.conf
and /etc/hosts, restarts services, and ends every process that is called like its own helper.
"""

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.product import NeverHappened, wait_for

CLIENT_MAC = "02:aa:22:33:44:66"
GATEWAY_MAC = "02:99:22:33:44:01"
GATEWAY_IP = "10.2.0.1"
INTERNET_IP = "203.0.113.10"
PORTAL_IP = "198.51.100.5"
PORTAL_NAME = "wifi.example"
NEEDED = ("ip", "nft", "iptables", "opennds", "dnsmasq", "udhcpc", "unshare", "nsenter", "php", "curl")
_CLONE_NEWNET = 0x40000000


def why_not() -> str:
    """Why this machine cannot run a gateway; empty when it can."""
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        return f"needs the programs {', '.join(missing)}"
    if not any(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        return "needs libfaketime"
    name = f"sq{secrets.token_hex(4)}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "this machine lets nobody make network namespaces"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


def run(*argv: str, timeout_s: float = 90, is_checked: bool = True) -> str:
    """What a command prints."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert not is_checked or done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


class Lab:
    """``with Lab() as lab``: the three namespaces, wired; the gateway forwards and translates addresses."""

    def __init__(self) -> None:
        tag = f"sq{os.getpid() % 100_000}{secrets.token_hex(2)}"
        self.client, self.gateway, self.internet = (f"{tag}{letter}" for letter in "cgi")
        self.directory = Path(tempfile.mkdtemp(prefix=f"{tag}-", dir="/tmp"))

    def __enter__(self) -> Self:
        try:
            self._wire()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the namespaces and their files away."""
        for name in (self.client, self.gateway, self.internet):
            for pid in run("ip", "netns", "pids", name, is_checked=False).split():
                run("kill", "-9", pid, is_checked=False)
            run("ip", "netns", "del", name, is_checked=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _wire(self) -> None:
        for name in (self.client, self.gateway, self.internet):
            run("ip", "netns", "add", name)
            self.inside(name, "ip", "link", "set", "lo", "up")
        self._join((self.client, "eth0", CLIENT_MAC), (self.gateway, "lan0", GATEWAY_MAC))
        self._join((self.gateway, "wan0", "02:99:22:33:44:02"), (self.internet, "net0", "02:99:22:33:44:03"))
        self._address(self.gateway, "lan0", f"{GATEWAY_IP}/24")
        self._address(self.gateway, "wan0", "203.0.113.1/24")
        for address in (f"{INTERNET_IP}/24", f"{PORTAL_IP}/32"):
            self._address(self.internet, "net0", address)
        self.inside(self.gateway, "ip", "route", "add", "default", "via", INTERNET_IP)
        self.inside(self.gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _join(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
        left, right = f"v{secrets.token_hex(5)}a", f"v{secrets.token_hex(5)}b"
        run("ip", "link", "add", left, "type", "veth", "peer", "name", right)
        for link, (name, as_, mac) in ((left, one), (right, other)):
            run("ip", "link", "set", link, "netns", name, "name", as_, "address", mac)
            self.inside(name, "ip", "link", "set", as_, "up")

    def _address(self, name: str, link: str, address: str) -> None:
        self.inside(name, "ip", "addr", "add", address, "dev", link)

    def inside(self, name: str, *argv: str, is_checked: bool = True) -> str:
        """What a command prints in a namespace."""
        return run("ip", "netns", "exec", name, *argv, is_checked=is_checked)

    def open_firewall(self) -> None:
        """The gateway's rules as before openNDS: addresses are translated, nobody is held up."""
        masquerade = ("-t", "nat", "-A", "POSTROUTING", "-o", "wan0", "-j", "MASQUERADE")
        self.inside(self.gateway, "nft", "flush", "ruleset")
        self.inside(self.gateway, "iptables", *masquerade)

    def listen(self, host: str, port: int, *, at: str = "") -> socket.socket:
        """A listening socket in a namespace, else the internet's, for a server that lives in this process."""
        return _socket_in(at or self.internet, host, port)

    def curl(self, url: str, *options: str) -> str:
        """What the client is answered, its head included."""
        always = ("-sS", "-i", "--noproxy", "*", "--max-time", "10")
        known = ("--resolve", f"{PORTAL_NAME}:443:{PORTAL_IP}", "--resolve", f"{PORTAL_NAME}:80:{PORTAL_IP}")
        return self.inside(self.client, "curl", *always, *known, *options, url, is_checked=False)

    def lease(self) -> Mapping[str, str]:
        """Ask for an address by DHCP and take it; what the server said."""
        said = self.directory / "lease"
        script = self.directory / "lease.sh"
        script.write_text(
            '#!/bin/sh\n[ "$1" = bound ] || exit 0\n'
            'ip addr replace "$ip/24" dev "$interface"\nip route replace default via "$router"\n'
            f'set > "{said}"\n'
        )
        script.chmod(0o755)
        asking = ("-i", "eth0", "-n", "-q", "-f", "-t", "8", "-T", "1", "-O", "114", "-s", str(script))
        self.inside(self.client, "udhcpc", *asking)
        pairs = (line.partition("=") for line in said.read_text().splitlines())
        return {name: value.strip("'") for name, sign, value in pairs if sign}


def _socket_in(name: str, host: str, port: int) -> socket.socket:
    """Sockets belong to the namespace of the thread that made them, so a thread goes there for the moment."""
    made: list[socket.socket] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{name}").open() as namespace:
            assert libc.setns(namespace.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(64)
        made.append(listening)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def _loader() -> Path:
    """The system's loader: asked by name, it preloads a library into one program and not into what that starts."""
    return next(path for folder in ("/lib64", "/lib") for path in Path(folder).glob("ld-linux-*.so.*"))


def _library() -> Path:
    """What lets a test move one program's clock."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class OpenNds:
    """The distribution's openNDS and dnsmasq in the lab's gateway."""

    def __init__(
        self, lab: Lab, configuration: str, *, dhcp: Sequence[str] = (), trusted: Path | None = None
    ) -> None:
        self._lab = lab
        self._directory = Path(tempfile.mkdtemp(dir=lab.directory))
        self._faketime = self._directory / "clock"
        self._faketime.write_text("+0")
        (self._directory / "opennds.conf").write_text(configuration)
        (self._directory / "hosts").write_text(f"127.0.0.1 localhost\n{PORTAL_IP} {PORTAL_NAME}\n")
        (self._directory / "dnsmasq.conf").write_text("")
        self._write_programs(dhcp, trusted)
        self._process: subprocess.Popen[bytes] | None = None

    def _write_programs(self, dhcp: Sequence[str], trusted: Path | None) -> None:
        """The gateway's first process; what stands in for programs that openNDS must not have here.

        With a working nft, openNDS 9.10 makes chains that iptables cannot use, so nft fails inside; services are not
        its to restart.
        """
        failing = self._directory / "failing"
        failing.write_text("#!/bin/sh\nexit 1\n")
        failing.chmod(0o755)
        own, lab = self._directory, self._lab.directory
        options = " ".join(f"--dhcp-option={option}" for option in dhcp)
        (self._directory / "init.sh").write_text(
            f"""set -e
mount -t tmpfs tmpfs /run
mkdir /run/lab
mount --bind {lab} /run/lab
for folder in /tmp /var/lib/misc /dev/shm; do mount -t tmpfs tmpfs $folder; done
mkdir -p {lab}
mount --bind /run/lab {lab}
for name in nft systemctl; do
    mount --bind {own}/failing $(command -v $name || echo /usr/bin/true)
done
for name in hosts dnsmasq.conf; do
    [ -e /etc/$name ] || : > /etc/$name
    mount --bind {own}/$name /etc/$name
done
mount --bind {own}/opennds.conf /etc/opennds/opennds.conf
dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --interface=lan0 --bind-interfaces \\
    --dhcp-range=10.2.0.100,10.2.0.200,255.255.255.0,1h --dhcp-leasefile=/tmp/dhcp.leases --dhcp-authoritative {options} &
{f"export SSL_CERT_FILE={trusted}" if trusted else ""}
export FAKETIME_TIMESTAMP_FILE={self._faketime} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
{_loader()} --preload {_library()} /usr/bin/opennds -f -d 3 2>&1
"""
        )

    def __enter__(self) -> Self:
        lab = self._lab
        lab.open_firewall()
        self._log = (self._directory / "log").open("wb")
        self._process = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                lab.gateway,
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "bash",
                str(self._directory / "init.sh"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for("openNDS runs", lambda: "openNDS is now running" in self.log() or None, timeout_s=90)
        except NeverHappened:
            sys.stderr.write(self.log()[-4000:])
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            lines = "\n".join(line[:300] for line in self.log().splitlines()[-250:])
            sys.stderr.write(
                f"the gateway's processes:\n{self.inside('ps', 'axf')}\nits last lines:\n{lines}\n"
            )
        self.close()

    def inside(self, *argv: str) -> str:
        """What a command prints among the gateway's own processes and files."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return (
            run("nsenter", "-t", children[0], "-m", "-p", "-n", *argv, is_checked=False) if children else ""
        )

    def close(self) -> None:
        """Kill the first process; the kernel ends all the others with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> None:
        """In order, as its service is stopped."""
        assert self._process is not None
        self.inside("ndsctl", "stop")
        self._process.wait(timeout=60)

    def log(self) -> str:
        """What the gateway wrote."""
        return (self._directory / "log").read_text(errors="replace")

    def move_clock(self, seconds: int) -> None:
        """Let the gateway's own clock jump ahead."""
        jumped = self._faketime.with_suffix(".new")
        jumped.write_text(f"+{seconds}")
        jumped.replace(self._faketime)  # at once: whoever asks for the time reads a whole file
