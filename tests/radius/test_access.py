"""Who gets on line, asked as a NAS asks: radclient, FreeRADIUS, the product, PostgreSQL."""

from datetime import timedelta

import pytest

from tests.radius.conftest import MAC, Login, Venue, request_lines
from tests.radius.server import FreeRadius

FORMS = {
    "PAP": 'User-Password = "{}"',
    "CHAP": 'CHAP-Password = "{}"',
    "MSCHAP": 'MS-CHAP-Password = "{}"',
}


@pytest.mark.parametrize("form", FORMS)
def test_a_one_time_token_opens_the_wifi_in_every_form(venue: Venue, radius: FreeRadius, form: str) -> None:
    login = venue.log_in()
    reply = radius.ask(f"{login.lines}\n{FORMS[form].format(login.password)}")
    assert reply.kind == "Access-Accept", radius.log
    assert reply.get("Session-Timeout") == "3600"
    assert reply.get("Idle-Timeout") == "600"
    assert reply.get("Acct-Interim-Interval") == "300"
    assert reply.get("WISPr-Bandwidth-Max-Up") == "1000000"
    assert reply.get("WISPr-Bandwidth-Max-Down") == "5000000"
    assert reply.get("Mikrotik-Rate-Limit") == "1000k/5000k"
    assert reply.get("Mikrotik-Total-Limit") == "2147483648"
    assert reply.get("Mikrotik-Total-Limit-Gigawords") == "1"
    assert reply.get("ChilliSpot-Max-Total-Octets") == "2147483648"
    assert reply.get("Class") is not None
    assert reply.get("Chargeable-User-Identity") is not None


def test_an_answer_is_signed_by_its_first_attribute(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    accepted = radius.ask(f'{login.lines}\nUser-Password = "{login.password}"')
    refused = radius.ask(f'{login.lines}\nUser-Password = "wrong"')
    assert (accepted.kind, refused.kind) == ("Access-Accept", "Access-Reject")
    assert accepted.names[0] == refused.names[0] == "Message-Authenticator"


def test_a_request_without_a_message_authenticator_is_dropped(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    reply = radius.ask(f'{login.lines}\nUser-Password = "{login.password}"', signed=False, wait_s=1)
    assert reply.kind == ""


def refused(radius: FreeRadius, login: Login, *, lines: str = "", password: str = "") -> str | None:
    """The message of a refusal, which carries nothing of the plan."""
    reply = radius.ask(f'{lines or login.lines}\nUser-Password = "{password or login.password}"')
    assert reply.kind == "Access-Reject", reply
    assert set(reply.names) <= {"Message-Authenticator", "Reply-Message"}, reply.names
    return reply.get("Reply-Message")


def test_a_token_is_refused_to_another_device(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    assert refused(radius, login, lines=request_lines(login.username, "02aa22334477"))


def test_a_token_is_refused_at_another_gateway(venue: Venue, radius: FreeRadius) -> None:
    assert refused(radius, venue.log_in(gateway_id=venue.other_gateway_id))


def test_a_token_is_refused_after_two_minutes(venue: Venue, radius: FreeRadius) -> None:
    assert refused(radius, venue.log_in(age=timedelta(seconds=121)))


def test_a_token_opens_one_session_only(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    assert radius.ask(f'{login.lines}\nUser-Password = "{login.password}"').kind == "Access-Accept"
    assert refused(radius, login)


def test_a_wrong_password_uses_nothing_up(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    refused(radius, login, password="not the token")
    assert radius.ask(f'{login.lines}\nUser-Password = "{login.password}"').kind == "Access-Accept"


def test_an_unknown_name_is_refused_in_both_languages(venue: Venue, radius: FreeRadius) -> None:
    reply = radius.ask(f'{request_lines("nobody")}\nUser-Password = "x"')
    assert reply.kind == "Access-Reject"
    message = reply.get("Reply-Message") or ""
    assert "认证页" in message
    assert "sign-in page" in message


def test_a_refusal_speaks_the_members_language(venue: Venue, radius: FreeRadius) -> None:
    message = refused(radius, venue.log_in(language="zh", age=timedelta(seconds=121)))
    assert message == "请在认证页重新登录。"


def test_what_looks_like_an_expansion_stays_text(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in(password="%{md5:abc}")
    digest = radius.ask(f'{login.lines}\nUser-Password = "900150983cd24fb0d6963f7d28e17f72"')
    assert digest.kind == "Access-Reject", "the portal's text was executed"
    reply = radius.ask(f"{login.lines}\nUser-Password = '%{{md5:abc}}'")
    assert reply.kind == "Access-Accept", radius.log


@pytest.mark.parametrize("name", ["%{md5:abc}", 'a\\"b', "名字", "x" * 253, "' OR 1=1 --"])
def test_a_name_that_nobody_has_is_only_refused(venue: Venue, radius: FreeRadius, name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    reply = radius.ask(f"User-Name = \"{escaped}\"\nUser-Password = 'x'\nNAS-IP-Address = 10.0.0.1")
    assert reply.kind == "Access-Reject"


def test_no_secret_and_no_password_is_in_the_log(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in(mac=MAC)
    radius.ask(f'{login.lines}\nUser-Password = "{login.password}"')
    assert login.password not in radius.log + radius.output
