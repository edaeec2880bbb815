"""What becomes of sessions, told as a NAS tells it; nothing is lost while the product is away."""

import signal
from typing import Any

from tests.product import wait_for
from tests.radius.conftest import ACCESS_POINT, Venue, request_lines, spelled
from tests.radius.gate import Gate
from tests.radius.server import FreeRadius

TAKEN = "Accounting-Response"
WITHIN_S = 90.0


def packet(username: str, session: str, status: str, *lines: str, mac: str = "02aa22334466") -> str:
    """An accounting packet."""
    return "\n".join(
        (
            request_lines(username, mac),
            f'Acct-Session-Id = "{session}"',
            f"Acct-Status-Type = {status}",
            *lines,
        )
    )


def session_row(venue: Venue, session: str) -> tuple[Any, ...] | None:
    """What is stored of a session."""
    rows = venue.product.rows(
        "SELECT wifi_session_id, member_id, session_s, up_octets, down_octets, stopped_at, terminate_cause, ssid,"
        " access_point_mac, calling_station FROM radius_session WHERE district_id = %s AND session_id = %s",
        venue.district.id,
        session,
    )
    return rows[0] if rows else None


def test_a_session_from_start_to_stop_is_one_row(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in(mac="02aa22330001")
    accepted = radius.ask(f'{login.lines}\nUser-Password = "{login.password}"')
    mark = f"Class = {accepted.get('Class')}"

    def send(status: str, *lines: str) -> None:
        told = packet("somebody", "s-1", status, mark, *lines, mac=login.mac)
        assert radius.account(told).kind == TAKEN

    send("Start")
    row = wait_for("the session", lambda: session_row(venue, "s-1"), timeout_s=WITHIN_S)
    assert row[:2] == (login.session_id, login.member_id)
    assert (row[5], row[7], row[8]) == (None, "Free Wi-Fi", ACCESS_POINT)
    assert row[9] == spelled(login.mac)
    confirmed = venue.product.row(
        "SELECT confirmed_by, ended_at FROM wifi_session WHERE district_id = %s AND id = %s",
        venue.district.id,
        login.session_id,
    )
    assert confirmed == ("radius", None)
    send("Stop", "Acct-Session-Time = 300", "Acct-Input-Octets = 5", "Acct-Input-Gigawords = 1",
         "Acct-Output-Octets = 7", "Acct-Terminate-Cause = User-Request")  # fmt: skip
    send("Interim-Update", "Acct-Session-Time = 200", "Acct-Input-Octets = 9")
    send("Stop", "Acct-Session-Time = 300", "Acct-Input-Octets = 5", "Acct-Input-Gigawords = 1",
         "Acct-Output-Octets = 7", "Acct-Terminate-Cause = User-Request")  # fmt: skip
    wait_for(
        "the end", lambda: (found := session_row(venue, "s-1")) is not None and found[5], timeout_s=WITHIN_S
    )
    last = session_row(venue, "s-1")
    assert last is not None
    assert last[2:5] == (300, (1 << 32) + 5, 7)
    assert (last[6], last[9]) == ("User-Request", "")
    ended = venue.product.row(
        "SELECT ended_because, device_mac FROM wifi_session WHERE district_id = %s AND id = %s",
        venue.district.id,
        login.session_id,
    )
    assert ended == ("User-Request", "")


def test_a_session_is_a_sighting_at_its_access_point(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in(mac="02aa22330002")
    radius.ask(f'{login.lines}\nUser-Password = "{login.password}"')
    assert radius.account(packet(login.username, "s-2", "Start", mac=login.mac)).kind == TAKEN
    count = (
        "SELECT count(*) FROM raw_sighting r JOIN feed f ON f.district_id = r.district_id AND f.id = r.feed_id"
        " WHERE f.district_id = %s AND f.vendor = 'radius' AND r.member_id = %s"
    )

    def is_seen() -> bool:
        assert radius.account(
            packet(login.username, "s-2", "Interim-Update", "Acct-Session-Time = 1", mac=login.mac)
        ).kind
        return bool(venue.product.row(count, venue.district.id, login.member_id)[0] > 0)

    wait_for("a sighting of the member", is_seen, timeout_s=WITHIN_S)


def test_a_nas_that_starts_again_has_no_sessions(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in(mac="02aa22330003")
    told = packet(login.username, "s-3", "Start", "Acct-Delay-Time = 2", mac=login.mac)
    assert radius.account(told).kind == TAKEN
    wait_for("the session", lambda: session_row(venue, "s-3"), timeout_s=WITHIN_S)
    reboot = 'NAS-IP-Address = 10.0.0.1\nNAS-Identifier = "nas-1"\nAcct-Session-Id = "0"\nAcct-Status-Type = Accounting-On'
    assert radius.account(reboot).kind == TAKEN
    wait_for(
        "the end",
        lambda: (found := session_row(venue, "s-3")) is not None and found[6] == "NAS-Reboot",
        timeout_s=WITHIN_S,
    )


def stops(venue: Venue, radius: FreeRadius, sessions: list[str]) -> None:
    """The end of each of these sessions, taken from the NAS."""
    for session in sessions:
        told = packet("w0", session, "Stop", "Acct-Session-Time = 60", "Acct-Input-Octets = 1")
        assert radius.account(told).kind == TAKEN, radius.log


def stored(venue: Venue, prefix: str) -> int:
    """How many sessions of this name are stored."""
    count: int = venue.product.row(
        "SELECT count(*) FROM radius_session WHERE district_id = %s AND session_id LIKE %s",
        venue.district.id,
        f"{prefix}-%",
    )[0]
    return count


def test_accounting_waits_on_disk_while_the_portal_is_away_also_over_a_restart(
    venue: Venue, radius: FreeRadius, gate: Gate
) -> None:
    sessions = [f"spool-{number}" for number in range(10)]
    with gate.is_shut():
        login = venue.log_in()
        refused = radius.ask(f'{login.lines}\nUser-Password = "{login.password}"')
        assert refused.kind == "Access-Reject"
        stops(venue, radius, sessions[:5])
        assert radius.spooled_bytes
        radius.stop(by=signal.SIGKILL)
        radius.start()
        stops(venue, radius, sessions[5:])
    wait_for("every packet is stored", lambda: stored(venue, "spool") == len(sessions), timeout_s=120)
    known = venue.product.row(
        "SELECT count(*) FROM radius_session WHERE gateway_id = %s AND session_id LIKE 'spool-%%'",
        venue.gateway_id,
    )
    assert known[0] == len(sessions), "the spool forgot which NAS told"
    wait_for("the spool is empty", lambda: radius.spooled_bytes == 0, timeout_s=120)


def test_a_killed_portal_loses_no_packet(venue: Venue, radius: FreeRadius) -> None:
    sessions = [f"kill-{number}" for number in range(30)]
    stops(venue, radius, sessions[:10])
    venue.product.kill("web")
    stops(venue, radius, sessions[10:])
    wait_for("every packet is stored", lambda: stored(venue, "kill") == len(sessions), timeout_s=120)
    wait_for("the portal is back", venue.product.is_ready, timeout_s=120)
