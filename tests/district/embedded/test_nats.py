"""The private nats-server, on real servers."""

import os
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from district.embedded import processes
from district.embedded.account import service_account
from district.embedded.nats import NatsServer, free_port, greet


def kill(server: NatsServer) -> None:
    process = server.process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert processes.wait_gone(process, timeout_s=60)


async def connected(url: str) -> Client:
    client = Client()
    await client.connect(url, connect_timeout=30, allow_reconnect=False)
    return client


async def test_messages_survive_a_kill_and_the_address_stays(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    url = server.start()
    client = await connected(url)
    stream = client.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept.>"])
    for number in range(100):
        await stream.publish("kept.x", str(number).encode())
    await client.close()
    kill(server)
    assert NatsServer(data_dir).start() == url
    client = await connected(url)
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 100
    await client.close()


async def test_eight_mebibytes_fit_in_one_message(data_dir: Path) -> None:
    client = await connected(NatsServer(data_dir).start())
    assert client.max_payload == 8 << 20
    await client.close()


def test_password_is_random_private_and_needed(data_dirs: Callable[[str], Path]) -> None:
    first, second = NatsServer(data_dirs("first")), NatsServer(data_dirs("second"))
    url = first.start()
    second.start()
    password = first.directory / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert stat.S_IMODE((first.directory / "nats.conf").stat().st_mode) == 0o600
    assert len(password.read_text().strip()) >= 32
    assert password.read_text() != (second.directory / "password").read_text()
    with pytest.raises(PermissionError):
        greet(url.replace(password.read_text().strip(), "guessed"))


def test_server_listens_on_loopback_as_the_unprivileged_account(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    server.start()
    assert server.address.startswith("127.0.0.1:")
    process = server.process()
    assert process is not None
    assert Path(f"/proc/{process.pid}").stat().st_uid == service_account(data_dir).uid != 0
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert (server.directory / "password").read_bytes().strip() not in command


def test_taken_port_is_replaced(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    before = server.start()
    server.stop()
    port = int(server.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        after = server.start()
    assert after != before
    assert server.is_ready()


def test_free_port_is_none_that_an_outgoing_connection_is_given() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < first for _ in range(20))


def test_pid_of_another_process_is_not_ours(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    server.start()
    kill(server)
    record = server.directory / "process.json"
    record.write_text(f'{{"pid": {os.getpid()}, "start_ticks": 1}}')
    assert server.process() is None
    server.stop()
    assert server.start()
    assert server.is_ready()


def test_start_of_a_running_server_changes_nothing(data_dir: Path) -> None:
    server = NatsServer(data_dir)
    server.start()
    before = server.process()
    NatsServer(data_dir).start()
    assert server.process() == before


def test_path_with_spaces_and_quotes(data_dirs: Callable[[str], Path]) -> None:
    server = NatsServer(data_dirs('with spaces "and" quotes 数据'))
    assert greet(server.start())["jetstream"] is True
    assert any((server.directory / "jetstream").iterdir())


def test_greeting_nobody_is_an_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        greet(f"nats://127.0.0.1:{free_port()}")
