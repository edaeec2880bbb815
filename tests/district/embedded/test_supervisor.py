"""The supervisor, with small programs as roles."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from district.embedded import processes
from district.embedded.account import own_account
from district.embedded.errors import AlreadyRunning, PortTaken, ServerFailed
from district.embedded.nats import NatsServer, free_port
from district.embedded.postgres import Cluster
from district.embedded.processes import ProcessId
from district.embedded.role import Console, RoleSpec, is_failure, restart_delay_s
from district.embedded.state import RoleFiles, RoleState, list_roles, stop_all, wait_until_running
from district.embedded.supervisor import Supervisor
from tests.product import wait_for

SLEEP = ["sleep", "600"]
FAIL = ["sh", "-c", "echo cannot work; exit 3"]
STUBBORN = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]
DEAF = "with a role that does not listen to SIGTERM"
SERVE = "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
PATIENCE_S = 120.0
ALONE = """
import sys
from pathlib import Path
from district.embedded.account import own_account
from district.embedded.role import RoleSpec
from district.embedded.supervisor import Supervisor
data_dir, port, code, *more = sys.argv[1:]
web = RoleSpec(name="web", argv=[sys.executable, "-c", code, port], address=f"127.0.0.1:{port}")
deaf = RoleSpec(name="deaf", argv=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
Supervisor(Path(data_dir), roles=[web, deaf] if more else [web], role_account=own_account()).run()
"""


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a fact."""
    wait_for("it", condition, timeout_s=PATIENCE_S)


@contextmanager
def supervising(supervisor: Supervisor) -> Iterator[None]:
    """``run`` in a thread; what it raises fails the test."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            supervisor.run()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        supervisor.stop()
        thread.join(timeout=PATIENCE_S)
        assert not thread.is_alive()
        assert not problems, problems


def make(data_dir: Path, *roles: RoleSpec, said: StringIO | None = None, **more: object) -> Supervisor:
    return Supervisor(
        data_dir,
        roles=roles,
        role_account=own_account(),
        console=Console(said or StringIO()),
        **more,  # type: ignore[arg-type]
    )


def process_of(data_dir: Path, role: str) -> ProcessId | None:
    return RoleFiles(data_dir).process(role)


def state_of(data_dir: Path, role: str) -> RoleState | None:
    return {status.role: status.state for status in list_roles(data_dir)}.get(role)


def running(data_dir: Path, role: str) -> ProcessId:
    eventually(lambda: process_of(data_dir, role) is not None)
    found = process_of(data_dir, role)
    assert found is not None
    return found


def deaf_one(data_dir: Path) -> ProcessId:
    """The role that does not listen to SIGTERM, once it does not."""
    found = running(data_dir, "deaf")
    eventually(lambda: does_not_hear(found.pid, signal.SIGTERM))
    return found


def does_not_hear(pid: int, number: signal.Signals) -> bool:
    """Whether a process ignores a signal (proc_pid_status(5), SigIgn)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (ignored,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:"))
    return bool(ignored >> (number - 1) & 1)


def is_back(server: Cluster | NatsServer, before: ProcessId) -> bool:
    return server.process() not in {None, before} and server.is_ready()


def start_alone(data_dir: Path, port: int, *more: str) -> "subprocess.Popen[bytes]":
    """A supervisor in a process of its own."""
    started = subprocess.Popen(
        [sys.executable, "-c", ALONE, str(data_dir), str(port), SERVE, *more], stderr=subprocess.DEVNULL
    )
    wait_until_running(data_dir, timeout_s=PATIENCE_S, gave_up=lambda: started.poll() is not None)
    return started


def test_killed_role_is_back_at_once(data_dir: Path) -> None:
    with supervising(make(data_dir, RoleSpec(name="web", argv=SLEEP))):
        before = running(data_dir, "web")
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: process_of(data_dir, "web") not in {None, before})
    assert process_of(data_dir, "web") is None


def test_failing_role_is_tried_less_and_less_and_said_so(data_dir: Path) -> None:
    said = StringIO()
    with supervising(
        make(data_dir, RoleSpec(name="engine", argv=FAIL), RoleSpec(name="web", argv=SLEEP), said=said)
    ):
        steady = running(data_dir, "web")
        eventually(lambda: "(3 times in a row); starts again in 1 s" in said.getvalue())
        assert process_of(data_dir, "web") == steady
        eventually(lambda: state_of(data_dir, "engine") == RoleState.WAITING)
    assert "engine | cannot work" in said.getvalue()
    assert "exit code 3" in said.getvalue()
    assert (data_dir / "logs" / "engine.log").read_text().count("cannot work") == said.getvalue().count(
        "cannot work"
    )


def test_delays_double_up_to_half_a_minute() -> None:
    assert [restart_delay_s(failures) for failures in range(1, 10)] == [0.1, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert restart_delay_s(10_000) == 30


@pytest.mark.parametrize(
    ("code", "lived_s", "failure"),
    [
        (1, 0.5, True),
        (1, 45, True),
        (0, 45, True),
        (1, 61, False),
        (-9, 0.5, True),
        (-9, 3, False),
        (-11, 100, False),
    ],
)
def test_early_end_counts_as_failure(code: int, lived_s: float, failure: bool) -> None:
    assert is_failure(code, lived_s=lived_s) is failure


def test_role_that_ignores_the_request_to_end_is_killed_in_time(data_dir: Path) -> None:
    said = StringIO()
    with supervising(make(data_dir, RoleSpec(name="deaf", argv=STUBBORN), said=said)):
        eventually(lambda: "deaf | deaf" in said.getvalue())
        found = running(data_dir, "deaf")
    assert not processes.is_alive(found)
    assert "does not stop; killed" in said.getvalue()


def test_killed_servers_come_back_and_roles_keep_their_addresses(
    data_dir: Path, quick: dict[str, str]
) -> None:
    cluster, nats = Cluster(data_dir, options=quick), NatsServer(data_dir)
    servers = [("postgres", "DISTRICT_DATABASE_URL", cluster), ("nats", "DISTRICT_NATS_URL", nats)]
    with supervising(make(data_dir, RoleSpec(name="web", argv=SLEEP), servers=servers)):
        web = running(data_dir, "web")
        environment = Path(f"/proc/{web.pid}/environ").read_text().split("\0")
        assert f"DISTRICT_DATABASE_URL={cluster.url}" in environment
        assert f"DISTRICT_NATS_URL={nats.url}" in environment
        for server in (cluster, nats):
            before = server.process()
            assert before is not None
            os.kill(before.pid, signal.SIGKILL)
            eventually(partial(is_back, server, before))
        assert process_of(data_dir, "web") == web
    assert not cluster.is_running()
    assert not nats.is_running()


def test_roles_start_only_after_the_tasks(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o755)
    order = data_dir.parent / "order"
    note = ["sh", "-c", f"echo $0 >> {order}; sleep 0.2; test $0 != role || exec sleep 600"]
    tasks = [RoleSpec(name="migrate", argv=[*note, "migrate"]), RoleSpec(name="load", argv=[*note, "load"])]
    with supervising(make(data_dir, RoleSpec(name="web", argv=[*note, "role"]), tasks=tasks)):
        eventually(lambda: order.exists() and "role" in order.read_text())
    assert order.read_text().split() == ["migrate", "load", "role"]


def test_failed_task_stops_the_start(data_dir: Path) -> None:
    supervisor = make(
        data_dir, RoleSpec(name="web", argv=SLEEP), tasks=[RoleSpec(name="migrate", argv=["false"])]
    )
    with pytest.raises(ServerFailed, match="migrate failed"):
        supervisor.run()
    assert process_of(data_dir, "web") is None


def test_taken_port_is_said_before_anything_starts(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        supervisor = make(
            data_dir,
            RoleSpec(name="web", argv=SLEEP, address=address),
            servers=[("postgres", "DISTRICT_DATABASE_URL", cluster)],
        )
        with pytest.raises(PortTaken, match=address):
            supervisor.run()
    assert not cluster.directory.exists()


def test_second_supervisor_is_refused(data_dir: Path) -> None:
    with supervising(make(data_dir, RoleSpec(name="web", argv=SLEEP))):
        web = running(data_dir, "web")
        with pytest.raises(AlreadyRunning, match="district down"):
            make(data_dir).run()
        assert process_of(data_dir, "web") == web


def test_ready_is_told_once_when_every_address_answers(data_dir: Path) -> None:
    port, told = free_port(), []
    late = f"import time; time.sleep(0.5); {SERVE}"
    role = RoleSpec(name="web", argv=[sys.executable, "-c", late, str(port)], address=f"127.0.0.1:{port}")
    with supervising(make(data_dir, role, on_ready=lambda: told.append(time.monotonic()))):
        eventually(lambda: bool(told))
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
        before = running(data_dir, "web")
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: process_of(data_dir, "web") not in {None, before})
        eventually(lambda: state_of(data_dir, "web") is RoleState.RUNNING)
    assert len(told) == 1


def test_interrupt_stops_everything_also_what_does_not_listen(data_dir: Path) -> None:
    started = start_alone(data_dir, free_port(), DEAF)
    web, deaf = running(data_dir, "web"), deaf_one(data_dir)
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=PATIENCE_S) == 0
    assert not processes.is_alive(web)
    assert not processes.is_alive(deaf)
    assert [status for status in list_roles(data_dir) if status.pid] == []


def test_next_start_cleans_up_after_a_killed_supervisor(data_dir: Path) -> None:
    port = free_port()
    started = start_alone(data_dir, port, DEAF)
    web, deaf = running(data_dir, "web"), deaf_one(data_dir)
    started.kill()
    started.wait()
    eventually(lambda: not processes.is_alive(web))  # told by the kernel that its parent is gone
    assert processes.is_alive(deaf)  # does not listen to that
    again = start_alone(data_dir, port)
    assert not processes.is_alive(deaf)
    again.terminate()
    again.wait(timeout=PATIENCE_S)


def test_down_stops_what_a_killed_supervisor_left(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    started = start_alone(data_dir, free_port(), DEAF)
    deaf = deaf_one(data_dir)
    started.kill()
    started.wait()
    stopped = stop_all(data_dir)
    assert {"postgres", "deaf"} <= set(stopped)
    assert not processes.is_alive(deaf)
    assert not cluster.is_running()
    assert stop_all(data_dir) == []


def test_down_stops_a_running_supervisor(data_dir: Path) -> None:
    started = start_alone(data_dir, free_port())
    assert "supervisor" in stop_all(data_dir)
    assert started.wait(timeout=PATIENCE_S) == 0


def test_ps_tells_a_used_again_pid_from_the_role(data_dir: Path) -> None:
    with supervising(make(data_dir, RoleSpec(name="web", argv=SLEEP))):
        running(data_dir, "web")
    record = {"role": "web", "pid": os.getpid(), "start_ticks": 1, "state": "running", "address": None}
    (data_dir / "roles" / "web.json").write_text(json.dumps(record))
    assert [(s.role, s.pid, s.state) for s in list_roles(data_dir)] == [("web", None, RoleState.STOPPED)]
    assert stop_all(data_dir) == []


def test_stop_in_the_middle_of_a_restart_leaves_no_server(data_dir: Path, quick: dict[str, str]) -> None:
    cluster, nats = Cluster(data_dir, options=quick), NatsServer(data_dir)
    servers = [("postgres", "DISTRICT_DATABASE_URL", cluster), ("nats", "DISTRICT_NATS_URL", nats)]
    said = StringIO()
    with supervising(make(data_dir, RoleSpec(name="web", argv=SLEEP), servers=servers, said=said)):
        running(data_dir, "web")
        for server in (cluster, nats):
            before = server.process()
            assert before is not None
            os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: said.getvalue().count("is gone; starting it again") == 2)
    time.sleep(1)  # long enough for a start that was not given up to be seen
    assert not cluster.is_running()
    assert not nats.is_running()
    assert list(processes.inside(cluster.directory)) == []
