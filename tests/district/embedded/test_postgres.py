"""The private PostgreSQL, on real servers."""

import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from district.embedded import processes
from district.embedded.account import service_account
from district.embedded.errors import EmbeddedError, ProgramMissing
from district.embedded.postgres import Cluster

START = """
import sys
from pathlib import Path
from district.embedded.postgres import Cluster
print(Cluster(Path(sys.argv[1]), options={"fsync": "off", "shared_buffers": "16MB"}).start())
"""


def value_of(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def execute(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(cluster.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def kill(cluster: Cluster) -> None:
    process = cluster.process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert processes.wait_gone(process, timeout_s=60)


def test_first_start_gives_postgis_on_a_socket_only(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    assert cluster.url == cluster.start()
    assert value_of(cluster, "SELECT ST_Distance('POINT(0 0)'::geometry, 'POINT(3 4)'::geometry)") == 5
    assert (
        value_of(cluster, "SELECT count(*) FROM pg_extension WHERE extname IN ('postgis', 'btree_gist')") == 2
    )
    assert value_of(cluster, "SHOW listen_addresses") == ""
    assert value_of(cluster, "SHOW jit") == "off"
    assert value_of(cluster, "SHOW synchronous_commit") == "on"
    assert value_of(cluster, "SHOW fsync") == "off"
    assert cluster.socket_directory.stat().st_mode & 0o777 == 0o700
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_server_runs_as_the_unprivileged_account(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    process = cluster.process()
    assert process is not None
    owner = Path(f"/proc/{process.pid}").stat().st_uid
    assert owner != 0
    assert owner == service_account(data_dir).uid


def test_start_of_a_running_cluster_changes_nothing(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    before = cluster.process()
    again = Cluster(data_dir, options=quick)
    again.start()
    assert again.process() == before


def test_stop_and_start_keep_the_data(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    execute(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    assert not cluster.is_running()
    Cluster(data_dir, options=quick).start()
    assert value_of(cluster, "SELECT answer FROM kept") == 42


def test_kill_of_the_postmaster_is_survived_under_load(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options={**quick, "fsync": "on"})
    cluster.start()
    execute(cluster, "CREATE TABLE kept (number int)")
    committed = 0

    def write() -> None:
        nonlocal committed
        try:
            while True:
                execute(cluster, f"INSERT INTO kept VALUES ({committed})")
                committed += 1
        except psycopg.OperationalError:
            return

    writer = threading.Thread(target=write)
    writer.start()
    while committed < 50:
        time.sleep(0.005)
    kill(cluster)
    writer.join()
    Cluster(data_dir, options=quick).start()
    stored = value_of(cluster, "SELECT count(*) FROM kept")
    assert stored in {committed, committed + 1}


def test_backend_that_outlives_its_postmaster_does_not_block_the_next(
    data_dir: Path, quick: dict[str, str]
) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    busy = psycopg.connect(cluster.url.replace("+psycopg", ""))
    # Pure computation: the backend does not look at its postmaster for as long as this takes.
    query = "SELECT length(repeat(md5(g::text), 1000)) FROM generate_series(1, 100000000) g ORDER BY 1"

    def compute() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute(query)

    runner = threading.Thread(target=compute)
    backend = busy.info.backend_pid
    runner.start()
    kill(cluster)
    Cluster(data_dir, options=quick).start()
    runner.join(timeout=120)
    assert not runner.is_alive()
    assert processes.identify(backend) is None
    busy.close()


def test_pid_file_of_another_process_is_stale(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    pid_file = cluster.directory / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(cluster)
    # A pid is used again, here by us: we are alive, and no PostgreSQL.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    (cluster.socket_directory / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert not cluster.is_running()
    Cluster(data_dir, options=quick).start()
    assert value_of(cluster, "SELECT 1") == 1


def test_two_first_starts_at_once_share_one_cluster(data_dir: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert Cluster(data_dir).is_ready()


def test_first_start_that_was_killed_leaves_nothing_in_the_way(data_dir: Path, quick: dict[str, str]) -> None:
    start = subprocess.Popen(
        [sys.executable, "-c", START, str(data_dir)], start_new_session=True, stdout=subprocess.DEVNULL
    )
    while not (data_dir / "postgres.new").exists():
        assert start.poll() is None
        time.sleep(0.01)
    os.killpg(start.pid, signal.SIGKILL)
    start.wait()
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    assert value_of(cluster, "SELECT count(*) FROM pg_extension WHERE extname = 'postgis'") == 1


@pytest.mark.parametrize("name", ["a path with spaces", 'o\'brien "$HOME" `x`', "数据", "long" * 30])
def test_any_path_will_do(data_dirs: Callable[[str], Path], quick: dict[str, str], name: str) -> None:
    cluster = Cluster(data_dirs(name), options=quick)
    cluster.start()
    assert value_of(cluster, "SHOW data_directory") == str(cluster.directory)
    socket_directory = cluster.socket_directory
    assert len(os.fsencode(socket_directory)) < 90
    cluster.stop()


def test_two_data_directories_run_side_by_side(
    data_dirs: Callable[[str], Path], quick: dict[str, str]
) -> None:
    first, second = (Cluster(data_dirs(name), options=quick) for name in ("first", "second"))
    first.start()
    second.start()
    execute(first, "CREATE TABLE only_here ()")
    assert first.url != second.url
    assert value_of(second, "SELECT to_regclass('only_here') IS NULL") is True


def test_an_operators_own_options_survive_starts(data_dir: Path, quick: dict[str, str]) -> None:
    cluster = Cluster(data_dir, options=quick)
    cluster.start()
    cluster.stop()
    local = cluster.directory / "local.conf"
    local.write_text("work_mem = '7MB'\n")
    local.chmod(0o644)
    cluster.start()
    assert value_of(cluster, "SHOW work_mem") == "7MB"


def test_data_of_a_version_that_is_not_installed_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    account = service_account(data_dir)
    account.own(data_dir)
    with pytest.raises(ProgramMissing, match="PostgreSQL 12"):
        Cluster(data_dir).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused by somebody else's directory here")
def test_directory_of_somebody_else_is_left_alone(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o755)
    (data_dir / "precious").write_text("theirs")
    with pytest.raises(EmbeddedError, match="neither empty"):
        Cluster(data_dir).start()
    assert data_dir.stat().st_mode & 0o777 == 0o755
    assert data_dir.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a directory that the account cannot enter")
def test_private_home_is_refused_with_a_way_out(data_dirs: Callable[[str], Path]) -> None:
    home = data_dirs("home")
    home.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match="DISTRICT_DATA_DIR outside home directories"):
        Cluster(home / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_unprivileged_user_needs_no_root(data_dirs: Callable[[str], Path]) -> None:
    data_dir = data_dirs("of nobody/data")
    home = data_dir.parent
    home.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    readable = Path("/usr/bin/python3")
    script = START.replace("import sys\n", f"import sys\nsys.path[:0] = {[p for p in sys.path if p]!r}\n", 1)
    become = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--"]
    started = subprocess.run(
        [*become, "sh", "-c", 'exec "$@"', "sh", str(readable), "-c", script, str(data_dir)],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": "/tmp"},
        timeout=120,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    process = Cluster(data_dir).process()
    assert process is not None
    assert Path(f"/proc/{process.pid}").stat().st_uid == nobody.pw_uid
