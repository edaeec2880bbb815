"""The private PostgreSQL of one data directory: reached by a unix socket that only its owner can open."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psycopg

from district.embedded import processes
from district.embedded.account import Account, service_account
from district.embedded.errors import ServerFailed
from district.embedded.files import cap_log, locked, open_private, write_private
from district.embedded.processes import ProcessId
from district.embedded.programs import PostgresPrograms, find_postgres

DATABASE = "district"
PORT = 5432  # only names the socket file: the server listens on no network address
EXTENSIONS = ("postgis", "btree_gist")
SOCKET_DIRECTORY_LIMIT = 85  # bytes: sun_path holds 107, and PostgreSQL adds "/.s.PGSQL.5432.lock"
PLAIN_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
SHORT_PARENT = Path("/tmp")  # noqa: S108 the same for root and the owner; a name of somebody else's is refused
START_TIMEOUT_S = 60.0
RETRY_S = 15.0
POLL_S = 0.05
ORPHAN_PATIENCE_S = 2.0
MEBIBYTE = 1 << 20


def _memory_bytes() -> int:
    """The machine's memory, or the container's limit when that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def default_options() -> dict[str, str]:
    """Server options for two cores that the roles share with it."""
    shared = max(128, min(1024, _memory_bytes() // MEBIBYTE // 8))
    return {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{shared}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        "wal_compression": "on",
        "synchronous_commit": "on",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "jit": "off",  # the plan over many fences turns it on for nothing
        "max_parallel_workers_per_gather": "0",  # both cores are busy; a report must not take them from the engine
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        "client_connection_check_interval": "10s",
    }


class Cluster:
    """``Cluster(data_dir).start()`` gives a URL, whatever state an earlier run was left in.

    The cluster is ``data_dir/postgres``; it stays when this object or its process goes, until ``stop``. ``options`` are added
    to the defaults, such as ``{"fsync": "off"}`` for tests; an operator's own go to ``local.conf`` in the cluster's directory.
    """

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / "postgres"
        self.account: Account = service_account(self.data_dir)
        self.options = {**default_options(), **(options or {})}
        self.log_path = self.data_dir / "logs" / "postgres.log"
        self.socket_directory = self._socket_directory()
        self._stopping = False

    @property
    def url(self) -> str:
        """For SQLAlchemy and, without ``+psycopg``, for libpq."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The same for another database of this cluster."""
        return f"postgresql+psycopg://postgres@/{quote(database)}?host={quote(str(self.socket_directory))}&port={PORT}"

    def start(self) -> str:
        """Make, repair or find the running cluster, with its database and extensions; returns the URL.

        Raises: ProgramMissing, ServerFailed.
        """
        self._stopping = False
        self._prepare_directories()
        with locked(self.data_dir / "postgres.lock"):
            programs = self._programs()
            if not (self.directory / "PG_VERSION").exists():
                self._initialise(programs)
            if not (self.is_running() and self.is_ready()):
                self._write_configuration()
                self._launch(programs)
            self._make_database()
        return self.url

    def stop(self, *, grace_s: float = 5.0) -> None:
        """Shut down: sessions are ended, then the checkpoint; after ``grace_s`` at once, leaving recovery to the next start."""
        self._stopping = True
        if process := self.process():
            processes.send(process, signal.SIGINT)
            if not processes.wait_gone(process, timeout_s=grace_s):
                processes.end(process, polite=signal.SIGQUIT, grace_s=2.0)
            if processes.is_alive(process):
                raise ServerFailed(f"PostgreSQL (pid {process.pid}) does not stop")
        if self.socket_directory.parent == SHORT_PARENT:
            shutil.rmtree(self.socket_directory, ignore_errors=True)

    def process(self) -> ProcessId | None:
        """The living postmaster of exactly this directory."""
        try:
            pid = int((self.directory / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return None
        processes.reap(pid)
        return processes.identify(pid) if processes.directory_of(pid) == self.directory else None

    def is_running(self) -> bool:
        """Whether its postmaster lives."""
        return self.process() is not None

    def is_ready(self) -> bool:
        """Whether it takes sessions now."""
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_directory),
            port=PORT,
            user="postgres",
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _socket_directory(self) -> Path:
        """Beside the data where a socket's path can be so, else a short name of our own."""
        beside = self.data_dir / "run"
        if len(os.fsencode(beside)) <= SOCKET_DIRECTORY_LIMIT and set(str(beside)) <= PLAIN_PATH:
            return beside
        name = f"district-{sha256(os.fsencode(self.data_dir)).hexdigest()[:12]}"
        return SHORT_PARENT / name

    def _prepare_directories(self) -> None:
        self.account.take_data_directory(self.data_dir)
        self.account.make_directory(self.log_path.parent)
        self.account.make_directory(self.socket_directory)

    def _programs(self) -> PostgresPrograms:
        try:
            written_by = int((self.directory / "PG_VERSION").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return find_postgres()
        return find_postgres(written_by)

    def _initialise(self, programs: PostgresPrograms) -> None:
        """initdb into a directory beside the right one: a first start that is killed leaves nothing half-made."""
        unfinished = self.data_dir / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self.account.make_directory(unfinished)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        if self.options.get("fsync") == "off":
            options.append("--no-sync")
        made = subprocess.run(
            self.account.command([str(programs.bin / "initdb"), "-D", str(unfinished), *options]),
            cwd="/",
            env=self.account.environment(programs.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if made.returncode:
            raise ServerFailed(f"PostgreSQL could not make {unfinished}: {_last_line(made.stderr)}")
        with open_private(unfinished / "postgresql.conf") as file:
            file.write(b"\ninclude_if_exists = 'district.conf'\ninclude_if_exists = 'local.conf'\n")
        unfinished.rename(self.directory)

    def _write_configuration(self) -> None:
        options = {**self.options, "unix_socket_directories": str(self.socket_directory)}
        lines = ["# Written at every start. Your own options go to local.conf, which is read after this."]
        lines += [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in options.items()]
        write_private(self.directory / "district.conf", "\n".join(lines) + "\n", account=self.account)

    def _launch(self, programs: PostgresPrograms) -> None:
        """Start the postmaster. Backends of one that was killed need a moment to leave before a new one may start."""
        began = time.monotonic()
        while True:
            self._clear_stale_locks()
            if self._launch_once(programs):
                return
            if self._stopping:
                raise ServerFailed("PostgreSQL was stopped while it started")
            waited = time.monotonic() - began
            if waited > RETRY_S:
                raise ServerFailed(
                    f"PostgreSQL does not start: {_last_line(self._log_tail())} (log: {self.log_path})"
                )
            if waited > ORPHAN_PATIENCE_S:
                self._kill_orphans()
            time.sleep(0.2)

    def _launch_once(self, programs: PostgresPrograms) -> bool:
        cap_log(self.log_path)
        with open_private(self.log_path, account=self.account) as log:
            server = subprocess.Popen(
                self.account.command([str(programs.bin / "postgres"), "-D", str(self.directory)]),
                cwd="/",
                env=self.account.environment(programs.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while server.poll() is None and time.monotonic() < deadline and not self._stopping:
            if self.is_running() and self.is_ready():
                server.returncode = 0  # it lives on without us: Popen must not warn that nobody waited for it
                return True
            time.sleep(POLL_S)
        server.kill()
        server.wait()
        return False

    def _clear_stale_locks(self) -> None:
        """Remove lock files whose process is dead, a zombie, or something else that was given the same pid."""
        if self.is_running():
            return
        for path in (
            self.directory / "postmaster.pid",
            self.socket_directory / f".s.PGSQL.{PORT}.lock",
            self.socket_directory / f".s.PGSQL.{PORT}",
        ):
            path.unlink(missing_ok=True)

    def _kill_orphans(self) -> None:
        """End backends that outlive their postmaster, for instance inside a long computation."""
        if self.is_running():
            return
        for pid in processes.inside(self.directory):
            found = processes.identify(pid)
            if found and processes.name_of(pid).startswith("postgres"):
                processes.send(found, signal.SIGKILL)

    def _log_tail(self) -> str:
        return self.log_path.read_bytes()[-2000:].decode(errors="replace")

    def _make_database(self) -> None:
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')
        with self._connect(DATABASE) as connection:
            for extension in EXTENSIONS:
                connection.execute(f'CREATE EXTENSION IF NOT EXISTS "{extension}"')


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
