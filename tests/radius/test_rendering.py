"""What `district radius render` writes runs as it stands, and says what happens while the portal is away."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from district.members import service as members
from district.radius.rendering import kept_key
from tests.radius.conftest import Venue, request_lines, spelled
from tests.radius.gate import Gate
from tests.radius.server import FREERADIUS, FreeRadius


def command(venue: Venue, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`district …` beside the running product."""
    own = {
        "DISTRICT_DATA_DIR": str(venue.product.data_dir),
        "DISTRICT_PORT": str(venue.product.port),
        "COLUMNS": "200",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
    return subprocess.run(
        [sys.executable, "-m", "district", *arguments],
        env={**kept, **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_writes_a_configuration_that_freeradius_takes(venue: Venue, tmp_path: Path) -> None:
    raddb = tmp_path / "raddb"
    arguments = ("radius", "render", str(raddb), "--district", venue.district.slug, "--account", "")
    written = command(venue, *arguments)
    assert written.returncode == 0, written.stderr
    checked = subprocess.run(
        [FREERADIUS, "-C", "-X", "-d", str(raddb)], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stdout[-2000:]
    assert kept_key(raddb)


def test_a_client_that_fails_open_lets_people_in_for_a_while_when_the_portal_is_away(
    venue: Venue, gate: Gate
) -> None:
    client = replace(venue.client, fail_open=True)
    with FreeRadius(gate.url, venue.key, [client]) as server:
        login = venue.log_in()
        with gate.is_shut():
            reply = server.ask(f'{login.lines}\nUser-Password = "{login.password}"')
        assert (reply.kind, reply.get("Session-Timeout")) == ("Access-Accept", "900")
        assert server.ask(f'{request_lines("nobody")}\nUser-Password = "x"').kind == "Access-Reject"


def test_a_device_met_before_comes_back_by_its_address(venue: Venue, radius: FreeRadius) -> None:
    mac = "02aa22330099"
    with venue.product.makers() as makers:
        member = venue.member(makers)
        members.see_device(makers.session, venue.info, member, mac=mac, clock=makers.clock)
        makers.done()
    lines = f'{request_lines(spelled(mac), mac)}\nUser-Password = "{spelled(mac)}"\nService-Type = Call-Check'
    reply = radius.ask(lines)
    assert reply.kind == "Access-Accept", radius.log
    assert reply.get("Class") is not None
    again = radius.ask(lines)
    assert again.kind == "Access-Accept"
    assert again.get("Class") == reply.get("Class")
    stranger = request_lines(spelled("02aa22330098"), "02aa22330098")
    assert radius.ask(f'{stranger}\nUser-Password = "x"\nService-Type = Call-Check').kind == "Access-Reject"
