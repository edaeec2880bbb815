"""``district up``: the servers, one-shot tasks, then the roles; whatever dies is brought back until somebody says stop."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from district.embedded import processes
from district.embedded.account import Account, service_account
from district.embedded.errors import AlreadyRunning, EmbeddedError, PortTaken, ServerFailed
from district.embedded.files import cap_log, locked_or_refuse
from district.embedded.nats import is_free
from district.embedded.processes import ProcessId
from district.embedded.role import Console, Role, RoleSpec, restart_delay_s
from district.embedded.state import (
    ROLE_GRACE_S,
    SERVER_GRACE_S,
    SUPERVISOR,
    RoleFiles,
    RoleState,
    end_leftover_roles,
)

TICK_S = 0.1
LOG_CHECK_S = 30.0


class Server(Protocol):
    """A private server that outlives us: ``Cluster`` or ``NatsServer``."""

    log_path: Path

    def start(self) -> str:
        """Start or find it; its URL."""

    def stop(self, *, grace_s: float = ...) -> None:
        """Stop it."""

    def process(self) -> ProcessId | None:
        """Its living process."""


class WatchedServer:
    """A server with the variable that tells the roles its URL. It is started in a thread: a slow recovery delays nobody."""

    def __init__(self, name: str, variable: str, server: Server, console: Console) -> None:
        self.name = name
        self.variable = variable
        self.server = server
        self.url: str | None = None
        self._console = console
        self._thread: threading.Thread | None = None
        self._error: EmbeddedError | OSError | None = None
        self._failures = 0
        self._due_at = 0.0

    def launch(self) -> None:
        """Begin to start it."""
        self._error = None
        self._thread = threading.Thread(target=self._start, name=f"{self.name} start", daemon=True)
        self._thread.start()

    def settled(self) -> bool:
        """Whether the last start has ended, well or badly."""
        return self._thread is None or not self._thread.is_alive()

    def require(self) -> None:
        """Raises what went wrong at the last start."""
        if self._error:
            raise self._error

    def watch(self) -> None:
        """One look: bring it back when it is gone."""
        if not self.settled() or time.monotonic() < self._due_at:
            return
        if self._error:
            self._failures += 1
            delay_s = restart_delay_s(self._failures)
            self._console.say(self.name, f"{self._error}; next try in {delay_s:g} s")
            self._error, self._due_at = None, time.monotonic() + delay_s
        elif self.server.process() is None:
            self._console.say(self.name, "is gone; starting it again")
            self.launch()
        else:
            self._failures = 0

    def stop(self) -> None:
        """Stop it, saying so when it refuses. A start that is under way gives up, and may have got as far as a process."""
        try:
            self.server.stop(grace_s=SERVER_GRACE_S)
            if self._thread and self._thread.is_alive():
                self._thread.join(timeout=SERVER_GRACE_S)
                self.server.stop(grace_s=SERVER_GRACE_S)
        except EmbeddedError as error:
            self._console.say(self.name, str(error))

    def _start(self) -> None:
        try:
            self.url = self.server.start()
        except (EmbeddedError, OSError) as error:
            self._error = error


class Supervisor:
    """Runs everything of one data directory in the foreground until SIGINT or SIGTERM.

    ``servers`` are (name, environment variable, server); ``tasks`` are commands that must succeed, one after the other,
    before the ``roles`` start; they see the terminal. ``on_ready`` is called once, when every role runs for the first time.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        roles: Sequence[RoleSpec],
        servers: Sequence[tuple[str, str, Server]] = (),
        tasks: Sequence[RoleSpec] = (),
        environment: Mapping[str, str] | None = None,
        role_account: Account | None = None,
        on_ready: Callable[[], None] | None = None,
        console: Console | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.console = console or Console()
        self._data_account = service_account(self.data_dir)
        self._role_account = role_account or self._data_account
        self._files = RoleFiles(self.data_dir, account=self._data_account)
        self._logs = self.data_dir / "logs"
        self._servers = [
            WatchedServer(name, variable, server, self.console) for name, variable, server in servers
        ]
        self._tasks = list(tasks)
        self._roles = [
            Role(spec, account=self._role_account, logs=self._logs, files=self._files, console=self.console)
            for spec in roles
        ]
        self._environment = dict(environment or {})
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._logs_checked_at = 0.0

    def run(self) -> None:
        """Everything from start to clean end.

        Raises: AlreadyRunning, PortTaken, ServerFailed before any role has started.
        """
        self._data_account.take_data_directory(self.data_dir)
        self._data_account.make_directory(self._logs)
        self._files.prepare()
        refusal = AlreadyRunning(f"already running on {self.data_dir}; `district down` stops it")
        with locked_or_refuse(self.data_dir / "supervisor.lock", refusal), self._signals():
            self._clean_up_previous()
            self._check_addresses()
            try:
                self._announce(RoleState.STARTING)
                self._start_servers()
                self._run_tasks()
                self._watch()
            finally:
                self._stop_everything()

    def stop(self) -> None:
        """Ask ``run`` to end; safe from any thread or signal handler."""
        self._stop.set()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the signal's interface
            self.stop()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _announce(self, state: RoleState) -> None:
        self._files.write(SUPERVISOR, processes.identify(os.getpid()), state, None)

    def _clean_up_previous(self) -> None:
        for name in end_leftover_roles(self.data_dir):
            self.console.say(SUPERVISOR, f"ended {name}, left behind by a run that was killed")
        for status, _ in self._files.all():
            self._files.remove(status.role)

    def _check_addresses(self) -> None:
        for role in self._roles:
            if role.spec.address is None:
                continue
            host, _, port = role.spec.address.rpartition(":")
            if not is_free(host.strip("[]"), int(port)):
                raise PortTaken(
                    f"cannot listen on {role.spec.address}: taken, or not ours; choose another with PORT= or DISTRICT_PORT"
                )

    def _start_servers(self) -> None:
        for server in self._servers:
            server.launch()
        while not all(server.settled() for server in self._servers):
            if self._stop.wait(TICK_S / 10):
                return
        for server in self._servers:
            server.require()

    def _urls(self) -> dict[str, str]:
        return self._environment | {server.variable: server.url for server in self._servers if server.url}

    def _run_tasks(self) -> None:
        for task in self._tasks:
            if self._stop.is_set():
                return
            child = subprocess.Popen(
                self._role_account.command(task.argv, death_signal="TERM"),
                cwd="/",
                env=self._role_account.environment({**self._urls(), **task.environment}),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            while child.poll() is None and not self._stop.wait(TICK_S / 5):
                for server in self._servers:
                    server.watch()
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(timeout=ROLE_GRACE_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            elif child.returncode:
                raise ServerFailed(f"{task.name} failed (exit code {child.returncode})")

    def _watch(self) -> None:
        known = self._urls()
        ready = False
        while not self._stop.is_set():
            for server in self._servers:
                server.watch()
            if (urls := self._urls()) != known:
                # A server had to move to another port: the roles learn it from their environment, so they start anew.
                known = urls
                for role in self._roles:
                    role.terminate()
            for role in self._roles:
                role.watch(known)
            if not ready and all(role.state == RoleState.RUNNING for role in self._roles):
                ready = True
                self._announce(RoleState.RUNNING)
                if self._on_ready:
                    self._on_ready()
            self._cap_server_logs()
            self._stop.wait(TICK_S)

    def _cap_server_logs(self) -> None:
        if time.monotonic() - self._logs_checked_at >= LOG_CHECK_S:
            self._logs_checked_at = time.monotonic()
            for server in self._servers:
                cap_log(server.server.log_path)

    def _stop_everything(self) -> None:
        """Roles first, then the servers under them, all within 10 s."""
        for role in self._roles:
            role.terminate()
        deadline = time.monotonic() + ROLE_GRACE_S
        for role in self._roles:
            role.finish(deadline=deadline)
        stopping = [threading.Thread(target=server.stop) for server in self._servers]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._files.remove(SUPERVISOR)
