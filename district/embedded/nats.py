"""The private nats-server of one data directory: JetStream on disk, a loopback port, a password of its own."""

import json
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from district.embedded import processes
from district.embedded.account import Account, service_account
from district.embedded.errors import ServerFailed
from district.embedded.files import cap_log, locked, open_private, stored_secret, write_private
from district.embedded.processes import ProcessId
from district.embedded.programs import Program, find_nats

HOST = "127.0.0.1"
USER = "district"
MAX_PAYLOAD_BYTES = 8 << 20
MAX_MEMORY_STORE_BYTES = 64 << 20
# Fixed, because the default is a share of what is free at this start: a fuller disk would then refuse streams it has accepted.
MAX_FILE_STORE_BYTES = 64 << 30
START_TIMEOUT_S = 60.0
START_ATTEMPTS = 5
SILENT_GRACE_S = 2.0
POLL_S = 0.03
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_PORT = 15_000
PORT_ATTEMPTS = 50
INFO_LIMIT_BYTES = 64 << 10


def free_port() -> int:
    """A loopback port that nobody listens on, of those that no outgoing connection is ever given.

    A server that comes back then finds its port free, whoever called whom while it was away. Where the system gives out
    nearly all ports, any that is free at this moment.
    """
    for _ in range(PORT_ATTEMPTS):
        port = random.SystemRandom().randrange(LOWEST_PORT, max(_first_given_out(), LOWEST_PORT + 1))
        if is_free(HOST, port):
            return port
    with socket.create_server((HOST, 0)) as probe:
        given: int = probe.getsockname()[1]
    return given


def _first_given_out() -> int:
    """The lowest port that an outgoing connection may be given (ip(7), ip_local_port_range)."""
    try:
        return int(PORT_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return LOWEST_PORT


def is_free(host: str, port: int) -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError:
        return False
    return True


def greet(url: str, *, timeout_s: float = 3.0) -> dict[str, object]:
    """Log in to a NATS server and return its INFO (``jetstream``, ``version``, ``max_payload``).

    Raises: OSError when nobody answers; PermissionError when the log-in is refused.
    """
    parts = urlsplit(url)
    login = {"verbose": False, "pedantic": False, "lang": "python", "version": "1", "protocol": 1}
    if parts.username and parts.password:
        login |= {"user": parts.username, "pass": parts.password}
    elif parts.username:
        login |= {"auth_token": parts.username}
    with socket.create_connection(
        (parts.hostname or HOST, parts.port or 4222), timeout=timeout_s
    ) as connection:
        lines = connection.makefile("rb")
        verb, _, body = lines.readline(INFO_LIMIT_BYTES).partition(b" ")
        if verb != b"INFO":
            raise OSError("not a NATS server")
        info: dict[str, object] = json.loads(body)
        if info.get("tls_required"):
            return info  # the client proper speaks TLS; what we came for is in the first line
        connection.sendall(b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n")
        answer = lines.readline(INFO_LIMIT_BYTES)
        while answer.startswith((b"+OK", b"INFO")):
            answer = lines.readline(INFO_LIMIT_BYTES)
        if not answer.startswith(b"PONG"):
            raise PermissionError(
                answer.decode(errors="replace").strip() or "the server closed the connection"
            )
    return info


class NatsServer:
    """``NatsServer(data_dir).start()`` gives a URL; the server stays until ``stop``, also when our process goes."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / "nats"
        self.account: Account = service_account(self.data_dir)
        self.log_path = self.data_dir / "logs" / "nats.log"
        self._port_path = self.directory / "port"
        self._pid_path = self.directory / "process.json"
        self._stopping = False

    @property
    def url(self) -> str:
        """With the log-in; valid once the server has been started."""
        return f"nats://{USER}:{self._password()}@{HOST}:{self._stored_port()}"

    @property
    def address(self) -> str:
        """Host and port, without the log-in."""
        return f"{HOST}:{self._stored_port()}"

    def start(self) -> str:
        """Start or find the running server; returns the URL once JetStream answers.

        Raises: ProgramMissing, ServerFailed.
        """
        self._stopping = False
        program = find_nats()
        self.account.take_data_directory(self.data_dir)
        for directory in (self.log_path.parent, self.directory, self.directory / "jetstream"):
            self.account.make_directory(directory)
        with locked(self.data_dir / "nats.lock"):
            if not (self.is_running() and self.is_ready()):
                self._replace(program)
        return self.url

    def stop(self, *, grace_s: float = 5.0) -> None:
        """End it; JetStream has every acknowledged message on disk already."""
        self._stopping = True
        self._end(grace_s=grace_s)

    def _end(self, *, grace_s: float) -> None:
        process = self.process()
        if process is None:
            return
        processes.end(process, grace_s=grace_s)
        if processes.is_alive(process):
            raise ServerFailed(f"nats-server (pid {process.pid}) does not stop")

    def process(self) -> ProcessId | None:
        """The living server."""
        try:
            stored = json.loads(self._pid_path.read_text(encoding="ascii"))
            process = ProcessId(pid=int(stored["pid"]), start_ticks=int(stored["start_ticks"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        processes.reap(process.pid)
        return process if processes.is_alive(process) else None

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process() is not None

    def is_ready(self) -> bool:
        """Whether it lets us in and has JetStream."""
        try:
            return greet(self.url).get("jetstream") is True
        except (OSError, ValueError):
            return False

    def _password(self) -> str:
        return stored_secret(self.directory / "password", account=self.account)

    def _stored_port(self) -> int:
        try:
            return int(self._port_path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _choose_port(self) -> int:
        """The port of last time, so that clients find it again; another one when somebody has taken it."""
        port = self._stored_port()
        if not port or not is_free(HOST, port):
            port = free_port()
            write_private(self._port_path, str(port), account=self.account)
        return port

    def _write_configuration(self, port: int) -> Path:
        settings = {
            "server_name": "district",
            "listen": f"{HOST}:{port}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {
                "store_dir": str(self.directory / "jetstream"),
                "max_memory_store": MAX_MEMORY_STORE_BYTES,
            },
            "authorization": {"user": USER, "password": self._password()},
        }
        path = self.directory / "nats.conf"
        # NATS's own syntax takes JSON as it is.
        write_private(path, json.dumps(settings, indent=2, ensure_ascii=False) + "\n", account=self.account)
        return path

    def _replace(self, program: Program) -> None:
        self._end(grace_s=SILENT_GRACE_S)
        for _ in range(START_ATTEMPTS):
            if self._launch_once(program, self._write_configuration(self._choose_port())):
                return
            if self._stopping:
                raise ServerFailed("nats-server was stopped while it started")
        raise ServerFailed(f"nats-server does not start (log: {self.log_path})")

    def _launch_once(self, program: Program, configuration: Path) -> bool:
        cap_log(self.log_path)
        with open_private(self.log_path, account=self.account) as log:
            server = subprocess.Popen(
                self.account.command([str(program.path), "-c", str(configuration)]),
                cwd="/",
                env=self.account.environment(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if found := processes.identify(server.pid):
            text = json.dumps({"pid": found.pid, "start_ticks": found.start_ticks})
            write_private(self._pid_path, text, account=self.account)
        deadline = time.monotonic() + START_TIMEOUT_S
        while server.poll() is None and time.monotonic() < deadline and not self._stopping:
            if self.is_ready():
                server.returncode = 0  # it lives on without us: Popen must not warn that nobody waited for it
                return True
            time.sleep(POLL_S)
        if server.poll() is None:
            server.send_signal(signal.SIGKILL)
        server.wait()
        return False
