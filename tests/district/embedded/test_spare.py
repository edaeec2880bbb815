"""A spare process takes a killed role's place at once, and goes when the product goes."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from district.embedded import processes, role
from district.embedded.account import own_account
from district.embedded.checks import migration_config, schema_heads
from district.embedded.nats import free_port
from district.embedded.processes import ProcessId
from district.embedded.role import Console, Role, RoleSpec
from district.embedded.state import RoleFiles, RoleState

PROGRAM = """
import socket, sys, time
from pathlib import Path
from district.embedded.spare import wait_for_turn
port, mark, *spare = sys.argv[1:]
if spare:
    Path(mark).write_text("loaded")
    wait_for_turn()
listening = socket.create_server(("127.0.0.1", int(port)))
time.sleep(600)
"""


class Supervised:
    """One role with a spare, looked at by the test itself."""

    def __init__(self, directory: Path) -> None:
        self.port, self.loaded = free_port(), directory / "loaded"
        files = RoleFiles(directory, account=own_account())
        files.prepare()
        argv = [sys.executable, "-c", PROGRAM, str(self.port), str(self.loaded)]
        spec = RoleSpec(name="web", argv=argv, spare_argv=[*argv, "spare"], address=f"127.0.0.1:{self.port}")
        self.files = files
        self.said = StringIO()
        self.role = Role(spec, account=own_account(), logs=directory, files=files, console=Console(self.said))

    def until(self, state: RoleState, environment: dict[str, str] | None = None) -> None:
        """Look until the role is in this state."""
        began = time.monotonic()
        self.role.watch(environment or {})
        while self.role.state is not state:
            assert time.monotonic() - began < 90, self.said.getvalue()
            self.role.watch(environment or {})
            time.sleep(0.02)

    def with_spare(self, environment: dict[str, str] | None = None) -> int:
        """Look until a spare has loaded; its process."""
        self.until(RoleState.RUNNING, environment)
        began = time.monotonic()
        while not self.loaded.exists():
            assert time.monotonic() - began < 90, self.said.getvalue()
            self.role.watch(environment or {})
            time.sleep(0.02)
        (spare,) = self.children() - {self.process().pid}
        return spare

    def process(self) -> ProcessId:
        found = self.files.process("web")
        assert found is not None
        return found

    def kill(self, environment: dict[str, str] | None = None) -> None:
        """kill -9; look until the role runs again."""
        os.kill(self.process().pid, signal.SIGKILL)
        self.until(RoleState.WAITING, environment)
        self.until(RoleState.RUNNING, environment)

    def children(self) -> set[int]:
        """Everything that belongs to this role, by what it was started with."""
        return {
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdigit() and str(self.port).encode() in _command_of(path)
        }


def _command_of(path: Path) -> list[bytes]:
    try:
        return (path / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervised]:
    monkeypatch.setattr(role, "SPARE_AFTER_S", 0.0)
    made = Supervised(tmp_path)
    yield made
    made.role.terminate()
    made.role.finish(deadline=time.monotonic() + 60)


def test_a_spare_takes_over(supervised: Supervised) -> None:
    spare = supervised.with_spare()
    supervised.kill()
    assert supervised.process().pid == spare
    socket.create_connection(("127.0.0.1", supervised.port), timeout=30).close()


def test_a_spare_that_knows_an_old_address_is_not_used(supervised: Supervised) -> None:
    spare = supervised.with_spare({"DISTRICT_NATS_URL": "nats://old"})
    supervised.kill({"DISTRICT_NATS_URL": "nats://new"})
    assert supervised.process().pid != spare
    environment = Path(f"/proc/{supervised.process().pid}/environ").read_bytes()
    assert b"DISTRICT_NATS_URL=nats://new" in environment


def test_a_spare_ends_with_its_role(supervised: Supervised) -> None:
    spare = supervised.with_spare()
    process = supervised.process()
    assert supervised.children() == {process.pid, spare}
    supervised.role.terminate()
    supervised.role.finish(deadline=time.monotonic() + 60)
    assert not processes.is_alive(process)
    assert supervised.children() == set()


def test_without_a_living_spare_the_role_is_started_as_ever(supervised: Supervised) -> None:
    os.kill(supervised.with_spare(), signal.SIGKILL)
    supervised.kill()
    with socket.create_connection(("127.0.0.1", supervised.port), timeout=30) as connection:
        assert connection.getpeername() == ("127.0.0.1", supervised.port)


def test_the_newest_revisions_are_those_that_alembic_finds() -> None:
    assert schema_heads() == set(ScriptDirectory.from_config(migration_config()).get_heads())
