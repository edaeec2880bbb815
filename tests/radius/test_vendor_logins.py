"""What the sign-in page hands to each product comes back from it as a RADIUS request, and FreeRADIUS says yes.

The products' part is played here, from their own texts.
"""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from district.gateways.caller import Caller, CallPolicy
from district.gateways.dialect import Dialect, GatewayInfo, Go, PlanInfo, Post
from district.gateways.dialect import Login as GatewayLogin
from district.gateways.vendors import DIALECTS
from district.gateways.vendors.portal2 import Portal2Controller
from tests.district.gateways.redirect_makers import FIELDS, ORIGIN, SECRET, chilli_query
from tests.radius.conftest import Login, Venue
from tests.radius.server import FreeRadius, Reply

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
CHALLENGE = "97519994bfee43062a85e6505321fca3"
CONTROLLER = Path(__file__).parent.parent / "district" / "gateways" / "portal2_controller.py"


def granted(vendor: str, login: Login, query: str, **options: str) -> Go | Post:
    """What the page sends the browser on with."""
    dialect: Dialect = DIALECTS[vendor]
    info = GatewayInfo(
        slug="west",
        vendor=vendor,
        secret=SECRET,
        public_url="",
        portal_url=f"{ORIGIN}/portal/west",
        options=options,
    )
    arrival = dialect.identify(info, query.encode(), machine_now=NOW)
    step = dialect.grant(info, arrival, handed(login), machine_now=NOW)
    assert isinstance(step, Go | Post)
    return step


def handed(login: Login) -> GatewayLogin:
    return GatewayLogin(
        session_id=login.session_id,
        username=login.username,
        password=login.password,
        plan=PlanInfo(),
        landing_url=f"{ORIGIN}/portal/west/welcome",
    )


def chap(radius: FreeRadius, login: Login, *, password: str, challenge: str) -> Reply:
    return radius.ask(f"{login.lines}\nCHAP-Password = 0x{password}\nCHAP-Challenge = 0x{challenge}")


def test_chilli_s_chap_request_is_accepted(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    query = chilli_query(f"{ORIGIN}/portal/west", {**FIELDS["coovachilli"], "challenge": CHALLENGE})
    step = granted("coovachilli", login, query)
    asked = parse_qs(urlsplit(step.url).query)
    assert asked["username"] == [login.username]
    shared = hashlib.md5(bytes.fromhex(CHALLENGE) + SECRET.encode()).hexdigest()
    wrong = chap(radius, login, password="00" + "11" * 16, challenge=shared)
    assert wrong.kind == "Access-Reject"
    reply = chap(radius, login, password="00" + asked["response"][0], challenge=shared)
    assert reply.kind == "Access-Accept", radius.log


def test_chilli_s_pap_request_is_accepted(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    query = chilli_query(f"{ORIGIN}/portal/west", {**FIELDS["coovachilli"], "challenge": CHALLENGE})
    step = granted("coovachilli", login, query, response="pap")
    hidden = bytes.fromhex(parse_qs(urlsplit(step.url).query)["password"][0])
    shared = hashlib.md5(bytes.fromhex(CHALLENGE) + SECRET.encode()).digest()
    password = bytes(letter ^ shared[at % 16] for at, letter in enumerate(hidden)).decode()
    reply = radius.ask(f'{login.lines}\nService-Type = Login-User\nUser-Password = "{password}"')
    assert reply.kind == "Access-Accept", radius.log


@pytest.mark.parametrize(
    ("form", "name"), [("meraki_sign_on", "username"), ("aruba", "user"), ("cisco", "username")]
)
def test_a_posted_log_in_is_accepted_once(venue: Venue, radius: FreeRadius, form: str, name: str) -> None:
    login = venue.log_in()
    step = granted(form.partition("_")[0], login, urlencode(FIELDS[form]))
    assert isinstance(step, Post)
    assert step.fields[name] == login.username
    lines = f'{login.lines}\nService-Type = Login-User\nUser-Password = "{step.fields["password"]}"'
    assert radius.ask(lines).kind == "Access-Accept", radius.log
    assert radius.ask(lines).kind == "Access-Reject"


def test_an_access_controller_s_chap_request_is_accepted(venue: Venue, radius: FreeRadius) -> None:
    login = venue.log_in()
    wanted = json.dumps({"secret": SECRET})
    with subprocess.Popen(
        [sys.executable, str(CONTROLLER), wanted], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = f"udp://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        info = GatewayInfo(
            slug="west", vendor="portal2", secret=SECRET, public_url="", options={"controller_url": url}
        )
        with Caller(CallPolicy(origin=url, allows_loopback=True)) as caller:
            Portal2Controller().admit(info, login.mac, {"user_ip": "10.0.0.5"}, handed(login), caller)
        said = [json.loads(process.stdout.readline()) for _line in range(3)]
        process.kill()
    heard = next(line for line in said if "chap_password" in line)
    reply = chap(radius, login, password=heard["chap_password"], challenge=heard["chap_challenge"])
    assert reply.kind == "Access-Accept", (said, login, reply)
